#!/usr/bin/env bash
# river 0.26.1 (Python) computes statistics over a window of three values, as Polars 1.44.2 does.  One value is very
# large, not a number or infinite, as that of a client whose clock is wrong.  It left the window long ago.
# Expected: it is forgotten, so that the last window of 1, 2, 3, 1, 2, 3 has the sum 6, the mean 2 and the variance 1.
# Seen: river takes the value out of its totals again by subtraction.  Digits that were lost when it came in stay lost,
# so that all later windows are wrong.  After one NaN or infinite value every later window is NaN:
#                              river  Polars
#   variance, after 1e9        64.75       1
#   mean, after 1e17           3.667       2
#   sum, after 1e17                3       6
#   correlation, after 1e9   -0.1076      -1
#   sum, after NaN               nan       6
#   sum, after infinity          nan       6
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet river==0.26.1 polars==1.44.2
cd "$folder"
cat >seen.py <<'PYTHON'
import polars
from river import stats, utils

LATER = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


def by_river(statistic, first):
    window = utils.Rolling(statistic, window_size=3)
    for value in [first, *LATER]:
        window.update(value)
    return window.get()


def by_polars(name, first):
    return getattr(polars.Series([first, *LATER]), f"rolling_{name}")(3).to_list()[-1]


def correlations():
    ours, theirs = [1e9, *LATER], [1e9, 3.0, 2.0, 1.0, 3.0, 2.0, 1.0]
    window = utils.Rolling(stats.PearsonCorr, window_size=3)
    for pair in zip(ours, theirs, strict=True):
        window.update(*pair)
    frame = polars.DataFrame({"a": ours[-3:], "b": theirs[-3:]})
    return window.get(), frame.select(polars.corr("a", "b")).item()


for label, seen, expected in [
    ("variance, after 1e9", by_river(stats.Var, 1e9), by_polars("var", 1e9)),
    ("mean, after 1e17", by_river(stats.Mean, 1e17), by_polars("mean", 1e17)),
    ("sum, after 1e17", by_river(stats.Sum, 1e17), by_polars("sum", 1e17)),
    ("correlation, after 1e9", *correlations()),
    ("sum, after NaN", by_river(stats.Sum, float("nan")), by_polars("sum", float("nan"))),
    ("sum, after infinity", by_river(stats.Sum, float("inf")), by_polars("sum", float("inf"))),
]:
    print(label, f"{seen:.4g}", f"{expected:.4g}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
variance, after 1e9 64.75 1
mean, after 1e17 3.667 2
sum, after 1e17 3 6
correlation, after 1e9 -0.1076 -1
sum, after NaN nan 6
sum, after infinity nan 6
EXPECTED
echo "as described"
