"""Minima within bounds by SciPy, for `tests/bounds.rs`. numpy 2.4.6, scipy 1.17.1.

    python bounds.py > bounds.json          # beside ../../examples/data and nist
"""

import json

import numpy as np
from scipy.optimize import least_squares, minimize, nnls, rosen, rosen_der, rosen_hess


def table(name):
    rows = np.loadtxt(f"../../examples/data/{name}.csv", delimiter=",", skiprows=1)
    x, y = rows[:, :-1], rows[:, -1]
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def polished(x, low, high, gradient, hessian):
    """Newton's steps in the variables that L-BFGS-B left free; multipliers of the others."""
    g = gradient(x)
    free = ~(((x <= low) & (g > 0)) | ((x >= high) & (g < 0)))
    for _ in range(20):
        x[free] -= np.linalg.solve(hessian(x)[np.ix_(free, free)], gradient(x)[free])
    g = gradient(x)
    assert np.all(x >= low) and np.all(x <= high) and np.all(np.abs(g[free]) < 1e-12)
    return x, np.where(free, 0, g)


def logistic():
    """Malignant or not; ridge 1e-3, weights not negative, bias free."""
    x, y = table("breast_cancer")
    y = 1 - y
    m, n = x.shape
    a, sign, ridge = np.c_[x, np.ones(m)], 2 * y - 1, np.r_[np.full(n, 1e-3), 0]
    f = lambda t: np.logaddexp(0, -sign * (a @ t)).mean() + 0.5 * ridge @ t**2
    p = lambda t: 1 / (1 + np.exp(-(a @ t)))
    g = lambda t: a.T @ (p(t) - y) / m + ridge * t
    h = lambda t: (a * (p(t) * (1 - p(t)))[:, None]).T @ a / m + np.diag(ridge)
    low, high = np.r_[np.zeros(n), -np.inf], np.full(n + 1, np.inf)
    options = dict(maxiter=100_000, maxfun=1_000_000, ftol=1e-16, gtol=1e-12)
    found = minimize(f, np.zeros(n + 1), jac=g, method="L-BFGS-B", bounds=list(zip(low, high)), options=options)
    theta, multipliers = polished(found.x, low, high, g, h)
    return dict(name="logistic", x=[*theta], multipliers=[*multipliers], value=f(theta))


def rosenbrock():
    n = 10
    low, high = np.where(np.arange(n) % 3 == 0, 0.5, -2.0), np.where(np.arange(n) % 4 == 1, 0.6, 2.0)

    start = np.clip(np.full(n, 0.3), low, high)
    options = dict(maxiter=100_000, ftol=1e-16, gtol=1e-12)
    found = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", bounds=list(zip(low, high)), options=options)
    x, multipliers = polished(found.x, low, high, rosen_der, rosen_hess)
    ends = dict(low=[*low], high=[*high], start=[*start])
    return dict(name="rosenbrock", x=[*x], multipliers=[*multipliers], value=rosen(x), **ends)


def curve(name, t, y, model, start, low, high):
    found = least_squares(lambda b: model(b, t) - y, start, bounds=(low, high), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return dict(name=name, t=[*t], y=[*y], start=start, low=low, high=high, x=[*found.x], value=found.cost)


def main():
    x, y = table("diabetes")
    theta, _ = nnls(x, y - y.mean())
    cases = [dict(name="nnls", x=[*theta]), logistic(), rosenbrock()]
    t = np.arange(1.0, 13.0)
    y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40])
    growth = lambda b, t: b[0] * (1 - np.exp(-b[1] * t))
    cases.append(curve("growth", t, y, growth, [50.0, 0.1], [0.0, 0.0], [100.0, 1.0]))
    logistic_curve = lambda b, t: b[0] / (1 + np.exp(b[1] - b[2] * t))
    cases.append(curve("sigmoid", t, y, logistic_curve, [60.0, 2.0, 0.3], [0.0, 1.0, 0.0], [65.0, 5.0, 1.0]))
    print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")


main()
