"""Stationary points of the test problems that no published table holds to 16 digits.

Newton iterations on the gradient in 30-digit arithmetic; prints the point, the value and the
eigenvalues of the Hessian.  python3 optima.py  (mpmath 1.3)
"""

from mpmath import diff, eigsy, exp, findroot, matrix, mp, mpf, nstr

mp.dps = 30


def stationary(name, f, starts):
    n = len(starts[0])

    def order(*axes):
        return tuple(axes.count(i) for i in range(n))

    def gradient(*x):
        return [diff(f, x, order(i)) for i in range(n)]

    for start in starts:
        root = findroot(gradient, [mpf(str(s)) for s in start], tol=1e-50, maxsteps=200)
        x = tuple(root[i] for i in range(n))
        h = matrix(n, n)
        for i in range(n):
            for j in range(n):
                h[i, j] = diff(f, x, order(i, j))
        eigenvalues = [nstr(e, 6) for e in eigsy(h, eigvals_only=True)]
        print(name, [nstr(a, 20) for a in x], nstr(f(*x), 20), eigenvalues)


def q(text):
    return mpf(text)


stationary(
    "QuarticSaddle",
    lambda x, y: x**4 + q("0.8") * y**4 + 4 * x * x + 2 * y**3 - x * y - q("0.2") * x * x * y,
    [(0.0026, 0.0206), (-0.21, -1.89)],
)
stationary(
    "SixHumpCamel",
    lambda x, y: (4 - q("2.1") * x * x + x**4 / 3) * x * x + x * y + 4 * (y * y - 1) * y * y,
    [(0.09, -0.71), (1.7, -0.8), (1.6, 0.57), (1.1, -0.77), (1.3, 0.6), (1.23, 0.16)],
)
stationary(
    "ThreeHumpCamel",
    lambda x, y: 2 * x * x - q("1.05") * x**4 + x**6 / 6 + x * y + y * y,
    [(-1.75, 0.87), (1.07, -0.53)],
)
stationary(
    "FreudensteinRoth",
    lambda x, y: (-13 + x + ((5 - y) * y - 2) * y) ** 2 + (-29 + x + ((y + 1) * y - 14) * y) ** 2,
    [(11.41, -0.897), (5, 4), (24, 2.2)],
)

Y = "0.1957 0.1947 0.1735 0.1600 0.0844 0.0627 0.0456 0.0342 0.0323 0.0235 0.0246".split()
U = "4 2 1 0.5 0.25 0.167 0.125 0.1 0.0833 0.0714 0.0625".split()
PAIRS = [(mpf(y), mpf(u)) for y, u in zip(Y, U)]
stationary(
    "KowalikOsborne",
    lambda a, b, c, d: sum((y - a * (u * u + u * b) / (u * u + u * c + d)) ** 2 for y, u in PAIRS),
    [(0.1928, 0.1913, 0.1231, 0.1361)],
)

zero = findroot(
    lambda x, y: [10000 * x * y - 1, exp(-x) + exp(-y) - q("1.0001")],
    [q("1.098e-5"), q("9.106")],
    tol=1e-50,
)
print("PowellBadlyScaled", [nstr(v, 20) for v in zero])
