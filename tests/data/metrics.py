"""Makes tests/data/metrics.json: what scikit-learn says of predictions with ties and weights.

    python tests/data/metrics.py > tests/data/metrics.json

with numpy 2.4.6 and scikit-learn 1.9.1. All inputs are sums of few powers of two, so that f32 holds them too; weights of
`None` are those that are not given.
"""
import json
import warnings

import numpy as np
import sklearn
import sklearn.metrics as m
from sklearn.calibration import calibration_curve

assert (np.__version__, sklearn.__version__) == ("2.4.6", "1.9.1")
warnings.simplefilter("ignore")
random = np.random.default_rng(11)


def weights_of(case, count):
    return [None, random.integers(0, 4, count) + (np.arange(count) == 0), random.integers(1, 999, count) / 64.0][case % 3]


def plain(x):
    return None if x is None else np.asarray(x, dtype=float).tolist()


def confusion(case):
    classes, count = int(random.integers(2, 7)), int(random.integers(5, 80))
    # every class in the truth, with a weight; some are never called
    truth = np.r_[np.arange(classes), random.integers(0, classes, count)]
    called = np.where(random.random(len(truth)) < 0.6, truth, random.integers(0, max(classes - case % 2, 1), len(truth)))
    w = weights_of(case, len(truth))
    if w is not None:
        w[:classes] = 1
    scores = lambda average: list(m.precision_recall_fscore_support(truth, called, sample_weight=w, average=average)[:3])
    return dict(
        truth=truth.tolist(), predicted=called.tolist(), weights=plain(w),
        counts=m.confusion_matrix(truth, called, sample_weight=w).tolist(),
        accuracy=m.accuracy_score(truth, called, sample_weight=w),
        classes=np.transpose(scores(None)).tolist(),
        macro=scores("macro"), weighted=scores("weighted"), micro=scores("micro"),
    )


def binary(case):
    count = int(random.integers(4, 120))
    truth = np.r_[0, 1, random.integers(0, 2, count)]
    levels = [4, 16, 1 << 20][case % 3]  # many ties, some, none
    p = random.integers(0 if case % 5 == 0 else 1, levels + (case % 5 == 0), len(truth)) / levels
    w = weights_of(case // 3, len(truth))
    if w is not None:
        w[:2] = 1
    kept = slice(None) if w is None else w > 0
    no, yes, threshold = m.roc_curve(
        truth[kept], p[kept], sample_weight=None if w is None else w[kept], drop_intermediate=False)
    observed, predicted = calibration_curve(truth, p, n_bins=8)
    return dict(
        truth=truth.tolist(), scores=p.tolist(), weights=plain(w),
        auc=m.roc_auc_score(truth, p, sample_weight=w),
        roc=np.transpose([threshold[1:], no[1:], yes[1:]]).tolist(),
        log_loss=m.log_loss(truth, p, sample_weight=w),
        brier=m.brier_score_loss(truth, p, sample_weight=w),
        calibration=np.transpose([predicted, observed]).tolist(),
    )


def several(case):
    classes, count = int(random.integers(3, 6)), int(random.integers(4, 90))
    truth = np.r_[np.arange(classes), random.integers(0, classes, count)]
    # sixty-fourths with a sum of 1: ties
    p = random.multinomial(64, random.dirichlet(np.ones(classes)), len(truth)) / 64.0
    w = weights_of(case, len(truth))
    if w is not None:
        w[:classes] = 1
    return dict(
        truth=truth.tolist(), scores=p.tolist(), weights=plain(w),
        auc=m.roc_auc_score(truth, p, sample_weight=w, multi_class="ovr"),
        log_loss=m.log_loss(truth, p, sample_weight=w),
        brier=m.brier_score_loss(truth, p, sample_weight=w),
    )


def regression(case):
    outputs, count = [1, 1, 3][case % 3], int(random.integers(3, 90))
    y = random.integers(-999, 999, (count, outputs)) / 64.0
    z = y + random.integers(-99, 99, (count, outputs)) / 32.0
    w = weights_of(case // 3, count)
    if w is not None:
        w[:3] = [1, 2, 3]
    return dict(
        truth=y.tolist(), predicted=z.tolist(), weights=plain(w),
        r2=m.r2_score(y, z, sample_weight=w, multioutput="variance_weighted"),
        mae=m.mean_absolute_error(y, z, sample_weight=w),
        rmse=m.root_mean_squared_error(y, z, sample_weight=w),
    )


kinds = [confusion, binary, several, regression]
print("{")
for kind in kinds:
    cases = ",\n".join("    " + json.dumps(kind(case)) for case in range(15))
    print(f'  "{kind.__name__}": [\n{cases}\n  ]' + ("," if kind is not kinds[-1] else ""))
print("}")
