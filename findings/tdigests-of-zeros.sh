#!/usr/bin/env bash
# fastdigest 0.12.0 and pytdigest 0.1.4 (Python) keep the crashes of 10,000 clients, of which 9,900 had 0 and 100 had
# 1000.
# Expected: the share of the clients with at most so many crashes, and the quantiles, are about numpy's.
# Seen: fastdigest gives the share 0 for the smallest value, however many clients have it.  pytdigest gives half of the
# share up to the largest value, and quantiles up to 970 where all is 0, for any number of clients.  There is no error:
#                          numpy  fastdigest  pytdigest
#   at most 0 crashes       0.990       0.000      0.495
#   at most 1 crash         0.990       0.990      0.495
#   0.5-quantile            0.00        0.00      10.00
#   0.9-quantile            0.00        0.00     810.00
#   0.98-quantile           0.00        0.00     970.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fastdigest==0.12.0 pytdigest==0.1.4 numpy==2.4.6
cd "$folder"
venv/bin/python - >seen.txt <<'PYTHON'
import fastdigest
import numpy
import pytdigest

crashes = numpy.array([0.0] * 9900 + [1000.0] * 100)
fast = fastdigest.TDigest.from_values(crashes)
other = pytdigest.TDigest.compute(crashes)
for most in (0.0, 1.0):
    shares = (numpy.mean(crashes <= most), fast.cdf(most), other.cdf(most))
    print(f"at most {most:.0f}:", *[f"{float(share):.3f}" for share in shares])
for quantile in (0.5, 0.9, 0.98):
    values = (numpy.quantile(crashes, quantile), fast.quantile(quantile), other.inverse_cdf(quantile))
    print(f"quantile {quantile}:", *[f"{float(value):.2f}" for value in values])
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
at most 0: 0.990 0.000 0.495
at most 1: 0.990 0.990 0.495
quantile 0.5: 0.00 0.00 10.00
quantile 0.9: 0.00 0.00 810.00
quantile 0.98: 0.00 0.00 970.00
EXPECTED
echo "as described"
