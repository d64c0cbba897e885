"""The job of wine.rs with scikit-learn 1.9.1 and numpy 2.4.6, in 28 lines; run in the folder of the crate.

    python examples/wine.py

It splits and draws otherwise than gradus. It prints:

softmax: AUC 1.0000
[[15  0  0]
 [ 0 17  1]
 [ 0  0 12]]
              precision    recall  f1-score   support

           0     1.0000    1.0000    1.0000        15
           1     1.0000    0.9444    0.9714        18
           2     0.9231    1.0000    0.9600        12

    accuracy                         0.9778        45
   macro avg     0.9744    0.9815    0.9771        45
weighted avg     0.9795    0.9778    0.9779        45

network: AUC 0.9993
[[15  0  0]
 [ 0 17  1]
 [ 0  0 12]]
              precision    recall  f1-score   support

           0     1.0000    1.0000    1.0000        15
           1     1.0000    0.9444    0.9714        18
           2     0.9231    1.0000    0.9600        12

    accuracy                         0.9778        45
   macro avg     0.9744    0.9815    0.9771        45
weighted avg     0.9795    0.9778    0.9779        45

5 folds: [1.     0.9722 0.9722 0.9714 1.    ], mean 0.9832
the first wine: [9.998e-01 2.000e-04 1.000e-04]
"""
import pickle

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def judge(name, model):
    called, p = model.predict(x_test), model.predict_proba(x_test)
    print(f"{name}: AUC {roc_auc_score(y_test, p, multi_class='ovr'):.4f}")
    print(confusion_matrix(y_test, called))
    print(classification_report(y_test, called, digits=4))


table = np.loadtxt("examples/data/wine.csv", delimiter=",", skiprows=1)
x, y = table[:, :13], table[:, 13].astype(int)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=1)
softmax = make_pipeline(StandardScaler(), LogisticRegression(C=1.0)).fit(x_train, y_train)
network = make_pipeline(
    StandardScaler(), MLPClassifier((16,), activation="tanh", max_iter=2000, random_state=1)).fit(x_train, y_train)
judge("softmax", softmax)
judge("network", network)
folds = StratifiedKFold(5, shuffle=True, random_state=1)
shares = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(C=1.0)), x, y, cv=folds)
print(f"5 folds: {np.round(shares, 4)}, mean {shares.mean():.4f}")
loaded = pickle.loads(pickle.dumps(softmax))
print(f"the first wine: {np.round(loaded.predict_proba(x[:1])[0], 4)}")
