"""One model after another in PyTorch: the counterpart of bench/population_step.c on the same data.

    python3 bench/peers/pytorch_loop.py [MODELS [STEPS [THREADS]]]      defaults: 64 422 and the best of 1 .. cores

The data is standardised once and lies in memory as floats, minibatches are indexed from a permutation, Adam is the
fused one, and zero_grad sets to None: what an expert would write without changing the model.
"""
import gzip
import json
import os
import sys
import time

import numpy
import torch
from torch import nn

FOLDER = os.environ.get("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist")


def load():
    with gzip.open(f"{FOLDER}/train-images-idx3-ubyte.gz") as f:
        images = numpy.frombuffer(f.read(), numpy.uint8, offset=16).reshape(-1, 784)
    with gzip.open(f"{FOLDER}/train-labels-idx1-ubyte.gz") as f:
        labels = numpy.frombuffer(f.read(), numpy.uint8, offset=8)
    x = torch.from_numpy(images[:54000].astype(numpy.float32))
    x = (x - x.mean(0)) / x.std(0, unbiased=False).clamp_min(1e-12)
    return x, torch.from_numpy(labels[:54000].astype(numpy.int64))


def train_one(x, y, learning_rate, steps, seed):
    """Trains one model and returns its mean loss over the last 100 steps."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(784, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    loss_of = nn.CrossEntropyLoss()
    last, step = [], 0
    while step < steps:
        order = torch.randperm(len(x))
        for start in range(0, len(x) - 127, 128):
            batch = order[start:start + 128]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            if step >= steps - 100:
                last.append(loss.detach())
            step += 1
            if step == steps:
                break
    return float(torch.stack(last).mean())


def run(x, y, models, steps, threads):
    torch.set_num_threads(threads)
    train_one(x, y, 1e-3, 101, 0)  # warm-up
    start = time.perf_counter()
    losses = [train_one(x, y, 10 ** (-4 + 2 * k / max(models - 1, 1)), steps, k) for k in range(models)]
    seconds = time.perf_counter() - start
    return {"what": "PyTorch, one model after another", "torch": torch.__version__, "threads": threads, "models": models,
            "shape": "784-64-64-10", "batch": 128, "steps": steps, "seconds": round(seconds, 3),
            "model_steps_per_second": round(models * steps / seconds), "mean_loss": round(sum(losses) / models, 4)}


def main():
    models, steps = (int(a) for a in (sys.argv[1:3] + ["64", "422"][len(sys.argv) - 1:]))
    x, y = load()
    threads = [int(sys.argv[3])] if len(sys.argv) > 3 else range(1, len(os.sched_getaffinity(0)) + 1)
    if len(sys.argv) <= 3:
        threads = [max(threads, key=lambda t: run(x, y, 2, 200, t)["model_steps_per_second"])]
    print(json.dumps(run(x, y, models, steps, threads[0])))


main()
