#!/usr/bin/env bash
# jstat 1.9.6 (JavaScript) computes the probabilities by which experiments are judged.
# Expected: those of scipy 1.17.1, to some digits, also where a branch has millions of clients.
# Seen: the distribution of a rate (beta) goes wrong from about a million clients on, without an error: where half of
# ten million clients convert, the chance that the rate is below a half is 12 %.  binomial.pdf is Infinity or NaN where
# the number of combinations passes 1.8e308, and poisson.cdf(500, 500) is NaN:
#                                     scipy     jstat
#   beta.cdf(0.5, 50001, 50001)       0.5000    0.5000
#   beta.cdf(0.5, 500001, 500001)     0.5000    0.4826
#   beta.cdf(0.5, 5000001, 5000001)   0.5000    0.1187
#   beta.cdf(0.1, 1000001, 9000001)   0.4998    0.5697
#   binomial.pdf(514, 1029, 0.5)      0.0249    0.0249
#   binomial.pdf(515, 1030, 0.5)      0.0249    Infinity
#   binomial.pdf(100, 100000, 0.001)  0.0399    Infinity
#   binomial.pdf(1000, 10000, 0.1)    0.0133    NaN
#   poisson.cdf(500, 500)             0.5119    NaN
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund jstat@1.9.6
cat >seen.py <<'PYTHON'
from scipy.stats import beta, binom, poisson

for clients in (100000, 1000000, 10000000):
    print(f"beta {clients} {beta.cdf(0.5, clients / 2 + 1, clients / 2 + 1):.4f}")
print(f"beta 1000001 9000001 {beta.cdf(0.1, 1000001, 9000001):.4f}")
print(f"binomial 514 {binom.pmf(514, 1029, 0.5):.4f}")
print(f"binomial 515 {binom.pmf(515, 1030, 0.5):.4f}")
print(f"binomial 100 {binom.pmf(100, 100000, 0.001):.4f}")
print(f"binomial 1000 {binom.pmf(1000, 10000, 0.1):.4f}")
print(f"poisson 500 {poisson.cdf(500, 500):.4f}")
PYTHON
cat >seen.js <<'JAVASCRIPT'
const { beta, binomial, poisson } = require("jstat").jStat;
for (const clients of [100000, 1000000, 10000000]) {
  console.log(beta.cdf(0.5, clients / 2 + 1, clients / 2 + 1).toFixed(4));
}
console.log(beta.cdf(0.1, 1000001, 9000001).toFixed(4));
console.log(binomial.pdf(514, 1029, 0.5).toFixed(4));
console.log(binomial.pdf(515, 1030, 0.5).toFixed(4));
console.log(binomial.pdf(100, 100000, 0.001).toFixed(4));
console.log(binomial.pdf(1000, 10000, 0.1).toFixed(4));
console.log(poisson.cdf(500, 500).toFixed(4));
JAVASCRIPT
venv/bin/python seen.py >scipy.txt
node seen.js >jstat.txt
paste -d ' ' scipy.txt jstat.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
beta 100000 0.5000 0.5000
beta 1000000 0.5000 0.4826
beta 10000000 0.5000 0.1187
beta 1000001 9000001 0.4998 0.5697
binomial 514 0.0249 0.0249
binomial 515 0.0249 Infinity
binomial 100 0.0399 Infinity
binomial 1000 0.0133 NaN
poisson 500 0.5119 NaN
EXPECTED
echo "as described"
