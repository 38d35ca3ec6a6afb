#!/usr/bin/env bash
# simple-statistics 7.12.1 (JavaScript) computes the normal distribution, by which two branches of an experiment are
# compared.
# Expected: the probabilities of scipy 1.17.1, to some digits.
# Seen: a table in steps of 0.01 ends at 3.09 standard errors, so that no probability is below 0.001 or above 0.999.  A
# limit for many metrics, such as 0.05 divided by a hundred, is never met, however large the difference.  The factor of
# an interval of 95 % is 1.957, not 1.960.  There is no error:
#                                          simple-statistics  scipy
#   cumulativeStdNormalProbability(-2.33)  0.0099             9.9e-03
#   cumulativeStdNormalProbability(-4)     0.001              3.2e-05
#   cumulativeStdNormalProbability(-6)     0.001              9.9e-10
#   cumulativeStdNormalProbability(6)      0.999              1.0e+00
#   probit(0.95)                           1.6434             1.6449
#   probit(0.975)                          1.9572             1.9600
#   probit(0.9995)                         3.2793             3.2905
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund simple-statistics@7.12.1
cat >seen.cjs <<'JAVASCRIPT'
const { cumulativeStdNormalProbability, probit } = require("simple-statistics");
for (const errors of [-2.33, -4, -6, 6]) console.log(errors, cumulativeStdNormalProbability(errors));
for (const probability of [0.95, 0.975, 0.9995]) console.log(probability, probit(probability).toFixed(4));
JAVASCRIPT
cat >seen.py <<'PYTHON'
from scipy.stats import norm

for errors in (-2.33, -4, -6, 6):
    print(f"{norm.cdf(errors):.1e}")
for probability in (0.95, 0.975, 0.9995):
    print(f"{norm.ppf(probability):.4f}")
PYTHON
node seen.cjs >javascript.txt
venv/bin/python seen.py >scipy.txt
paste -d ' ' javascript.txt scipy.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
-2.33 0.0099 9.9e-03
-4 0.001 3.2e-05
-6 0.001 9.9e-10
6 0.999 1.0e+00
0.95 1.6434 1.6449
0.975 1.9572 1.9600
0.9995 3.2793 3.2905
EXPECTED
echo "as described"
