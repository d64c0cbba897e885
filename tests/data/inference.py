"""Makes tests/data/inference.json: inference as statsmodels and SciPy do it.

    python tests/data/inference.py > tests/data/inference.json

Made with statsmodels 0.15.0, scipy 1.17.1, numpy 2.4.6, on the features bmi, bp, s1 and s5 of examples/data/diabetes.csv,
constant last. Coefficients of several classes stand class after class.

- least_squares: OLS with its robust covariances (HC0 to HC3, and by 17 groups), and its measures of fit; weighted by counts;
- logistic: robust and clustered covariances;
- softmax: MNLogit of three classes, relative to class 0;
- huber: the minimum of Huber's loss with delta = 40 (scipy's Newton steps), and the sandwich written out;
- poisson, gamma, negative_binomial (alpha = 0.4), binomial: GLM with log and logit links, with offset;
  HC0 and by groups where the link is canonical (statsmodels takes the observed information elsewhere);
- binomial: HC1 to HC3 written out, each row of trials being one observation, as R's sandwich has it;
- chi_square, f: tail probabilities.
"""
import csv
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import scipy.stats
import statsmodels
import statsmodels.api as sm

print(f"statsmodels {statsmodels.__version__}, scipy {scipy.__version__}, numpy {np.__version__}", file=sys.stderr)
with open(Path(__file__).resolve().parents[2] / "examples" / "data" / "diabetes.csv") as f:
    rows = np.array([[float(c) for c in row] for row in list(csv.reader(f))[1:]])
# rounded to what doubles hold exactly, so that nothing depends on how a table is scaled
x = np.round(rows[:, [2, 3, 4, 8]] * 1024) / 1024
x = (x - np.round(x.mean(0))) / 2.0 ** np.round(np.log2(x.std(0)))
y, m = rows[:, -1], len(rows)
X = np.column_stack([x, np.ones(m)])
groups = np.arange(m) % 17
counts = np.arange(m) % 4


def told(fit, **more):
    return {"theta": list(fit.params), "errors": list(fit.bse), "p": list(fit.pvalues), **more}


result = {"x": x.tolist(), "y": y.tolist()}

ols = sm.OLS(y, X).fit()
result["least_squares"] = told(
    ols,
    log=ols.llf, aic=ols.aic, bic=ols.bic, r=ols.rsquared, adjusted=ols.rsquared_adj, f=ols.fvalue, f_p=ols.f_pvalue,
    **{kind.lower(): list(ols.get_robustcov_results(kind).bse) for kind in ["HC0", "HC1", "HC2", "HC3"]},
    clustered=list(ols.get_robustcov_results("cluster", groups=groups).bse),
    clustered_p=list(ols.get_robustcov_results("cluster", groups=groups).pvalues),
)
small = sm.OLS(y, X[:, [0, 4]]).fit()
test = ols.compare_lr_test(small)
result["least_squares"]["ratio"] = list(test)
repeated = np.repeat(np.arange(m), counts)
ols = sm.OLS(y[repeated], X[repeated]).fit()
result["weighted"] = told(
    ols, log=ols.llf, aic=ols.aic, bic=ols.bic, r=ols.rsquared, adjusted=ols.rsquared_adj, f=ols.fvalue,
    clustered=list(ols.get_robustcov_results("cluster", groups=groups[repeated]).bse),
)
none = sm.OLS(y, x).fit()
result["through_zero"] = told(none, log=none.llf, r=none.rsquared, adjusted=none.rsquared_adj, f=none.fvalue)

high = (y > 140).astype(float)
newton = dict(disp=0, method="newton", maxiter=100, tol=1e-14)
logit = sm.Logit(high, X).fit(**newton)
result["logistic"] = told(
    logit, log=logit.llf, aic=logit.aic, bic=logit.bic,
    hc0=list(sm.Logit(high, X).fit(cov_type="HC0", **newton).bse),
    clustered=list(sm.Logit(high, X).fit(cov_type="cluster", cov_kwds={"groups": groups}, **newton).bse),
)

classes = (y > 100).astype(int) + (y > 180)
softmax = sm.MNLogit(classes, X).fit(**newton)
result["softmax"] = {
    "theta": list(softmax.params.T.ravel()), "errors": list(softmax.bse.T.ravel()), "log": softmax.llf,
    "aic": softmax.aic, "bic": softmax.bic,
    "hc0": list(sm.MNLogit(classes, X).fit(cov_type="HC0", **newton).bse.T.ravel()),
}

delta, theta = 40.0, np.linalg.lstsq(X, y, rcond=None)[0]
for _ in range(100):
    r = X @ theta - y
    psi, inside = np.clip(r, -delta, delta), np.abs(r) <= delta
    theta = theta - np.linalg.solve(X[inside].T @ X[inside], X.T @ psi)
inverse = np.linalg.inv(X[inside].T @ X[inside])
sandwich = inverse @ (X.T * psi**2) @ X @ inverse
result["huber"] = {"theta": list(theta), "errors": list(np.sqrt(np.diag(sandwich)))}

offset = np.log1p(np.arange(m) % 5)
trials = 5 + np.arange(m) % 7
successes = np.floor(trials * (y - y.min()) / (y.max() - y.min() + 1))
families = {
    "poisson": (np.floor(y / 20), sm.families.Poisson()),
    "gamma": (y, sm.families.Gamma(sm.families.links.Log())),
    "negative_binomial": (np.floor(y / 20), sm.families.NegativeBinomial(alpha=0.4)),
    "binomial": (np.column_stack([successes, trials - successes]), sm.families.Binomial()),
}
for name, (target, family) in families.items():
    for suffix, shift in [("", None), ("_offset", offset)]:
        fit = sm.GLM(target, X, family=family, offset=shift).fit(tol=1e-14, maxiter=200)
        fit = sm.GLM(target, X, family=family, offset=shift).fit(start_params=fit.params, tol=1e-15, maxiter=200)
        result[name + suffix] = told(
            fit, log=fit.llf, aic=fit.aic, deviance=fit.deviance, null_deviance=fit.null_deviance,
            pearson=fit.pearson_chi2, scale=fit.scale,
        )
        if not suffix and name in ["poisson", "binomial"]:
            again = dict(start_params=fit.params, tol=1e-15, maxiter=200)
            model = sm.GLM(target, X, family=family)
            result[name]["hc0"] = list(model.fit(cov_type="HC0", **again).bse)
            by_group = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, **again)
            result[name]["clustered"] = list(by_group.bse)
            if name == "binomial":
                mean = fit.fittedvalues
                inverse = np.linalg.inv((X.T * (trials * mean * (1 - mean))) @ X)
                slope, leverage = successes - trials * mean, trials * mean * (1 - mean) * np.sum(X @ inverse * X, axis=1)
                for power, scale in [(0, m / (m - 5)), (1, 1), (2, 1)]:
                    middle = (X.T * (slope**2 / (1 - leverage) ** power * scale)) @ X
                    result[name][f"hc{power + 1}"] = list(np.sqrt(np.diag(inverse @ middle @ inverse)))
result["successes"], result["trials"], result["offset"] = successes.tolist(), trials.tolist(), offset.tolist()

result["chi_square"] = [
    [k, t, scipy.stats.chi2.sf(t, k)] for k in [0.5, 1, 2, 7, 40, 1000] for t in [1e-6, 0.3, 1, 5, 30, 200, 1100]
]
result["f"] = [
    [a, b, t, scipy.stats.f.sf(t, a, b)]
    for a in [1, 2, 7.5, 40] for b in [1, 3, 30, 437] for t in [1e-6, 0.3, 1, 5, 30, 200]
]
print(json.dumps(result))
