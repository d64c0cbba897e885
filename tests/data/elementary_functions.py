"""Writes the coefficients of src/kernel/math.rs and the golden values of its tests (needs mpmath).

Polynomials interpolate at Chebyshev points, in 100 digits, and are rounded to the precision of use.
Run: python elementary_functions.py coefficients | golden
"""

import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 100


def interpolate(f, a, b, degree):
    """Monomial coefficients of the polynomial through f at the Chebyshev points of [a, b]."""
    n = degree + 1
    nodes = [mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    values = [f((a + b) / 2 + (b - a) / 2 * x) for x in nodes]
    matrix = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        point = (a + b) / 2 + (b - a) / 2 * x
        for j in range(n):
            matrix[i, j] = point**j
    return list(mp.lu_solve(matrix, mp.matrix(values)))


def exp_tail(r):
    """(exp r − 1 − r) / r²"""
    return mp.mpf(1) / 2 + r / 6 if abs(r) < 1e-30 else (mp.exp(r) - 1 - r) / r**2


def log_tail(z):
    """(2 atanh s − 2 s) / s³ at z = s²"""
    if z == 0:
        return mp.mpf(2) / 3
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def erf_ratio(z):
    """erf(x) / x at z = x²"""
    x = mp.sqrt(z)
    return 2 / mp.sqrt(mp.pi) if z == 0 else mp.erf(x) / x


def scaled_erfc(q):
    """(1 + 2 x) exp(x²) erfc(x) at q = (x − 4) / (x + 4)"""
    if q == 1:
        return 2 / mp.sqrt(mp.pi)
    x = 4 * (1 + q) / (1 - q)
    if x > 1000:
        s, term = mp.mpf(1), mp.mpf(1)
        for k in range(1, 30):
            term *= -(2 * k - 1) / (2 * x**2)
            s += term
        return (1 + 2 * x) * s / (x * mp.sqrt(mp.pi))
    return (1 + 2 * x) * mp.exp(x**2) * mp.erfc(x)


def coefficients():
    ln2 = mp.log(2)
    for name, kind, hi_bits, degrees in [("f64", np.float64, 32, (9, 6, 8, 23)), ("f32", np.float32, 15, (4, 3, 4, 11))]:
        hi = mp.mpf(int(ln2 * 2**hi_bits)) / 2**hi_bits
        print(name, "LN_2", str(kind(float(hi))), str(kind(float(ln2 - hi))))
        half = ln2 / 2 * (1 + mp.mpf(2) ** -10)
        s = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
        for label, f, a, b, degree in [
            ("EXP", exp_tail, -half, half, degrees[0]),
            ("LN", log_tail, mp.mpf(0), s * s, degrees[1]),
            ("ERF", erf_ratio, mp.mpf(0), mp.mpf(1) / 4, degrees[2]),
            ("ERFC", scaled_erfc, mp.mpf(-1), mp.mpf(1), degrees[3]),
        ]:
            c = interpolate(f, a, b, degree)
            print(name, label, "[" + ", ".join(str(kind(float(x))) for x in c) + "]")


POINTS = {
    "exp": "0 -0.0 1e-320 -1e-320 1e-17 -1e-8 0.1 0.34657 -0.34658 1 -1 2.5 -10.3 88.5 -87.9 300.25 709.78 -708.4 -710.5 -740.1 -745.1",
    "ln_1p": "0 1e-320 -1e-320 1e-17 -1e-17 1e-8 -1e-8 0.1 -0.3 0.41421356 0.4142136 0.5 0.9999 1 -0.9 -0.9999999999999999 2.5 1e8 1e16 1e300",
    "sigmoid": "0 1e-320 1e-17 -1e-8 0.1 -0.3 1 -1 2.5 -5 -36.7 36.7 -37 300 -300 -708.4 -744 -745.1",
    "tanh": "0 1e-320 -1e-320 1e-17 -1e-8 0.1 -0.17 0.1733 0.18 -0.3 0.5 -0.55 1 2.5 -5 18 19.1 -300",
    "softplus": "0 1e-320 1e-17 -1e-8 0.1 -0.3 1 -1 2.5 -5 -36.7 36.7 -37 300 -300 -708.4 -744 -745.1",
    "elu": "0 -1e-320 -1e-8 -0.34658 -1 -10.3 -40 -708.4",
    "elu_slope": "0 -1e-320 -1e-8 -0.34658 -1 -10.3 -40 -300 -708.4 -740.1",
    "sigmoid_slope": "0 1e-320 -1e-8 0.1 -0.3 1 -1 2.5 -5 17 36.7 -37 300 -300 -708.4 740.1",
    "tanh_slope": "0 1e-320 -1e-8 0.1 -0.3 0.5 -0.55 1 2.5 -5 18 19.1 -20 -300 350 371.3",
    "softplus_slope": "0 1e-320 -1e-8 0.1 -0.3 1 -1 2.5 -5 -36.7 36.7 300 -300 -708.4",
    "gelu": "0 1e-320 -1e-8 0.1 -0.3 0.7 -0.7 0.71 1 -1 2.5 -5 5 -9.7 -15.3 -30.1 -37.4 -38.4 38",
    "gelu_slope": "0 1e-320 -1e-8 0.1 -0.3 0.7 0.71 1 -1 2.5 -5 5 -9.7 -15.3 -30.1 -37.4 -38.4 38",
    "silu": "0 1e-320 -1e-8 0.1 -0.3 1 -1 2.5 -5 36.7 -37 300 -300 -708.4 -740.1 -750",
    "silu_slope": "0 1e-320 -1e-8 0.1 -0.3 1 2.5 -5 36.7 -37 300 -300 -708.4 -740.1 -750",
    "erfc": "0 1e-320 1e-17 -1e-8 0.1 -0.3 0.5 -0.5 1 -1 2.5 -5 5 9.7 -6 15.3 26.5 27.2",
}
EXACT = {
    "exp": mp.exp,
    "ln_1p": mp.log1p,
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "tanh": mp.tanh,
    "softplus": lambda z: mp.log1p(mp.exp(z)),
    "elu": mp.expm1,
    "elu_slope": mp.exp,
    "sigmoid_slope": lambda z: 1 / (2 * mp.cosh(z / 2)) ** 2,
    "tanh_slope": lambda z: 1 / mp.cosh(z) ** 2,
    "softplus_slope": lambda z: 1 / (1 + mp.exp(-z)),
    "gelu": lambda z: z * mp.ncdf(z),
    "gelu_slope": lambda z: mp.ncdf(z) + z * mp.npdf(z),
    "silu": lambda z: z / (1 + mp.exp(-z)),
    "silu_slope": lambda z: 1 / (1 + mp.exp(-z)) + z / (2 * mp.cosh(z / 2)) ** 2,
    "erfc": mp.erfc,
}


def golden():
    mp.mp.dps = 400
    for name, points in POINTS.items():
        pairs = [(float(p), float(EXACT[name](mp.mpf(float(p))))) for p in points.split()]
        print(f"    const {name.upper()}: [(f64, f64); {len(pairs)}] = [")
        for x, y in pairs:
            print(f"        ({x!r}, {y!r}),")
        print("    ];")


{"coefficients": coefficients, "golden": golden}[sys.argv[1]]()
