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
        self.order = np.load(f"{folder}/order.npy").astype(np.int64)
        self.rates = np.load(f"{folder}/learning_rates.npy").astype(np.float32)
        tensors = load_safetensors(f"{folder}/initial.safetensors")
        images, self.y = load_images(self.data)
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


def load_images(data):
    """Images [examples, inputs] and labels of Fashion-MNIST, or of "FEATURES.npy,LABELS.npy"."""
    if data == "fashion-mnist":
        return load_fashion_mnist()
    if data.count(",") != 1:
        raise SystemExit(f"peers read fashion-mnist or FEATURES.npy,LABELS.npy, not {data!r}")
    images, labels = (np.load(path) for path in data.split(","))
    return images, labels.astype(np.int64)


def write_small_images(folder):
    """Fashion-MNIST in 8x8, the means of 3x3 pixels of the middle 24x24, as FEATURES.npy,LABELS.npy in the folder."""
    images, labels = load_fashion_mnist()
    means = images.reshape(-1, 28, 28)[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean((2, 4))
    paths = f"{folder}/features.npy", f"{folder}/labels.npy"
    np.save(paths[0], means.round().astype(np.uint8).reshape(-1, 64))
    np.save(paths[1], labels)
    return ",".join(paths)


def load_fashion_mnist():
    folder = os.environ.get("FASHION_MNIST_DIR", "/usr/share/datasets/fashion-mnist")

    def read(name, offset):
        with gzip.open(f"{folder}/{name}") as f:
            return np.frombuffer(f.read(), np.uint8, offset=offset)

    return (read("train-images-idx3-ubyte.gz", 16).reshape(-1, 784),
            read("train-labels-idx1-ubyte.gz", 8).astype(np.int64))


def arguments(description, devices=("cpu", "cuda"), **flags):
    """Parses CASE, --device, --threads and the peer's own flags."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("case", help="the folder of `caviar-bench peer --case FOLDER`")
    parser.add_argument("--device", choices=devices, default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    for name, options in flags.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def report(case, name, version, a, seconds, losses, models=None, **more):
    """Prints the result; `models` is how many were trained, if not all; `losses` is [steps, models], or None where a
    library does not tell them."""
    models = models or case.models
    result = {"name": name, "version": version, "device": a.device, "threads": a.threads, "models": models,
              "shape": case.shape, "batch": case.batch, "steps": case.steps, "seconds": seconds,
              "model_steps_per_second": models * case.steps / seconds, **more}
    if losses is not None:
        losses = np.asarray(losses, np.float64)
        result |= {"mean_loss": losses[-LAST_STEPS:].mean(), "first_losses": losses[:PROOF_STEPS].tolist(),
                   "last_losses": losses[-LAST_STEPS:].mean(0).tolist()}
    print(json.dumps(result))
