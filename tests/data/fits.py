"""Ridge, logistic and softmax regression by scikit-learn, for `tests/fits.rs`. numpy 2.4.6, scikit-learn 1.9.1.

    python fits.py > fits.json          # beside ../../examples/data
"""

import json
import warnings

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

warnings.simplefilter("error")


def table(name):
    rows = np.loadtxt(f"../../examples/data/{name}.csv", delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1]


def standard(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def gradient(x, y, w, b, c, weights):
    """The largest component of the gradient of sum s_i loss_i + |w|^2/(2 C)."""
    z = x @ w.T + b
    if len(w) == 1:
        residual = 1 / (1 + np.exp(-z)) - y[:, None]
    else:
        p = np.exp(z - z.max(axis=1, keepdims=True))
        residual = p / p.sum(axis=1, keepdims=True) - np.eye(len(w))[y.astype(int)]
    residual *= weights[:, None]
    return max(np.abs(residual.T @ x + w / c).max(), np.abs(residual.sum(axis=0)).max())


def main():
    out = []
    x, y = table("diabetes")
    for alpha in [0.0, 1.0, 100.0]:
        fit = LinearRegression().fit(x, y) if alpha == 0 else Ridge(alpha=alpha, solver="svd").fit(x, y)
        out.append(("diabetes", "ridge", False, alpha / len(x), [*fit.coef_, fit.intercept_]))
    for name, c, balanced in [
        ("breast_cancer", 0.01, False), ("breast_cancer", 1.0, False), ("breast_cancer", 1.0, True),
        ("iris", 1.0, False), ("wine", 1.0, False), ("wine", 1.0, True), ("digits", 0.01, False),
    ]:
        x, y = table(name)
        x = x / 16 if name == "digits" else standard(x)
        how = {"solver": "newton-cg", "tol": 1e-13, "max_iter": 1_000_000}
        fit = LogisticRegression(C=c, class_weight="balanced" if balanced else None, **how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its line search ends at rounding; the gradient says so below
            fit = fit.fit(x, y)
        counts = np.bincount(y.astype(int))
        weights = len(y) / (len(counts) * counts[y.astype(int)]) if balanced else np.ones(len(y))
        norm = gradient(x, y, fit.coef_, fit.intercept_, c, weights)
        assert norm < 1e-8, (name, norm)
        # parameters column by column, then the biases; those of softmax are known up to a common shift
        shift = fit.intercept_.mean() if len(fit.classes_) > 2 else 0.0
        theta = [*fit.coef_.T.ravel(), *(fit.intercept_ - shift)]
        out.append((name, "log", balanced, 1 / (c * len(x)), theta))
    keys = ["table", "loss", "balanced", "ridge", "theta"]
    print("[\n" + ",\n".join(json.dumps(dict(zip(keys, row))) for row in out) + "\n]")


main()
