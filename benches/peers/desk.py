"""Fits and verdicts beside scikit-learn and SciPy, round by round, on the tables of `benches/common/tables.rs`.

    pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
    cargo bench --bench yardstick --no-run          # prints the path of the program
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 taskset -c 1 python benches/peers/desk.py PROGRAM [ROUNDS]

Prints the time of this crate over that of its peer (below 1: this crate is faster), the median of the rounds with the
least and the greatest, and what either reached: objective, and the largest component of the gradient relative to that
at zero. scikit-learn runs its default solver to `tol`, one thread; this crate to 1e-10, with its report.
"""

import json
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np
import scipy.linalg
from sklearn.linear_model import LinearRegression, LogisticRegression

TOLERANCE = 1e-6
warnings.simplefilter("ignore")


def unit(seed, shape):
    """SplitMix64 in [0, 1): element i needs none before it."""
    i = np.arange(1, np.prod(shape) + 1, dtype=np.uint64)
    z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)) / 2.0**53).reshape(shape)


def uniform(seed, shape):
    return 2 * unit(seed, shape) - 1


def features(m, n):
    scale = 1.0 + np.arange(n) % 5
    return scale * uniform(11, (m, n)), scale


def logistic(m, n):
    x, scale = features(m, n)
    z = x @ (uniform(12, n) * 8 / np.sqrt(n) / scale) + 0.25
    return x, (1 / (1 + np.exp(-z)) > unit(13, m)).astype(int)


def linear(m, n):
    x, scale = features(m, n)
    return x, x @ (uniform(12, n) * 8 / np.sqrt(n) / scale) + 0.25 + uniform(14, m)


def softmax(m, n, k):
    x, scale = features(m, n)
    z = x @ (uniform(15, (k, n)) * 8 / np.sqrt(n) / scale).T
    shares = np.exp(z - z.max(axis=1, keepdims=True)).cumsum(axis=1)
    return x, (unit(13, m)[:, None] * shares[:, -1:] < shares).argmax(axis=1)


def objective(x, y, coefficients, bias):
    """Mean loss with ridge 1/m, and the largest component of its gradient relative to that at zero."""

    def at(w, b):
        m, k = len(x), max(len(b), 2)
        z = x @ w.T + b
        z = z if len(b) > 1 else np.hstack([np.zeros_like(z), z])
        top = z.max(axis=1, keepdims=True)
        norm = np.log(np.exp(z - top).sum(axis=1, keepdims=True)) + top
        delta = (np.exp(z - norm) - np.eye(k)[y])[:, k - len(b):] / m
        value = (norm[:, 0] - z[np.arange(m), y]).mean() + (w**2).sum() / (2 * m)
        return value, max(abs(delta.T @ x + w / m).max(), abs(delta.sum(axis=0)).max())

    value, gradient = at(coefficients, bias)
    return value, gradient / at(0 * coefficients, 0 * bias)[1]


def fits(dtype):
    """(case, fit that returns what it reached)"""
    for m, n in [(200, 2000), (5000, 1000)]:
        yield f"logistic-m{m}-n{n}", *classes(*logistic(m, n), dtype)
    for m, n, k in [(5000, 200, 10), (5000, 784, 10), (20_000, 20, 10), (2000, 10, 100)]:
        yield f"softmax-m{m}-n{n}-k{k}", *classes(*softmax(m, n, k), dtype)
    for m, n in [(5000, 1000), (10_000, 2000)]:
        x, y = (a.astype(dtype) for a in linear(m, n))
        fit = lambda x=x, y=y: LinearRegression().fit(x, y)
        yield f"linear-m{m}-n{n}", fit, lambda f, x=x, y=y: (((y - f.predict(x)) ** 2).mean() / 2, None)


def classes(x, y, dtype):
    x = x.astype(dtype)
    fit = lambda: LogisticRegression(C=1.0, tol=TOLERANCE, max_iter=10_000).fit(x, y)
    return fit, lambda f: objective(x.astype(float), y, f.coef_.astype(float), f.intercept_.astype(float))


def matrices(dtype):
    for n in [300, 1000, 2000]:
        a = uniform(16, (n, n)).T
        for case, h in [("definite", a @ a.T / n + np.eye(n)), ("indefinite", a + a.T)]:
            h = h.astype(dtype)
            yield f"{case}-{n}", [
                ("eigvalsh", lambda h=h: scipy.linalg.eigvalsh(h)),
                ("eigh", lambda h=h: scipy.linalg.eigh(h)),
                ("ldl", lambda h=h: scipy.linalg.ldl(h)),
            ]


def ours(program, workload, scalar):
    lines = subprocess.run(
        [program, "ours", workload, "--dtypes", scalar, "--secs", "0.05"], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {line["case"]: line for line in map(json.loads, lines)}


def seconds(run, limit=0.25):
    """The median of at least three calls, and what the last gave."""
    taken, last = [], run()
    while len(taken) < 3 or (sum(taken) < limit and len(taken) < 50):
        start = time.perf_counter()
        last = run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), last


def show(case, peer, pairs, note=""):
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(times) * 1e3 for times in zip(*pairs))
    print(
        f"{case:26} {peer:10} {mine:9.1f} {theirs:9.1f} {statistics.median(ratios):6.2f}"
        f" ({ratios[0]:.2f}-{ratios[-1]:.2f})  {note}",
        flush=True,
    )


def main(program, rounds=3):
    print("case                       peer         ours ms  their ms  ratio")
    for scalar, dtype in [("f64", np.float64), ("f32", np.float32)]:
        mine = [ours(program, "w8", scalar) for _ in range(rounds)]
        for case, fit, reached in fits(dtype):
            taken = [seconds(fit) for _ in range(rounds)]
            value, gradient = reached(taken[-1][1])
            line = mine[-1][case]
            note = f"{line['objective']:.9f} {value:.9f}  {line['rel_grad']:.0e}"
            note += "" if gradient is None else f" {gradient:.0e}"
            pairs = [(a[case]["us"] * 1e-6, b) for a, (b, _) in zip(mine, taken)]
            show(f"{case} {scalar}", "sklearn", pairs, f"{note}  {line['note']}")
        mine = [ours(program, "w9", scalar) for _ in range(rounds)]
        for case, peers in matrices(dtype):
            for peer, run in peers:
                pairs = [(a[case]["us"] * 1e-6, seconds(run)[0]) for a in mine]
                show(f"{case} {scalar}", peer, pairs)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
