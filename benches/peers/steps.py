"""Training steps beside JAX and PyTorch, round by round, on the nets of `benches/common/nets.rs`.

    pip install numpy jax torch
    cargo bench --bench yardstick --no-run          # prints the path of the program
    taskset -c 1 python benches/peers/steps.py PROGRAM [ROUNDS] [NETS]

Prints the time of a step of this crate over that of its peer (below 1: this crate is faster), the median of the rounds
with the least and the greatest. JAX takes its steps in one compiled loop (`lax.scan`), which is its fastest way; PyTorch
runs eagerly. One thread each. The losses after 20 steps are compared.
"""

import json
import os
import statistics
import subprocess
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", JAX_PLATFORMS="cpu")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np
import torch

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

NETS = {
    "tiny": ([2, 16, 16, 1], 32),
    "small": ([13, 64, 64, 1], 64),
    "digits": ([64, 128, 64, 10], 128),
    "mnist": ([784, 256, 128, 10], 128),
    "large": ([784, 1024, 1024, 10], 256),
    "classes": ([256, 1000], 128),
    "deep-classes": ([64, 128, 1000], 128),
}
RATE = 0.01


def unit(seed, count):
    i = np.arange(1, count + 1, dtype=np.uint64)
    z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) / 2.0**53


def uniform(seed, count):
    return 2 * unit(seed, count) - 1


def data(sizes, batch, dtype):
    """Weights (units × inputs) and biases of each layer, inputs, targets."""
    layers = []
    for l, (i, o) in enumerate(zip(sizes, sizes[1:])):
        w, b = uniform(100 + l, i * o).reshape(o, i), uniform(200 + l, o)
        layers.append(((w / i**0.5).astype(dtype), (b / i**0.5).astype(dtype)))
    x = uniform(1, batch * sizes[0]).reshape(batch, sizes[0]).astype(dtype)
    if sizes[-1] == 1:
        return layers, x, uniform(2, batch).astype(dtype)
    return layers, x, (unit(2, batch) * sizes[-1]).astype(np.int32)


def seconds(run, each, limit=0.4):
    run()
    taken = []
    while sum(taken) < limit or len(taken) < 3:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) / each


class Jax:
    def __init__(self, name, sizes, batch, dtype):
        layers, x, y = data(sizes, batch, dtype)
        self.parameters = [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in layers]
        rate = dtype(RATE)

        def loss(parameters):
            a = x
            for l, (w, b) in enumerate(parameters):
                a = a @ w + b
                a = jax.nn.relu(a) if l + 1 < len(parameters) else a
            if sizes[-1] == 1:
                return jnp.mean((a[:, 0] - y) ** 2)
            return jnp.mean(jax.nn.logsumexp(a, axis=1) - jnp.take_along_axis(a, y[:, None], 1)[:, 0])

        def step(parameters, _):
            gradient = jax.grad(loss)(parameters)
            return jax.tree_util.tree_map(lambda p, g: p - rate * g, parameters, gradient), None

        self.each = {"tiny": 100, "small": 100, "large": 2}.get(name, 10)
        scan = lambda count: jax.jit(lambda p: jax.lax.scan(step, p, None, length=count)[0])
        self.check = float(loss(scan(20)(self.parameters)))
        self.scan = scan(self.each)

    def step(self):
        self.parameters = jax.block_until_ready(self.scan(self.parameters))


class Torch:
    each = 1

    def __init__(self, name, sizes, batch, dtype):
        layers, x, y = data(sizes, batch, dtype)
        modules = []
        for w, b in layers:
            linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.from_numpy(w).dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(w))
                linear.bias.copy_(torch.from_numpy(b))
            modules += [linear, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*modules[:-1])
        self.x = torch.from_numpy(x)
        self.y = torch.from_numpy(y.reshape(-1, 1) if sizes[-1] == 1 else y.astype(np.int64))
        self.loss = torch.nn.functional.mse_loss if sizes[-1] == 1 else torch.nn.functional.cross_entropy
        self.descent = torch.optim.SGD(self.model.parameters(), lr=RATE, foreach=True)
        for _ in range(20):
            self.step()
        self.check = self.loss(self.model(self.x), self.y).item()

    def step(self):
        self.descent.zero_grad(set_to_none=True)
        self.loss(self.model(self.x), self.y).backward()
        self.descent.step()


def ours(program, name, scalar):
    out = subprocess.run(
        [program, "ours", "w1", "--nets", name, "--dtypes", scalar, "--secs", "0.4"],
        check=True, capture_output=True, text=True,
    ).stdout
    line = json.loads(out)
    return line["us"] * 1e-6, line["check"]


def main(program, rounds=3, names=",".join(NETS)):
    print("net             scalar  peer     our us   their us  ratio                losses")
    for name in names.split(","):
        for scalar, dtype in [("f32", np.float32), ("f64", np.float64)]:
            peers = [peer(name, *NETS[name], dtype) for peer in (Jax, Torch)]
            times = {type(peer): [] for peer in peers}
            for _ in range(int(rounds)):
                mine, check = ours(program, name, scalar)
                for peer in peers:
                    times[type(peer)].append((mine, seconds(peer.step, peer.each)))
            for peer in peers:
                pairs = times[type(peer)]
                ratios = sorted(a / b for a, b in pairs)
                mine, theirs = (statistics.median(t) * 1e6 for t in zip(*pairs))
                spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
                kind = type(peer).__name__
                print(f"{name:15} {scalar:7} {kind:6} {mine:9.2f} {theirs:10.2f}  {spread:19}  {check:.6f} {peer.check:.6f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
