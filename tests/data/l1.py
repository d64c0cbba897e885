"""Fits with an L1 penalty by scikit-learn, for `tests/sparse.rs`. numpy 2.4.6, scikit-learn 1.9.1.

    python l1.py > l1.json          # beside ../../examples/data
"""

import json
import warnings

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression

warnings.simplefilter("error")


def table(name):
    rows = np.loadtxt(f"../../examples/data/{name}.csv", delimiter=",", skiprows=1)
    x, y = rows[:, :-1], rows[:, -1]
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def main():
    out = []
    x, y = table("diabetes")
    for alpha in [30.0, 5.0, 0.5, 0.01]:
        fit = Lasso(alpha=alpha, tol=1e-14, max_iter=1_000_000).fit(x, y)
        out.append(("diabetes", "squared", alpha, 0.0, [*fit.coef_, fit.intercept_]))
    # alpha (l1_ratio |w| + (1 - l1_ratio)/2 |w|^2)
    fit = ElasticNet(alpha=2.0, l1_ratio=0.25, tol=1e-14, max_iter=1_000_000).fit(x, y)
    out.append(("diabetes", "squared", 0.5, 1.5, [*fit.coef_, fit.intercept_]))
    x, y = table("breast_cancer")
    for c in [0.01, 0.1, 1.0]:
        fit = LogisticRegression(C=c, l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=1_000_000).fit(x, y)
        out.append(("breast_cancer", "log", 1 / (c * len(x)), 0.0, [*fit.coef_[0], fit.intercept_[0]]))
    x, y = table("iris")
    fit = LogisticRegression(C=0.5, l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=1_000_000).fit(x, y)
    # parameters column by column, then the biases, which are known up to a common shift
    theta = [*fit.coef_.T.ravel(), *(fit.intercept_ - fit.intercept_.mean())]
    out.append(("iris", "cross-entropy", 1 / (0.5 * len(x)), 0.0, theta))
    keys = ["table", "loss", "l1", "ridge", "theta"]
    print("[\n" + ",\n".join(json.dumps(dict(zip(keys, row))) for row in out) + "\n]")


main()
