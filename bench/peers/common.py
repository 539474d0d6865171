"""What all peers share: the case that `caviar-bench peer --case FOLDER` wrote, and the JSON object that each prints."""
import argparse
import gzip
import json
import os
import struct

import numpy as np

LAST_STEPS = 100
PROOF_STEPS = 10


class Case:
    """Sizes and constants by name, the standardised images `x`, labels `y`, and the initial parameters of a model."""

    def __init__(self, folder):
        with open(f"{folder}/case.json") as f:
            self.__dict__.update(json.load(f))
        if self.data != "fashion-mnist":
            raise SystemExit(f"{folder}/case.json: data {self.data!r} is not fashion-mnist, which is all that peers read")
        self.order = np.load(f"{folder}/order.npy").astype(np.int64)
        self.rates = np.load(f"{folder}/learning_rates.npy").astype(np.float32)
        tensors = load_safetensors(f"{folder}/initial.safetensors")
        images, self.y = load_fashion_mnist()
        # Done once, before the clock: caviar standardises every minibatch from bytes, which is part of its time.
        self.x = (images.astype(np.float32) - tensors["input.mean"]) * tensors["input.scale"]
        self.parameters = {
            "w1": tensors["hidden.0.weight"], "gamma1": tensors["hidden.0.gamma"], "beta1": tensors["hidden.0.beta"],
            "w2": tensors["hidden.1.weight"], "gamma2": tensors["hidden.1.gamma"], "beta2": tensors["hidden.1.beta"],
            "w3": tensors["output.weight"], "b3": tensors["output.bias"]}

    @property
    def shape(self):
        return f"{self.inputs}-{self.width}-{self.width}-{self.classes}"


def load_safetensors(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        data = f.read()
    return {name: np.frombuffer(data[slice(*t["data_offsets"])], np.float32).reshape(t["shape"]).copy()
            for name, t in header.items() if name != "__metadata__"}


def load_fashion_mnist():
    folder = os.environ.get("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist")

    def read(name, offset):
        with gzip.open(f"{folder}/{name}") as f:
            return np.frombuffer(f.read(), np.uint8, offset=offset)

    return (read("train-images-idx3-ubyte.gz", 16).reshape(-1, 784),
            read("train-labels-idx1-ubyte.gz", 8).astype(np.int64))


def arguments(description, **flags):
    """Parses CASE, --threads and the peer's own flags."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("case", help="the folder of `caviar-bench peer --case FOLDER`")
    parser.add_argument("--threads", type=int, default=1)
    for name, options in flags.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def report(case, name, version, threads, seconds, losses, **more):
    """Prints the result; `losses` is [steps, models], or None where a library does not tell them."""
    result = {"name": name, "version": version, "threads": threads, "models": case.models, "shape": case.shape,
              "batch": case.batch, "steps": case.steps, "seconds": seconds,
              "model_steps_per_second": case.models * case.steps / seconds, **more}
    if losses is not None:
        losses = np.asarray(losses, np.float64)
        result |= {"mean_loss": losses[-LAST_STEPS:].mean(), "first_losses": losses[:PROOF_STEPS].tolist(),
                   "last_losses": losses[-LAST_STEPS:].mean(0).tolist()}
    print(json.dumps(result))
