"""Values that the statistics of the trainer are tested with: python make_statistics.py

Needs SciPy and scikit-learn. Prints them; they are transcribed into trainer/src/statistics.rs.
"""

import numpy as np
from scipy.stats import binomtest, bootstrap, sem, t
from sklearn.metrics import accuracy_score, balanced_accuracy_score

print("McNemar's exact p of two numbers of disagreements")
for first, second in [(3, 12), (10, 10), (0, 6), (121, 59), (2000, 1900)]:
    print(first, second, repr(binomtest(first, first + second, 0.5).pvalue))

print("95 % intervals of a mean by the percentile bootstrap, 100,000 resamples")
values = np.array([float(idx % 4 != 0) for idx in range(400)])
rng = np.random.default_rng(1)
found = bootstrap((values,), np.mean, n_resamples=100_000, method="percentile", random_state=rng, batch=1000)
print("independent", found.confidence_interval)
clusters = np.array([float(idx % 4 != 0) for idx in range(100)])
found = bootstrap((clusters,), np.mean, n_resamples=100_000, method="percentile", random_state=rng, batch=1000)
print("four alike a picture", found.confidence_interval)
gains = np.array([1.0, 1.0, -1.0, 0.0, 0.0] * 50)
found = bootstrap((gains,), np.mean, n_resamples=100_000, method="percentile", random_state=rng, batch=1000)
print("paired differences", found.confidence_interval)

print("micro and macro average: classes a a a b, the last one wrong")
truth, answer = ["a", "a", "a", "b"], ["a", "a", "a", "a"]
print(accuracy_score(truth, answer), balanced_accuracy_score(truth, answer))

print("95 % interval of the mean of 0.3, 0.5 and 0.7 by Student's t")
print(t.interval(0.95, 2, loc=0.5, scale=sem([0.3, 0.5, 0.7])))
