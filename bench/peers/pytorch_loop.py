"""One model after another in PyTorch, as its users write it: modules, the fused Adam, gradients set to None.

With --processes P, P processes share the models, each with its own number of threads; the time is from when all of
them are ready until the last has finished. With --graph each step is one replay of a CUDA graph, captured once: the
models take turns in the same tensors.
"""
import multiprocessing
import time

import numpy as np
import torch
from torch import nn

import common
import pytorch_device


def build(case):
    batch_norm = {"eps": case.batch_norm_epsilon, "momentum": case.batch_norm_momentum}
    model = nn.Sequential(
        nn.Linear(case.inputs, case.width, bias=False), nn.BatchNorm1d(case.width, **batch_norm), nn.ReLU(),
        nn.Linear(case.width, case.width, bias=False), nn.BatchNorm1d(case.width, **batch_norm), nn.ReLU(),
        nn.Linear(case.width, case.classes))
    p = case.parameters
    with torch.no_grad():
        for layer, value in ((model[0].weight, p["w1"].T), (model[1].weight, p["gamma1"]), (model[1].bias, p["beta1"]),
                             (model[3].weight, p["w2"].T), (model[4].weight, p["gamma2"]), (model[4].bias, p["beta2"]),
                             (model[6].weight, p["w3"].T), (model[6].bias, p["b3"])):
            layer.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return model


def adam(case, model, rate, **options):
    return torch.optim.Adam(model.parameters(), lr=rate, betas=(case.beta1, case.beta2), eps=case.epsilon, fused=True,
                            **options)


def train(case, x, y, order, rate):
    """Trains one model and returns its losses [steps]."""
    model = build(case).to(x.device)
    optimizer = adam(case, model, rate)
    loss_of = nn.CrossEntropyLoss()
    losses = []
    for batch in order:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


class StaticModel:
    """A model whose training step reads and writes tensors that stay where they are, as a CUDA graph needs it: the
    step's number is on the device, and chooses the minibatch and the place of the loss."""

    def __init__(self, case, x, y, order):
        self.x, self.y, self.order = x, y, order
        self.model = build(case).to(x.device)
        self.initial = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.optimizer = adam(case, self.model, torch.tensor(1e-3, device=x.device), capturable=True)
        self.loss_of = nn.CrossEntropyLoss()
        self.number = torch.zeros(1, dtype=torch.int64, device=x.device)
        self.losses = torch.zeros(len(order), device=x.device)

    def start(self, rate):
        self.model.load_state_dict(self.initial)
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()
        self.optimizer.param_groups[0]["lr"].fill_(rate)
        self.number.zero_()

    def step(self):
        batch = self.order.index_select(0, self.number).view(-1)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(self.model(self.x[batch]), self.y[batch])
        loss.backward()
        self.optimizer.step()
        self.losses.index_copy_(0, self.number, loss.detach().view(1))
        self.number.add_(1)

    def train(self, step, rate):
        """Trains one model by `step`, which is `self.step` or replays it, and returns its losses [steps]."""
        self.start(rate)
        for _ in range(len(self.order)):
            step()
        return self.losses.clone()


def trainer(case, a):
    """A function from a learning rate to the losses of one model, after a warm-up."""
    pytorch_device.prepare(a.device, a.threads)
    x, y, order = (torch.from_numpy(array).to(a.device) for array in (case.x, case.y, case.order))
    if a.graph:
        static = StaticModel(case, x, y, order)
        step = pytorch_device.captured(static.step)
        return lambda rate: static.train(step, rate)
    train(case, x, y, order[:20], 1e-3)
    return lambda rate: train(case, x, y, order, rate)


def share(a, first, ready, results):
    """Trains models first, first + processes, ... after all processes have met."""
    case = common.Case(a.case)
    train_one = trainer(case, a)
    ready.wait()
    mine = range(first, a.models or case.models, a.processes)
    losses = [train_one(float(case.rates[k])).numpy() for k in mine]
    results.put((list(mine), np.stack(losses, 1)))


def train_in_processes(case, a):
    """The seconds and the losses [steps, models]."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(a.processes + 1), context.Queue()
    workers = [context.Process(target=share, args=(a, i, ready, results)) for i in range(a.processes)]
    for worker in workers:
        worker.start()
    ready.wait()
    start = time.perf_counter()
    shares = [results.get() for _ in workers]
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.join()
    losses = np.empty((case.steps, a.models or case.models))
    for models, of_models in shares:
        losses[:, models] = of_models
    return seconds, losses


def train_here(case, a):
    train_one = trainer(case, a)
    pytorch_device.wait(a.device)
    start = time.perf_counter()
    losses = [train_one(float(rate)) for rate in case.rates[:a.models or None]]
    pytorch_device.wait(a.device)
    seconds = time.perf_counter() - start
    return seconds, torch.stack(losses, 1).cpu().numpy()


def main():
    a = common.arguments(__doc__, processes={"type": int, "default": 1},
                         graph={"action": "store_true"}, models={"type": int, "default": 0, "help": "only the first"})
    if a.device == "cuda" and a.processes > 1 or a.device == "cpu" and a.graph:
        raise SystemExit("--graph is for --device cuda, --processes for --device cpu")
    case = common.Case(a.case)
    seconds, losses = train_here(case, a) if a.processes == 1 else train_in_processes(case, a)
    name = "PyTorch, one model after another" if a.processes == 1 else "PyTorch, a process a core"
    common.report(case, name + (", CUDA graph" if a.graph else ""), torch.__version__, a, seconds, losses,
                  processes=a.processes, models=losses.shape[1])


if __name__ == "__main__":
    main()
