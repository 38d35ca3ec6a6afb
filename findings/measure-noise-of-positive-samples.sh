#!/usr/bin/env bash
# moz-measure-noise 2.70.0 (PyPI, of Mozilla) tells how 1,000 samples deviate from a normal distribution, "to screen
# samples for use in the t-test".  The samples are exact quantiles, without chance.
# Expected: normal samples are OK, whatever their mean.  Samples of times with a long tail (log-normal) are SKEWED.  An
# outlier of ten times the others is among the OUTLIERS.
# Seen: the logarithm is taken first, if all samples are positive, and the smallest and the largest are left out.  So a
# normal distribution with the mean 10 has OUTLIERS, and the same one with the mean -10 is OK.  A log-normal one is OK,
# unless it has a zero.  One outlier is OK, with the score NaN where the other samples are equal:
#   normal, mean 0,                 -9.87 to    9.87, skewness  0.00: OK, -0.9
#   normal, mean 10,                 0.13 to   19.87, skewness  0.00: OUTLIERS, 22.1
#   normal, mean -10,              -19.87 to   -0.13, skewness  0.00: OK, -0.9
#   log-normal,                      0.04 to   26.86, skewness  4.51: OK, -0.9
#   log-normal, and a zero,          0.00 to   26.86, skewness  4.51: OUTLIERS, 120.0
#   normal, mean 100,               90.13 to  109.87, skewness  0.00: OK, -1.1
#   mean 100, and one of 1000,      90.13 to 1000.00, skewness 31.07: OK, -0.8
#   mean 100, and two of 1000,      90.13 to 1000.00, skewness 22.13: OUTLIERS, 4738.5
#   20 times 100, and one of 1000, 100.00 to 1000.00, skewness  4.25: OK, nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet moz-measure-noise==2.70.0 numpy==2.4.6 scipy==1.17.1
cd "$folder"
cat >seen.py <<'PYTHON'
import warnings

import numpy
from moz_measure_noise import deviance
from scipy.stats import norm, skew

warnings.simplefilter("ignore")
standard = norm.ppf((numpy.arange(1000) + 0.5) / 1000)
SAMPLES = {
    "normal, mean 0": 3 * standard,
    "normal, mean 10": 3 * standard + 10,
    "normal, mean -10": 3 * standard - 10,
    "log-normal": numpy.exp(standard),
    "log-normal, and a zero": numpy.append(numpy.exp(standard), 0),
    "normal, mean 100": 3 * standard + 100,
    "mean 100, and one of 1000": numpy.append(3 * standard + 100, 1000),
    "mean 100, and two of 1000": numpy.append(3 * standard + 100, [1000, 1000]),
    "20 times 100, and one of 1000": [100] * 20 + [1000],
}
for name, samples in SAMPLES.items():
    description, score = deviance(list(samples))
    limits = f"{min(samples):6.2f} to {max(samples):7.2f}"
    print(f"{name + ',':30} {limits}, skewness {skew(samples):5.2f}: {description}, {score:.1f}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
normal, mean 0,                 -9.87 to    9.87, skewness  0.00: OK, -0.9
normal, mean 10,                 0.13 to   19.87, skewness  0.00: OUTLIERS, 22.1
normal, mean -10,              -19.87 to   -0.13, skewness  0.00: OK, -0.9
log-normal,                      0.04 to   26.86, skewness  4.51: OK, -0.9
log-normal, and a zero,          0.00 to   26.86, skewness  4.51: OUTLIERS, 120.0
normal, mean 100,               90.13 to  109.87, skewness  0.00: OK, -1.1
mean 100, and one of 1000,      90.13 to 1000.00, skewness 31.07: OK, -0.8
mean 100, and two of 1000,      90.13 to 1000.00, skewness 22.13: OUTLIERS, 4738.5
20 times 100, and one of 1000, 100.00 to 1000.00, skewness  4.25: OK, nan
EXPECTED
echo "as described"
