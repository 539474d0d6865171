#!/usr/bin/env python3
"""Computes the fixtures of test_pytorch*.c with PyTorch, in double precision: pytorch_ops.h and pytorch_network.h.

    make_pytorch.py           writes them beside this script
    make_pytorch.py --check   compares them with what it would write, and fails where they differ

Needs torch and numpy. Inputs are floats, so caviar gets the very numbers that PyTorch got; results are rounded to
floats at the end, which hides the last bits of double precision, where processors may differ.
"""

import platform
import sys
from pathlib import Path

import numpy
import torch

SEED = 20261123
FOLDER = Path(__file__).parent
# caviar's hyperparameters are floats where the kernels read them: PyTorch gets those, not the decimal numbers.
NORM_MOMENTUM, NORM_EPSILON, MOMENTUM, COMPLEMENT1, COMPLEMENT2, EPSILON, DECAY, RATE = (
    float(numpy.float32(x)) for x in (0.1, 1e-5, 0.9, 0.1, 0.001, 1e-8, 0.01, 0.03))

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)


def random_floats(generator, *shape):
    """Normal numbers that are floats, as doubles."""
    return torch.from_numpy(generator.standard_normal(shape).astype(numpy.float32).astype(numpy.float64))


def array(name, values, kind="float"):
    """A C array of any rank."""
    values = numpy.asarray(values.detach() if torch.is_tensor(values) else values)

    def number(x):
        if kind != "float":
            return str(int(x))
        return float(numpy.float32(x)).hex().replace("0000000p", "p") + "f"

    def body(part):
        if part.ndim > 1:
            return "{ " + ",\n  ".join(body(p) for p in part) + " }"
        lines, line = [], ""
        for text in map(number, part):
            if len(line) + len(text) > 110:
                lines.append(line.rstrip())
                line = ""
            line += text + ", "
        return "{ " + "\n    ".join(lines + [line.rstrip(", ")]) + " }"

    sizes = "".join(f"[{n}]" for n in values.shape)
    return f"static const {kind} {name}{sizes} =\n{body(values)};\n"


def batch_norm(generator):
    """Four batches of four features through one layer: the last batch is smaller, the features of different scale."""
    sizes, features = [12, 12, 12, 5], 4
    layer = torch.nn.BatchNorm1d(features, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
    with torch.no_grad():
        layer.weight.copy_(random_floats(generator, features))
        layer.bias.copy_(random_floats(generator, features))
    out = [array("pytorch_bn_gamma", layer.weight), array("pytorch_bn_beta", layer.bias)]
    rows = {name: [] for name in ("z", "dy", "y", "dz", "dgamma", "dbeta", "mean", "variance")}
    scale, shift = torch.tensor([1, 2, 0.015625, 1]), torch.tensor([0, 100, 0, -3])
    for size in sizes:
        z = ((random_floats(generator, size, features) * scale + shift).float().double()).requires_grad_()
        dy = random_floats(generator, size, features)
        layer.zero_grad()
        y = layer(z)
        y.backward(dy)
        for name, value in (("z", z), ("dy", dy), ("y", y), ("dz", z.grad)):
            rows[name].append(value.detach().clone())
        for name, value in (("dgamma", layer.weight.grad), ("dbeta", layer.bias.grad), ("mean", layer.running_mean),
                            ("variance", layer.running_var)):
            rows[name].append(value.detach().clone()[None])
    layer.eval()
    rows["inference"] = [layer(rows["z"][-1])]
    out.append(array("pytorch_bn_sizes", numpy.array(sizes), "int"))
    return out + [array(f"pytorch_bn_{name}", torch.cat(parts)) for name, parts in rows.items()]


def cross_entropy(generator):
    """Rows of five classes: ordinary, logits of +-80, all equal, and the label's class far from likely."""
    logits = random_floats(generator, 10, 5) * 2
    logits[5] = torch.tensor([80, -80, 80, -80, 0])
    logits[6] = torch.tensor([-80, -80, -80, 80, -80])
    logits[7] = 1.5
    logits[8] = torch.tensor([-80, 80, 0, 1, 2])
    logits = logits.float().double().requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 3, 2, 0, 1])
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    losses.mean().backward()
    return [array("pytorch_ce_logits", logits), array("pytorch_ce_labels", labels, "int"),
            array("pytorch_ce_losses", losses), array("pytorch_ce_gradient", logits.grad),
            array("pytorch_ce_probabilities", torch.softmax(logits, 1))]


def optimizer_of(name, decayed, others):
    """PyTorch's optimiser of that name; weight decay is of the first group only."""
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    betas = (1 - COMPLEMENT1, 1 - COMPLEMENT2)
    return {
        "sgd": lambda: torch.optim.SGD(groups, lr=RATE),
        "momentum": lambda: torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM),
        "rmsprop": lambda: torch.optim.RMSprop(groups, lr=RATE, alpha=1 - COMPLEMENT2, eps=EPSILON),
        "adam": lambda: torch.optim.Adam(groups, lr=RATE, betas=betas, eps=EPSILON),
        "adamw": lambda: torch.optim.AdamW(groups, lr=RATE, betas=betas, eps=EPSILON),
    }[name]()


NAMES = ["sgd", "momentum", "rmsprop", "adam", "adamw"]  # in the order of caviar_optimizer


def optimizers(generator):
    """Fifty steps of four parameters, two of them decayed, with gradients of very different size."""
    steps, count = 50, 4
    start = random_floats(generator, count)
    gradients = (random_floats(generator, steps, count) * torch.tensor([1, 1e-4, 100, 1])).float().double()
    gradients[::7, 3] = 0
    paths = []
    for name in NAMES:
        decayed = start[:2].clone().requires_grad_()
        others = start[2:].clone().requires_grad_()
        optimizer = optimizer_of(name, [decayed], [others])
        path = []
        for gradient in gradients:
            decayed.grad, others.grad = gradient[:2].clone(), gradient[2:].clone()
            optimizer.step()
            path.append(torch.cat([decayed, others]).detach().clone())
        paths.append(torch.stack(path))
    return [array("pytorch_opt_start", start), array("pytorch_opt_gradients", gradients),
            array("pytorch_opt_paths", torch.stack(paths))]


def network(generator):
    """Ten steps of 12-8-6-4 with batch norm on minibatches of 16, by each activation and three optimisers."""
    steps, batch, widths = 10, 16, [12, 8, 6, 4]
    labels = generator.integers(0, widths[-1], steps * batch)
    centres = generator.integers(0, 17, (widths[-1], widths[0]))
    pixels = numpy.clip(centres[labels] + generator.integers(-5, 6, (steps * batch, widths[0])), 0, 16)
    start = [random_floats(generator, a, b) / 2 for a, b in zip(widths, widths[1:])]  # [in, out]
    out = [array("pytorch_net_pixels", pixels, "unsigned char"), array("pytorch_net_labels", labels, "int")]
    out += [array(f"pytorch_net_w{i}", w) for i, w in enumerate(start)]
    losses, running = [], []
    for name, activation in (("adam", torch.nn.ReLU), ("momentum", torch.nn.Tanh), ("adamw", torch.nn.Sigmoid)):
        linears = [torch.nn.Linear(*w.shape, bias=i == 2) for i, w in enumerate(start)]
        norms = [torch.nn.BatchNorm1d(n, eps=NORM_EPSILON, momentum=NORM_MOMENTUM) for n in widths[1:3]]
        model = torch.nn.Sequential(linears[0], norms[0], activation(), linears[1], norms[1], activation(), linears[2])
        with torch.no_grad():
            for linear, w in zip(linears, start):
                linear.weight.copy_(w.T)
            linears[2].bias.zero_()
        matrices = [linear.weight for linear in linears]
        others = [p for n in norms for p in n.parameters()] + [linears[2].bias]
        optimizer = optimizer_of(name, matrices, others)
        path = []
        for step in range(steps):
            part = slice(step * batch, step * batch + batch)
            x = (torch.from_numpy(pixels[part]).double() - 8) * 0.125
            loss = torch.nn.functional.cross_entropy(model(x), torch.from_numpy(labels[part]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            path.append(loss.item())
        losses.append(path)
        running.append(torch.cat([t for n in norms for t in (n.running_mean, n.running_var)]).numpy())
    return out + [array("pytorch_net_losses", numpy.array(losses)), array("pytorch_net_running", numpy.array(running))]


def header(name, parts):
    guard = "CAVIAR_TESTS_REFERENCE_" + name.upper().replace(".", "_")
    versions = f"torch {torch.__version__.split('+')[0]}, numpy {numpy.__version__}, python {platform.python_version()}"
    return (f"/* By make_pytorch.py with {versions}. Do not edit: change the script and run it. */\n"
            f"/* clang-format off */\n#ifndef {guard}\n#define {guard}\n\n" + "\n".join(parts) + "\n#endif\n")


def main():
    makers = {"pytorch_ops.h": (batch_norm, cross_entropy, optimizers), "pytorch_network.h": (network,)}
    differ = []
    for name, functions in makers.items():
        generator = numpy.random.Generator(numpy.random.PCG64(SEED))
        text = header(name, [part for f in functions for part in f(generator)])
        if "--check" not in sys.argv[1:]:
            (FOLDER / name).write_text(text)
        # The versions may be others than those that are recorded: the numbers must be the same.
        elif (FOLDER / name).read_text().split("\n", 1)[1] != text.split("\n", 1)[1]:
            differ.append(name)
    if differ:
        sys.exit(f"other numbers than in {', '.join(differ)}")


if __name__ == "__main__":
    main()
