"""A search with Optuna and PyTorch until it holds trials of given validation accuracies, as experts of both write it.

Optuna: its default sampler (TPE, seeded) over a study that all processes share through the journal in a file, one
process a core; conditional parameters are asked for only where they matter; --pruner says what stops a trial early.
PyTorch: data standardised once and held in memory as tensors, minibatches by index, fused optimisers, no DataLoader.
The space is the file that caviar reads, the validation examples those of `caviar-bench quality --split`.

The clock starts when every process has its libraries, its data and a warm PyTorch. A target counts as reached by any
validation accuracy that a trial reports, at the end of each epoch, also if the trial ends worse or is pruned. Prints one
JSON object like that of `caviar-bench quality`.
"""
import argparse
import ctypes
import json
import math
import multiprocessing
import os
import tempfile
import time
import warnings

import optuna
import torch
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn
from torch.nn import functional

import common

EVALUATION_BATCH = 2000


# ----------------------------------------------------------------------------------------------------------- the space


def suggest(trial, name, parameter):
    """One hyperparameter of the space's file, on the scale that the file says."""
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return trial.suggest_categorical(name, parameter["values"])
    low, high, distribution = parameter["min"], parameter["max"], parameter["distribution"]
    if distribution == "uniform":
        return trial.suggest_float(name, low, high)
    if distribution == "log_uniform_values":
        return trial.suggest_float(name, low, high, log=True)
    if distribution == "one_minus_log_uniform_values":
        return 1 - trial.suggest_float(f"1-{name}", 1 - high, 1 - low, log=True)
    if distribution == "q_uniform":
        return trial.suggest_int(name, low, high, step=parameter["q"])
    raise SystemExit(f"optuna_pytorch.py: {name}: the distribution {distribution} is not one that this peer knows")


class Hyperparameters:
    """Those of a trial; what has no use for the optimiser that was drawn is not asked for."""

    def __init__(self, trial, space):
        unread = dict(space)

        def ask(name):
            return suggest(trial, name, unread.pop(name))

        self.optimizer = ask("optimizer")
        self.learning_rate = ask("learning_rate")
        adam = self.optimizer in ("adam", "adamw")
        self.betas = (ask("beta1"), ask("beta2")) if adam else None
        self.momentum = None if adam else ask("momentum")
        self.weight_decay = ask("weight_decay")
        self.cosine = ask("schedule") == "cosine"
        self.dropout = ask("dropout")
        self.widths = [ask(f"hidden_width_{i + 1}") for i in range(ask("hidden_layers"))]
        self.batch_size = ask("batch_size")
        if not ask("batch_norm"):
            raise SystemExit("optuna_pytorch.py: batch_norm must be true: this peer has no network without")
        if set(unread) - {"momentum", "beta1", "beta2"}:
            raise SystemExit(f"optuna_pytorch.py: the space has parameters that this peer does not know: {set(unread)}")


# --------------------------------------------------------------------------------------------------------- the network


def build(h, features, classes):
    layers, width = [], features
    for wider in h.widths:
        layers += [nn.Linear(width, wider, bias=False), nn.BatchNorm1d(wider), nn.ReLU(inplace=True),
                   nn.Dropout(h.dropout)]
        nn.init.kaiming_uniform_(layers[-4].weight, nonlinearity="relu")
        width = wider
    return nn.Sequential(*layers, nn.Linear(width, classes))


def make_optimizer(h, model):
    """Weight decay is of weight matrices only."""
    groups = [{"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": h.weight_decay},
              {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0}]
    if h.optimizer == "momentum":
        return torch.optim.SGD(groups, lr=h.learning_rate, momentum=h.momentum, fused=True)
    kind = torch.optim.Adam if h.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=h.learning_rate, betas=h.betas, fused=True)


def batches_of(examples, size):
    """The minibatches of an epoch; a last one of less than a quarter is left out, as by caviar."""
    tail = examples % size
    return examples // size + (tail > 1 and 4 * tail >= size)


def train_epoch(model, optimizer, x, y, h, epoch, epochs, steps):
    """`steps` counts the minibatches, in memory that the processes share."""
    model.train()
    order = torch.randperm(len(x))
    count = batches_of(len(x), h.batch_size)
    for i in range(count):
        batch = order[i * h.batch_size:(i + 1) * h.batch_size]
        if h.cosine:
            for group in optimizer.param_groups:
                group["lr"] = h.learning_rate * (1 + math.cos(math.pi * (epoch + i / count) / epochs)) / 2
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
        steps.value += 1


def accuracy_of(model, x, y):
    model.eval()
    with torch.inference_mode():
        right = sum((model(x[i:i + EVALUATION_BATCH]).argmax(1) == y[i:i + EVALUATION_BATCH]).sum().item()
                    for i in range(0, len(x), EVALUATION_BATCH))
    return right / len(x)


# ----------------------------------------------------------------------------------------------------------- the study


def make_pruner(name, epochs):
    return {"none": optuna.pruners.NopPruner(), "median": optuna.pruners.MedianPruner(n_warmup_steps=epochs // 3),
            "hyperband": optuna.pruners.HyperbandPruner(max_resource=epochs)}[name]


def open_storage(path):
    return JournalStorage(JournalFileBackend(path))


class Shared:
    """What the processes share: when the clock began, whether to stop, the best so far, minibatches of each."""

    def __init__(self, context, processes):
        self.ready, self.go = context.Barrier(processes + 1), context.Event()
        self.lock = context.Lock()
        self.began, self.best = (context.Value(ctypes.c_double, lock=False) for _ in range(2))
        self.stop = context.Value(ctypes.c_bool, lock=False)
        self.steps = [context.Value(ctypes.c_int64, lock=False) for _ in range(processes)]
        self.messages = context.Queue()

    def seconds(self):
        return time.monotonic() - self.began.value  # one clock for all processes of the machine

    def note(self, accuracy, trial, a, steps_per_epoch):
        """Tells of an accuracy that is the best so far. The highest target ends the search, and so does the limit."""
        with self.lock:
            seconds = self.seconds()
            if a.limit and seconds > a.limit:
                self.stop.value = True
            if accuracy > self.best.value and not self.stop.value:
                self.best.value = accuracy
                self.stop.value = accuracy >= a.highest
                self.messages.put({"seconds": seconds, "accuracy": accuracy, "trial": trial,
                                   "model_epochs": sum(s.value for s in self.steps) / steps_per_epoch})


class Worker:
    def __init__(self, index, a, space, data, shared):
        self.index, self.a, self.space, self.shared = index, a, space, shared
        self.train, self.validation = data
        self.seconds = 0.0  # of training and measuring: the rest of the time is Optuna's

    def objective(self, trial):
        h = Hyperparameters(trial, self.space)
        begin = time.monotonic()
        x, y = self.train
        model = build(h, x.shape[1], int(y.max()) + 1)
        optimizer = make_optimizer(h, model)
        for epoch in range(self.a.epochs):
            train_epoch(model, optimizer, x, y, h, epoch, self.a.epochs, self.shared.steps[self.index])
            accuracy = accuracy_of(model, *self.validation)
            self.seconds += time.monotonic() - begin
            self.shared.note(accuracy, trial.number, self.a, batches_of(len(x), h.batch_size))
            trial.report(accuracy, epoch + 1)
            if self.shared.stop.value:
                trial.study.stop()
            if self.shared.stop.value or trial.should_prune():
                raise optuna.TrialPruned()
            begin = time.monotonic()
        return accuracy

    def run(self):
        seed = self.a.seed * 1000 + self.index
        torch.manual_seed(seed)
        shared = self.shared
        warm_up(self.train)
        shared.ready.wait()
        shared.go.wait()
        study = optuna.load_study(study_name="quality", storage=open_storage(self.a.journal),
                                  sampler=optuna.samplers.TPESampler(seed=seed),
                                  pruner=make_pruner(self.a.pruner, self.a.epochs))
        enough = optuna.study.MaxTrialsCallback(self.a.trials, states=None)
        study.optimize(self.objective, callbacks=[enough])
        shared.messages.put({"worker": self.index, "seconds": self.seconds, "ended": shared.seconds()})


def warm_up(data):
    x, y = (part[:20 * 128] for part in data)
    h = Hyperparameters(None, WARM_UP)
    model = build(h, x.shape[1], int(y.max()) + 1)
    train_epoch(model, make_optimizer(h, model), x, y, h, 0, 1, ctypes.c_int64())
    accuracy_of(model, x, y)


WARM_UP = {name: {"value": value} for name, value in {
    "optimizer": "adam", "learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 1e-4, "schedule": "cosine",
    "dropout": 0.1, "hidden_width_1": 128, "hidden_width_2": 64, "hidden_layers": 2, "batch_size": 128,
    "batch_norm": True}.items()}


def work(index, a, space, data, shared):
    torch.set_num_threads(a.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore")
    Worker(index, a, space, data, shared).run()


# --------------------------------------------------------------------------------------------------------- the program


def load(path):
    """(training, validation), each (x, y), in memory that processes share; standardised by the training part."""
    with open(path) as f:
        split = json.load(f)
    if split["data"] != "fashion-mnist":
        raise SystemExit(f"{path}: data {split['data']!r} is not fashion-mnist, which is all that peers read")
    images, labels = (torch.from_numpy(array.copy()) for array in common.load_fashion_mnist())
    validates = torch.zeros(len(images), dtype=torch.bool)
    validates[split["validation"]] = True
    if int((~validates).sum()) != split["training"]:
        raise SystemExit(f"{path}: {split['training']} training examples, and there are {int((~validates).sum())}")
    x = images.float()
    deviation, mean = torch.std_mean(x[~validates], 0, correction=0)
    x = (x - mean) * torch.where(deviation > 0, 1 / deviation, 0)
    return tuple((x[part].share_memory_(), labels[part].share_memory_()) for part in (~validates, validates))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", help="what `caviar-bench quality --split` printed")
    parser.add_argument("space", help="the space's file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", default="0.88,0.89,0.895")
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=float, default=0, help="seconds; 0: none")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--pruner", choices=("median", "hyperband", "none"), default="median")
    a = parser.parse_args()
    a.targets = [float(target) for target in a.targets.split(",")]
    a.highest = max(a.targets)
    return a


def run(a, context, space, data):
    """Starts the processes and returns what they told: improvements, and how each spent its time."""
    shared = Shared(context, a.processes)
    study = optuna.create_study(study_name="quality", storage=open_storage(a.journal), direction="maximize")
    workers = [context.Process(target=work, args=(i, a, space, data, shared)) for i in range(a.processes)]
    for worker in workers:
        worker.start()
    shared.ready.wait(300)
    shared.began.value = time.monotonic()
    shared.go.set()
    messages = []
    while sum("worker" in m for m in messages) < a.processes:
        try:
            messages.append(shared.messages.get(timeout=1))
        except multiprocessing.queues.Empty:
            if any(worker.exitcode for worker in workers):
                raise SystemExit("optuna_pytorch.py: a process ended before its time")
    for worker in workers:
        worker.join()
    course = sorted((m for m in messages if "accuracy" in m), key=lambda m: m["seconds"])
    return course, [m for m in messages if "worker" in m], shared, study


def main():
    a = arguments()
    with open(a.space) as f:
        space = yaml.safe_load(f)["parameters"]
    data = load(a.split)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        a.journal = f"{folder}/journal.log"
        course, workers, shared, study = run(a, multiprocessing.get_context("spawn"), space, data)
        trials = study.get_trials(deepcopy=False)
    reached = [next((c for c in course if c["accuracy"] >= target), None) for target in a.targets]
    ended = max(w["ended"] for w in workers)
    steps_per_epoch = batches_of(len(data[0][0]), space["batch_size"]["value"])
    print(json.dumps({
        "name": "Optuna + PyTorch", "version": f"{optuna.__version__} + {torch.__version__}", "threads": a.threads,
        "processes": a.processes, "pruner": a.pruner, "data": "fashion-mnist", "training": len(data[0][0]),
        "validation": len(data[1][0]), "seed": a.seed, "trials": a.trials, "epochs": a.epochs, "limit": a.limit,
        "seconds": ended, "trials_done": sum(t.state.is_finished() for t in trials),
        "pruned": sum(t.state == optuna.trial.TrialState.PRUNED for t in trials),
        "model_epochs": sum(s.value for s in shared.steps) / steps_per_epoch,
        "outside_training": 1 - sum(w["seconds"] for w in workers) / sum(w["ended"] for w in workers),
        "targets": [{"accuracy": target, "seconds": r and r["seconds"], "model_epochs": r and r["model_epochs"]}
                    for target, r in zip(a.targets, reached)],
        "course": course}))


if __name__ == "__main__":
    main()
