"""One model after another in PyTorch, as its users write it: modules, the fused Adam, gradients set to None.

With --processes P, P processes share the models, each with its own number of threads; the time is from when all of
them are ready until the last has finished.
"""
import multiprocessing
import time

import numpy as np
import torch
from torch import nn

import common


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


def train(case, x, y, order, rate):
    """Trains one model and returns its losses [steps]."""
    model = build(case)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, betas=(case.beta1, case.beta2), eps=case.epsilon,
                                 fused=True)
    loss_of = nn.CrossEntropyLoss()
    losses = []
    for batch in order:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).numpy()


def share(folder, threads, first, step, ready, results):
    """Trains models first, first + step, ... after all processes have met."""
    torch.set_num_threads(threads)
    case = common.Case(folder)
    x, y, order = torch.from_numpy(case.x), torch.from_numpy(case.y), torch.from_numpy(case.order)
    train(case, x, y, order[:20], 1e-3)  # warm-up
    ready.wait()
    mine = range(first, case.models, step)
    losses = [train(case, x, y, order, float(case.rates[k])) for k in mine]
    results.put((list(mine), np.stack(losses, 1)))


def main():
    a = common.arguments(__doc__, processes={"type": int, "default": 1})
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(a.processes + 1), context.Queue()
    workers = [context.Process(target=share, args=(a.case, a.threads, i, a.processes, ready, results))
               for i in range(a.processes)]
    for worker in workers:
        worker.start()
    ready.wait()
    start = time.perf_counter()
    shares = [results.get() for _ in workers]
    seconds = time.perf_counter() - start
    for worker in workers:
        worker.join()
    case = common.Case(a.case)
    losses = np.empty((case.steps, case.models))
    for models, of_models in shares:
        losses[:, models] = of_models
    name = "PyTorch, one model after another" if a.processes == 1 else "PyTorch, a process a core"
    common.report(case, name, torch.__version__, a.threads, seconds, losses, processes=a.processes)


if __name__ == "__main__":
    main()
