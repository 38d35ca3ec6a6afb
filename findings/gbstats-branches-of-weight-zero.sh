#!/usr/bin/env bash
# gbstats 0.8.0 (Python, the statistics of GrowthBook) checks with `check_srm()` whether clients were split over the
# branches of an experiment by their weights.  It leaves out branches whose weight is 0.
# Expected: a branch that is switched off, with the weight 0 and without clients, changes nothing.
# Seen: such a branch is still counted as a degree of freedom, so that each one makes a wrong split look more like
# chance.  With a limit of 0.001 one such branch is enough to hide it:
#   clients            weights          gbstats  scipy, without the branches of the weight 0
#   10530 10000        0.5 0.5          0.0002   0.0002
#   10530 10000 0      0.5 0.5 0        0.0011   0.0002
#   10530 10000 0 0    0.5 0.5 0 0      0.0034   0.0002
#   10530 10000 0 0 0  0.5 0.5 0 0 0    0.0084   0.0002
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet gbstats==0.8.0 scipy==1.17.1
cd "$folder"
venv/bin/python - >seen.txt <<'PYTHON'
from gbstats.utils import check_srm
from scipy.stats import chisquare

expected = chisquare([10530, 10000]).pvalue
for switched_off in range(4):
    clients = [10530, 10000] + [0] * switched_off
    weights = [0.5, 0.5] + [0] * switched_off
    print(f"{switched_off} switched off: {check_srm(clients, weights):.4f} {expected:.4f}")
PYTHON
cat seen.txt
diff seen.txt - <<'EXPECTED'
0 switched off: 0.0002 0.0002
1 switched off: 0.0011 0.0002
2 switched off: 0.0034 0.0002
3 switched off: 0.0084 0.0002
EXPECTED
echo "as described"
