"""All models at once in JAX: vmap over the models, scan over the steps, one jitted call with donated buffers."""
import os
import sys
import time

if "--threads" in sys.argv:  # XLA takes as many threads as the process may use processors
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[sys.argv.index("--threads") + 1])])

import jax
import jax.numpy as jnp

import common


def make_run(case):
    """A function from the state and the data, which are arguments so that they are no constants of the program, to the
    state and the losses [steps, models]."""
    rates = jnp.asarray(case.rates)

    def layer(z, gamma, beta):
        mean, variance = z.mean(0), z.var(0)
        h = jax.nn.relu(gamma * (z - mean) * jax.lax.rsqrt(variance + case.batch_norm_epsilon) + beta)
        return h, (mean, variance * (case.batch / (case.batch - 1)))

    def loss_of(p, x, y):
        h, first = layer(x @ p["w1"], p["gamma1"], p["beta1"])
        h, second = layer(h @ p["w2"], p["gamma2"], p["beta2"])
        logits = jax.nn.log_softmax(h @ p["w3"] + p["b3"])
        return -jnp.take_along_axis(logits, y[:, None], 1).mean(), first + second

    def step(state, rate, t, x, y):
        p, m, v, running = state
        (loss, statistics), g = jax.value_and_grad(loss_of, has_aux=True)(p, x, y)
        m = jax.tree.map(lambda m, g: m + (1 - case.beta1) * (g - m), m, g)
        v = jax.tree.map(lambda v, g: v + (1 - case.beta2) * (g * g - v), v, g)
        rate = rate / (1 - case.beta1 ** t)
        root = jnp.sqrt(1 - case.beta2 ** t)
        p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + case.epsilon), p, m, v)
        running = jax.tree.map(lambda r, s: r + case.batch_norm_momentum * (s - r), running, statistics)
        return (p, m, v, running), loss

    def run(state, x, y, order):
        def scanned(state, numbered):
            t, batch = numbered
            return jax.vmap(step, in_axes=(0, 0, None, None, None))(state, rates, t, x[batch], y[batch])

        return jax.lax.scan(scanned, state, (jnp.arange(1, len(order) + 1, dtype=jnp.float32), order))

    return jax.jit(run, donate_argnums=0)


def initial(case):
    p = {name: jnp.repeat(value[None], case.models, 0) for name, value in case.parameters.items()}
    zeros = lambda: jax.tree.map(jnp.zeros_like, p)
    return p, zeros(), zeros(), tuple(jnp.full((case.models, case.width), float(i % 2)) for i in range(4))


def main():
    a = common.arguments(__doc__)
    jax.config.update("jax_platforms", a.device)
    jax.config.update("jax_default_matmul_precision", "highest")  # fp32: on a GPU, JAX's default is TF32
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:
        raise SystemExit(f"JAX has no device {a.device}: {str(error) or 'jax[cuda13] is not installed'}") from None
    case = common.Case(a.case)
    run = make_run(case)
    data = [jnp.asarray(array) for array in (case.x, case.y, case.order)]
    start = time.perf_counter()
    compiled = run.lower(initial(case), *data).compile()
    compile_seconds = time.perf_counter() - start
    jax.block_until_ready(compiled(initial(case), *data))  # warm-up
    state = jax.block_until_ready(initial(case))
    start = time.perf_counter()
    _, losses = jax.block_until_ready(compiled(state, *data))
    seconds = time.perf_counter() - start
    common.report(case, "JAX vmap and scan", jax.__version__, a, seconds, losses, processes=1,
                  warm_up_seconds=compile_seconds)


if __name__ == "__main__":
    main()
