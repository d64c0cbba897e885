"""Firth's logistic regression in 40 digits, for `tests/firth.rs`. mpmath 1.4.1.

    python firth.py > firth.json

The table is that of Heinze and Schemper (Statistics in Medicine 21, 2002): 79 cases of endometrial cancer, as published by
A. Agresti (https://users.stat.ufl.edu/~aa/cat/data/Endometrial.dat).
"""

import json

from mpmath import det, diag, exp, log, matrix, mp, mpf

mp.dps = 40

ENDOMETRIAL = """
0 13 1.64 0  0 16 2.26 0  0 8 3.14 0  0 34 2.68 0  0 20 1.28 0  0 5 2.31 0  0 17 1.80 0  0 10 1.68 0
0 26 1.56 0  0 17 2.31 0  0 8 2.01 0  0 7 1.89 0  0 20 3.15 0  0 10 1.23 0  0 18 1.27 0  0 16 1.76 0
0 18 2.00 0  0 8 2.64 1  0 29 0.88 1  0 12 1.27 1  0 20 1.37 1  1 38 0.97 1  1 22 1.14 1  1 7 0.88 1
1 25 0.91 1  1 15 0.58 1  0 7 0.97 1  0 28 1.50 0  0 11 1.33 0  0 19 2.37 0  0 10 1.82 0  0 10 3.13 0
0 18 1.31 0  0 14 1.92 0  0 21 1.64 0  0 11 2.01 0  0 17 1.88 0  0 25 1.93 0  0 16 2.11 0  0 19 1.29 0
0 15 1.72 0  0 33 0.75 0  0 24 1.92 0  0 48 1.84 1  0 12 1.11 1  0 19 1.61 1  0 2 1.18 1  1 22 1.44 1
1 40 1.18 1  1 5 0.93 1  1 0 1.17 1  0 21 1.19 1  0 15 1.06 1  0 29 2.02 0  0 15 2.29 0  0 12 2.33 0
0 3 2.90 0  0 20 1.70 0  0 23 1.41 0  0 12 2.25 0  0 22 1.54 0  0 42 1.97 0  0 15 1.75 0  0 13 2.16 0
0 14 2.57 0  0 19 1.37 0  0 12 3.61 0  0 13 2.04 0  0 10 2.17 0  0 12 1.69 1  1 49 0.27 1  0 6 1.84 1
0 5 1.30 1  0 17 0.96 1  1 11 1.01 1  1 21 0.98 1  0 5 0.35 1  1 19 1.02 1  0 33 0.85 1
"""


def firth(x, y, w, bias=True):
    """Fisher scoring on the modified score Σ w (y - p) x + Σ h (1/2 - p) x, halved until it shrinks."""
    rows = [[mpf(a) for a in row] + [mpf(1)] * bias for row in x]
    w = [mpf(a) for a in w]
    q = len(rows[0])

    def look(theta):
        p = [1 / (1 + exp(-sum(a * b for a, b in zip(row, theta)))) for row in rows]
        info = matrix(q, q)
        for row, pj, wj in zip(rows, p, w):
            for a in range(q):
                for b in range(q):
                    info[a, b] += wj * pj * (1 - pj) * row[a] * row[b]
        cov = info**-1
        score = matrix(q, 1)
        for row, pj, wj, yj in zip(rows, p, w, y):
            r = matrix(row)
            h = wj * pj * (1 - pj) * (r.T * cov * r)[0]
            for a in range(q):
                score[a] += (wj * (yj - pj) + h * (mpf(1) / 2 - pj)) * row[a]
        like = sum(wj * (log(pj) if yj else log(1 - pj)) for pj, yj, wj in zip(p, y, w))
        return score, cov, like + log(det(info)) / 2

    theta = matrix(q, 1)
    score, cov, value = look(theta)
    for _ in range(300):
        step, t = cov * score, mpf(1)
        while True:
            trial = look(theta + t * step)
            if trial[2] >= value - mpf(10) ** -30 or t < mpf(10) ** -9:
                break
            t /= 2
        theta, (score, cov, value) = theta + t * step, trial
        if max(abs(s) for s in score) < mpf(10) ** -25:
            break
    assert max(abs(s) for s in score) < mpf(10) ** -25
    errors = [cov[a, a] ** 0.5 for a in range(q)]
    number = lambda a: float(a)
    return dict(
        x=[[float(a) for a in row] for row in x], y=y, w=[float(a) for a in w], bias=bias,
        theta=[number(a) for a in theta], errors=[number(a) for a in errors], value=number(value),
    )


def main():
    cells = [float(a) for a in ENDOMETRIAL.split()]
    rows = [cells[i : i + 4] for i in range(0, len(cells), 4)]
    assert len(rows) == 79
    ones = [1] * 79
    cases = dict(
        endometrial=firth([r[:3] for r in rows], [int(r[3]) for r in rows], ones),
        separable=firth([[i] for i in range(1, 7)], [0, 0, 0, 1, 1, 1], [1] * 6),
        one_class=firth([[i] for i in range(1, 7)], [1] * 6, [1] * 6),
        weighted=firth(
            [[0.5, 1], [1.5, -1], [2, 0.25], [3, 2], [4.5, -2], [5, 1], [7, 0.5]],
            [0, 0, 1, 0, 1, 1, 1], [2, 1, 3, 1, 0.5, 2, 1],
        ),
        without_bias=firth([[1, 2], [2, 1], [3, -1], [-1, 2], [-2, -1]], [1, 1, 1, 0, 0], [1] * 5, bias=False),
        far=firth([[1000 + i * 2.0**-7] for i in range(8)], [0, 0, 0, 1, 0, 1, 1, 1], [1] * 8),
    )
    print("{\n" + ",\n".join(f'"{name}": {json.dumps(case)}' for name, case in cases.items()) + "\n}")


main()
