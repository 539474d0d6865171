"""All models at once in PyTorch: torch.func.vmap over grad_and_value of a pure function, the running statistics as
outputs, Adam written over the stacked parameters with a learning rate a model (PyTorch's takes one a call). With
--compile the whole step goes through torch.compile."""
import time

import torch
from torch.func import grad_and_value, vmap
from torch.nn import functional

import common


def make_step(case, rates):
    def layer(z, gamma, beta):
        mean, variance = z.mean(0), z.var(0, unbiased=False)
        h = torch.relu(gamma * (z - mean) * torch.rsqrt(variance + case.batch_norm_epsilon) + beta)
        return h, (mean.detach(), variance.detach() * (case.batch / (case.batch - 1)))

    def loss_of(p, x, y):
        h, first = layer(x @ p["w1"], p["gamma1"], p["beta1"])
        h, second = layer(h @ p["w2"], p["gamma2"], p["beta2"])
        return functional.cross_entropy(h @ p["w3"] + p["b3"], y), first + second

    gradients_of = vmap(grad_and_value(loss_of, has_aux=True), in_dims=(0, None, None))

    def step(p, m, v, running, correction1, correction2, x, y):
        gradients, (loss, statistics) = gradients_of(p, x, y)
        for name, g in gradients.items():
            m[name].lerp_(g, 1 - case.beta1)
            v[name].mul_(case.beta2).addcmul_(g, g, value=1 - case.beta2)
            rate = (rates / correction1).view(-1, *[1] * (g.dim() - 1))
            p[name].sub_(rate * m[name] / ((v[name] / correction2).sqrt() + case.epsilon))
        for average, new in zip(running, statistics):
            average.lerp_(new, case.batch_norm_momentum)
        return loss

    return step


def train(case, step, x, y, order, count):
    """Trains all models from the start and returns their losses [steps, models]."""
    p = {name: torch.from_numpy(value).repeat(case.models, *[1] * value.ndim)
         for name, value in case.parameters.items()}
    m = {name: torch.zeros_like(value) for name, value in p.items()}
    v = {name: torch.zeros_like(value) for name, value in p.items()}
    running = [torch.full((case.models, case.width), float(i % 2)) for i in range(4)]
    losses = []
    for t in range(count):
        corrections = [torch.tensor(1 - beta ** (t + 1)) for beta in (case.beta1, case.beta2)]
        losses.append(step(p, m, v, running, *corrections, x[order[t]], y[order[t]]))
    return torch.stack(losses).numpy()


def main():
    a = common.arguments(__doc__, compile={"action": "store_true"})
    torch.set_num_threads(a.threads)
    case = common.Case(a.case)
    x, y, order = torch.from_numpy(case.x), torch.from_numpy(case.y), torch.from_numpy(case.order)
    step = make_step(case, torch.from_numpy(case.rates))
    if a.compile:
        step = torch.compile(step)
    start = time.perf_counter()
    with torch.no_grad():
        train(case, step, x, y, order, 5)
        warm_up = time.perf_counter() - start
        start = time.perf_counter()
        losses = train(case, step, x, y, order, case.steps)
    seconds = time.perf_counter() - start
    name = "PyTorch vmap, compiled" if a.compile else "PyTorch vmap"
    common.report(case, name, torch.__version__, a.threads, seconds, losses, processes=1, warm_up_seconds=warm_up)


main()
