"""Makes tests/data/statistics.json: results in 25 digits, computed in 60-digit arithmetic.

    python tests/data/statistics.py > tests/data/statistics.json

- logistic: unpenalised maximum likelihood by Newton, coefficients (constant last), standard errors from the
  inverse information, robust ones (HC0: inverse information, scores' outer products, inverse information);
- ridge: the same with a penalty on the weights: H^-1 F H^-1;
- least_squares: diabetes with classical and robust (HC0) standard errors;
- polynomial: a badly conditioned regression, of the powers as doubles hold them;
- student, normal: two-sided tail probabilities.
"""
import csv, json
from pathlib import Path
import mpmath as mp

mp.mp.dps = 60
tables = Path(__file__).resolve().parents[2] / "examples" / "data"
out = lambda x: mp.nstr(x, 25)


def table(name):
    with open(tables / f"{name}.csv") as f:
        rows = list(csv.reader(f))[1:]
    rows = [[mp.mpf(float(c)) for c in row] for row in rows]
    return [row[:-1] for row in rows], [row[-1] for row in rows]


def gram(rows, weights):
    p = len(rows[0])
    g = mp.zeros(p)
    for row, w in zip(rows, weights):
        for i in range(p):
            for j in range(i + 1):
                g[i, j] += w * row[i] * row[j]
    for i in range(p):
        for j in range(i):
            g[j, i] = g[i, j]
    return g


def inverse(a):
    return mp.inverse(a)


def roots(c):
    return [out(mp.sqrt(c[i, i])) for i in range(c.rows)]


def logistic(x, y, lam=0):
    m, rows = len(x), [row + [mp.mpf(1)] for row in x]
    p = len(rows[0])
    theta = mp.zeros(p, 1)
    penalty = mp.diag([mp.mpf(lam) * m] * (p - 1) + [0])
    for _ in range(60):
        prob = [1 / (1 + mp.exp(-mp.fdot(row, theta))) for row in rows]
        g = penalty * theta
        for row, q, label in zip(rows, prob, y):
            for i in range(p):
                g[i] += (q - label) * row[i]
        f = gram(rows, [q * (1 - q) for q in prob])
        step = mp.lu_solve(f + penalty, g)
        theta -= step
        if mp.norm(step, mp.inf) < mp.mpf(10) ** -40 * (1 + mp.norm(theta, mp.inf)):
            break
    a = inverse(f + penalty)
    meat = gram(rows, [(q - label) ** 2 for q, label in zip(prob, y)])
    return {
        "theta": [out(t) for t in theta],
        "errors": roots(a * f * a),
        "robust": roots(a * meat * a),
    }


def least_squares(x, y):
    m, rows = len(x), [row + [mp.mpf(1)] for row in x]
    p = len(rows[0])
    a = inverse(gram(rows, [1] * m))
    theta = a * mp.matrix([mp.fsum(r[i] * t for r, t in zip(rows, y)) for i in range(p)])
    res = [t - mp.fdot(r, theta) for r, t in zip(rows, y)]
    variance = mp.fsum(r * r for r in res) / (m - p)
    return {
        "theta": [out(t) for t in theta],
        "errors": roots(a * variance),
        "robust": roots(a * gram(rows, [r * r for r in res]) * a),
    }


def student(nu, t):
    nu, t = mp.mpf(nu), mp.mpf(t)
    return mp.betainc(nu / 2, mp.mpf(1) / 2, 0, nu / (nu + t * t), regularized=True)


cancer_x, cancer_y = table("breast_cancer")
iris_x, iris_y = table("iris")
two = [(x, t - 1) for x, t in zip(iris_x, iris_y) if t > 0]
diabetes = table("diabetes")

# 82 points and their powers 1 to 10 as doubles hold them: multiplied up one by one, as the test does
points = [-8.75 + i / 16 for i in range(82)]


def powers(t):
    row = [t]
    while len(row) < 10:
        row.append(row[-1] * t)
    return [mp.mpf(v) for v in row]


poly_x = [powers(t) for t in points]
noise = [((i * 37) % 82 - 40.5) / 4096 for i in range(82)]
poly_y = [mp.mpf(0.75 + 0.125 * t + e) for t, e in zip(points, noise)]

result = {
    "logistic": {
        "breast_cancer_10": logistic([row[:10] for row in cancer_x], cancer_y),
        "iris_2": logistic([x for x, _ in two], [t for _, t in two]),
    },
    "ridge": {"iris_2": logistic([x for x, _ in two], [t for _, t in two], 0.0078125)},
    "least_squares": {"diabetes": least_squares(*diabetes)},
    "polynomial": least_squares(poly_x, poly_y),
    "student": [
        [nu, t, out(student(nu, t))]
        for nu in ["0.5", "1", "2", "9", "30", "431", "1e6"]
        for t in ["1e-8", "0.1", "0.75", "1", "2.5", "7", "40"]
    ],
    "normal": [[t, out(mp.erfc(mp.mpf(t) / mp.sqrt(2)))] for t in ["1e-8", "0.1", "1", "2.5", "7", "30"]],
}
print(json.dumps(result, indent=1))
