"""Makes tests/data/influence.json: leverage, Cook's distance and left-out predictions as statsmodels gives them.

    python tests/data/influence.py > tests/data/influence.json

Made with statsmodels 0.15.0, numpy 2.4.6: OLSInfluence of examples/data/diabetes.csv, all ten features, constant last, and
its predictions with intervals of 90 % at the first three samples: of the mean, and of an observation.
"""
import csv
import json
import sys
from pathlib import Path

import numpy as np
import statsmodels
import statsmodels.api as sm

print(f"statsmodels {statsmodels.__version__}, numpy {np.__version__}", file=sys.stderr)
with open(Path(__file__).resolve().parents[2] / "examples" / "data" / "diabetes.csv") as f:
    rows = np.array([[float(c) for c in row] for row in list(csv.reader(f))[1:]])
x, y = np.column_stack([rows[:, :10], np.ones(len(rows))]), rows[:, 10]
fit = sm.OLS(y, x).fit()
influence = fit.get_influence()
frame = fit.get_prediction(x[:3]).summary_frame(alpha=0.1)
print(
    json.dumps(
        {
            "leverage": list(influence.hat_matrix_diag),
            "cooks_distance": list(influence.cooks_distance[0]),
            "predictions": list(y - influence.resid_press),
            "parameters_17": list(fit.params - influence.dfbeta[17]),
            "mean": [list(frame[c]) for c in ("mean", "mean_ci_lower", "mean_ci_upper")],
            "observation": [list(frame[c]) for c in ("mean", "obs_ci_lower", "obs_ci_upper")],
        }
    )
)
