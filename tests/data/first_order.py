"""First-order updates written out from their papers, in exact decimal arithmetic of 40 digits.

f(x) = x0^2 + x0 x1 + 2 x1^2 - x0 from (1, -2); prints x after each of four steps.
"""
from decimal import Decimal as D, getcontext

getcontext().prec = 40


def gradient(x):
    return [2 * x[0] + x[1] - 1, x[0] + 4 * x[1]]


def run(name, update):
    x, state = [D(1), D(-2)], {}
    rows = []
    for t in range(1, 5):
        g = gradient(x)
        x = [update(state, i, x[i], g[i], t) for i in range(2)]
        rows.append([f"{v:.20f}" for v in x])
    print(name, rows)


def slot(state, key, i):
    return state.setdefault(key, [D(0), D(0)])


def momentum(state, i, x, g, t):
    v = slot(state, "v", i)
    v[i] = D("0.9") * v[i] + g
    return x - D("0.1") * v[i]


def nesterov(state, i, x, g, t):
    v = slot(state, "v", i)
    v[i] = D("0.9") * v[i] + g
    return x - D("0.1") * (g + D("0.9") * v[i])


def adagrad(state, i, x, g, t):
    s = slot(state, "s", i)
    s[i] += g * g
    return x - D("0.1") * g / (s[i].sqrt() + D("1e-10"))


def rmsprop(state, i, x, g, t):
    s = slot(state, "s", i)
    s[i] = D("0.9") * s[i] + D("0.1") * g * g
    return x - D("0.1") * g / (s[i].sqrt() + D("1e-8"))


def adam(decay):
    def update(state, i, x, g, t):
        m, v = slot(state, "m", i), slot(state, "v", i)
        m[i] = D("0.9") * m[i] + D("0.1") * g
        v[i] = D("0.999") * v[i] + D("0.001") * g * g
        m_hat = m[i] / (1 - D("0.9") ** t)
        v_hat = v[i] / (1 - D("0.999") ** t)
        return x - D("0.1") * m_hat / (v_hat.sqrt() + D("1e-8")) - D("0.1") * decay * x
    return update


run("plain", lambda s, i, x, g, t: x - D("0.1") * g)
run("plain, exponential 0.5", lambda s, i, x, g, t: x - D("0.1") * D("0.5") ** (t - 1) * g)
run("momentum", momentum)
run("nesterov", nesterov)
run("adagrad", adagrad)
run("rmsprop", rmsprop)
run("adam", adam(D(0)))
run("adamw", adam(D("0.5")))
