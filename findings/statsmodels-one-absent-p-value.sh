#!/usr/bin/env bash
# statsmodels 0.15.0 (Python) corrects the p-values of the metrics of an experiment.  Three are 0.001, 0.002 and 0.003.
# The fourth is NaN, as a test gives it for a metric without a difference between any two clients.
# Expected: the fourth is left out, as by pingouin 0.7.0, or there is an error, as from scipy 1.17.1.
# Seen: Holm's two methods find the absent p-value significant.  Hommel's and one of the false discovery rates find none
# of the four significant.  Others give NaN for all four, beside a decision for each:
#                               significant         corrected
#   holm, holm-sidak            yes, yes, yes, yes  0.004, 0.006, 0.006, nan
#   hommel, fdr_gbs             no, no, no, no      nan, nan, nan, nan
#   fdr_bh, fdr_by              yes, yes, yes, no   nan, nan, nan, nan
#   pingouin, holm              yes, yes, yes, no   0.003, 0.004, 0.004, nan
#   pingouin, fdr_bh            yes, yes, yes, no   0.003, 0.003, 0.003, nan
#   scipy, as fdr_bh            ValueError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.15.0 scipy==1.17.1 pingouin==0.7.0
cd "$folder"
cat >seen.py <<'PYTHON'
import pingouin
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

VALUES = [0.001, 0.002, 0.003, float("nan")]


def show(name, decisions, corrected):
    print(name, *("yes" if each else "no" for each in decisions), *(f"{value:.3f}" for value in corrected))


for method in ("bonferroni", "holm", "holm-sidak", "simes-hochberg", "hommel", "fdr_bh", "fdr_by", "fdr_gbs"):
    show(method, *multipletests(VALUES, method=method)[:2])
for method in ("holm", "fdr_bh"):
    show(f"pingouin {method}", *pingouin.multicomp(VALUES, method=method))
try:
    false_discovery_control(VALUES)
except ValueError as error:
    print("scipy", type(error).__name__)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
bonferroni yes yes yes no 0.004 0.008 0.012 nan
holm yes yes yes yes 0.004 0.006 0.006 nan
holm-sidak yes yes yes yes 0.004 0.006 0.006 nan
simes-hochberg yes yes yes no nan nan nan nan
hommel no no no no nan nan nan nan
fdr_bh yes yes yes no nan nan nan nan
fdr_by yes yes yes no nan nan nan nan
fdr_gbs no no no no nan nan nan nan
pingouin holm yes yes yes no 0.003 0.004 0.004 nan
pingouin fdr_bh yes yes yes no 0.003 0.003 0.003 nan
scipy ValueError
EXPECTED
echo "as described"
