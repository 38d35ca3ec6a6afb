#!/usr/bin/env bash
# pingouin 0.7.0 (Python) compares the times of 50 clients before and after an update, which makes all about 0.3 s
# slower.  Clients differ more from each other (about 3 s) than their differences do.
# Expected: the achieved power of the test, as documented.  A test of the same 50 differences against zero is the same
# test.
# Seen: the p-values are equal, but the power for pairs is computed from the spread of the clients, not of the
# differences.  So a p-value of 0.0001 stands beside a power of 0.12, which is 0.99:
#   spread of differences  p-value    power for pairs  power for differences  statsmodels 0.15.0
#   0.3                    5.1e-09    0.12             1                      1
#   0.5                    9.8e-05    0.12             0.99                   0.99
#   1                      0.039      0.12             0.55                   0.55
#   2                      0.29       0.11             0.18                   0.18
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pingouin==0.7.0 statsmodels==0.15.0 numpy==2.4.6
cd "$folder"
cat >seen.py <<'PYTHON'
import numpy
import pingouin
from statsmodels.stats.power import TTestPower

CLIENTS = 50
generator = numpy.random.default_rng(1)
before = generator.normal(10, 3, CLIENTS)
noise = generator.normal(0, 1, CLIENTS)
noise = (noise - noise.mean()) / noise.std(ddof=1)
for spread in (0.3, 0.5, 1, 2):
    after = before + 0.3 + spread * noise
    pairs = pingouin.ttest(after, before, paired=True)
    differences = pingouin.ttest(after - before, 0)
    expected = TTestPower().power(0.3 / spread, CLIENTS, 0.05)
    values = [pairs["p_val"], differences["p_val"], pairs["power"], differences["power"]]
    print(spread, *(f"{value.item():.2g}" for value in values), f"{expected:.2g}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
0.3 5.1e-09 5.1e-09 0.12 1 1
0.5 9.8e-05 9.8e-05 0.12 0.99 0.99
1 0.039 0.039 0.12 0.55 0.55
2 0.29 0.29 0.11 0.18 0.18
EXPECTED
echo "as described"
