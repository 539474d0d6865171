"""All models at once in PyTorch: torch.func.vmap over grad_and_value of a pure function, the running statistics as
outputs, Adam written over the stacked parameters with a learning rate a model (PyTorch's takes one a call). With
--compile the whole step goes through torch.compile; on a GPU its products are then tuned, and the step is replayed from
a CUDA graph."""
import time

import torch
from torch.func import grad_and_value, vmap
from torch.nn import functional

import common
import pytorch_device


class Population:
    """The stacked parameters, moments and running statistics, and the number of the step: all that a step changes, in
    place."""

    def __init__(self, case, device):
        self.initial = {name: torch.from_numpy(value).to(device) for name, value in case.parameters.items()}
        self.p = {name: value.repeat(case.models, *[1] * value.ndim) for name, value in self.initial.items()}
        self.m = {name: torch.zeros_like(value) for name, value in self.p.items()}
        self.v = {name: torch.zeros_like(value) for name, value in self.p.items()}
        self.running = [torch.full((case.models, case.width), float(i % 2), device=device) for i in range(4)]
        self.number = torch.zeros(1, dtype=torch.int64, device=device)
        self.losses = torch.zeros((case.steps, case.models), device=device)

    def start(self):
        for name, value in self.initial.items():
            self.p[name].copy_(value.expand_as(self.p[name]))
            self.m[name].zero_()
            self.v[name].zero_()
        for i, average in enumerate(self.running):
            average.fill_(i % 2)
        self.number.zero_()


def make_step(case, rates, corrections):
    """`corrections` [steps, 2] are Adam's, 1 - beta ** t."""

    def layer(z, gamma, beta):
        mean, variance = z.mean(0), z.var(0, unbiased=False)
        h = torch.relu(gamma * (z - mean) * torch.rsqrt(variance + case.batch_norm_epsilon) + beta)
        return h, (mean.detach(), variance.detach() * (case.batch / (case.batch - 1)))

    def loss_of(p, x, y):
        h, first = layer(x @ p["w1"], p["gamma1"], p["beta1"])
        h, second = layer(h @ p["w2"], p["gamma2"], p["beta2"])
        return functional.cross_entropy(h @ p["w3"] + p["b3"], y), first + second

    gradients_of = vmap(grad_and_value(loss_of, has_aux=True), in_dims=(0, None, None))

    def step(p, m, v, running, number, losses, x, y, order):
        batch = order.index_select(0, number).view(-1)
        gradients, (loss, statistics) = gradients_of(p, x[batch], y[batch])
        correction1, correction2 = corrections.index_select(0, number).view(-1).unbind()
        for name, g in gradients.items():
            m[name].lerp_(g, 1 - case.beta1)
            v[name].mul_(case.beta2).addcmul_(g, g, value=1 - case.beta2)
            rate = (rates / correction1).view(-1, *[1] * (g.dim() - 1))
            p[name].sub_(rate * m[name] / ((v[name] / correction2).sqrt() + case.epsilon))
        for average, new in zip(running, statistics):
            average.lerp_(new, case.batch_norm_momentum)
        losses.index_copy_(0, number, loss.view(1, -1))
        number.add_(1)

    return step


def main():
    a = common.arguments(__doc__, compile={"action": "store_true"})
    pytorch_device.prepare(a.device, a.threads)
    case = common.Case(a.case)
    x, y, order = (torch.from_numpy(array).to(a.device) for array in (case.x, case.y, case.order))
    corrections = torch.tensor([[1 - beta ** t for beta in (case.beta1, case.beta2)]
                                for t in range(1, case.steps + 1)], device=a.device)
    step = make_step(case, torch.from_numpy(case.rates).to(a.device), corrections)
    if a.compile:
        step = torch.compile(step, mode="max-autotune-no-cudagraphs" if a.device == "cuda" else "default")
    population = Population(case, a.device)

    def step_all():
        step(population.p, population.m, population.v, population.running, population.number, population.losses,
             x, y, order)

    start = time.perf_counter()
    with torch.no_grad():
        for _ in range(5):
            step_all()
        if a.compile and a.device == "cuda":
            step_all = pytorch_device.captured(step_all)
        population.start()
        pytorch_device.wait(a.device)
        warm_up = time.perf_counter() - start
        start = time.perf_counter()
        for _ in range(case.steps):
            step_all()
        pytorch_device.wait(a.device)
        seconds = time.perf_counter() - start
    name = "PyTorch vmap, compiled" if a.compile else "PyTorch vmap"
    common.report(case, name, torch.__version__, a, seconds, population.losses.cpu(), processes=1,
                  warm_up_seconds=warm_up)


if __name__ == "__main__":
    main()
