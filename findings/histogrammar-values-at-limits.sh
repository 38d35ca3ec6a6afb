#!/usr/bin/env bash
# histogrammar 1.1.2 (Python) counts 100 answers from 1 to 5, 20 of each, in bins from 1 to 5, and other columns.
# Expected: each row is counted once, so that all parts of a histogram add up to its number of entries, and an array is
# counted as its values one by one.
# Seen: a value at the upper limit is counted twice from an array or a data frame: in the last bin and in the overflow.
# One by one it is in the overflow alone.  In sparse bins one of two very large values of an array is lost.  An absent
# time of a time axis is counted on the first day of 1970, not as absent:
#                                      entries  all parts  last bin  overflow
#   1 to 5, data frame                     100        120        20        20
#   1 to 5, one by one                     100        100         0        20
#                                      entries  all parts
#   infinity, 1e30, 1, 2, array              4          3
#   infinity, 1e30, 1, 2, one by one         4          4
#   two times and an absent one: 0 absent, days 1970-01-01, 2026-11-29, 2026-11-30
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet histogrammar==1.1.2 numpy==2.4.6 pandas==2.3.3
cd "$folder"
cat >seen.py <<'PYTHON'
import histogrammar
import numpy
import pandas

ANSWERS = [1, 2, 3, 4, 5] * 20
LARGE = [float("inf"), 1e30, 1.0, 2.0]


def one_by_one(histogram, values):
    for value in values:
        histogram.fill(value)
    return histogram


def of_array(histogram, values):
    histogram.fill.numpy(numpy.array(values))
    return histogram


frame = pandas.DataFrame({"answer": ANSWERS})
of_frame = frame.hg_make_histograms(bin_specs={"answer": {"num": 5, "low": 1, "high": 5}})["answer"]
for name, each in [("frame", of_frame), ("one by one", one_by_one(histogrammar.Bin(5, 1, 5), ANSWERS))]:
    outside = each.overflow.entries + each.underflow.entries + each.nanflow.entries
    parts = sum(part.entries for part in each.values) + outside
    print(f"{name}: {each.entries:g} {parts:g} {each.values[-1].entries:g} {each.overflow.entries:g}")
for name, fill in [("array", of_array), ("one by one", one_by_one)]:
    each = fill(histogrammar.SparselyBin(1.0), LARGE)
    counts = [getattr(part, "entries", part) for part in each.bins.values()]
    print(f"{name}: {each.entries:g} {sum(counts) + each.nanflow.entries:g}")
times = pandas.DataFrame({"time": pandas.to_datetime(["2026-11-29", "2026-11-30", None])})
of_times = times.hg_make_histograms(
    features=["time"], time_axis="time", time_width="1d", time_offset="2026-11-01"
)["time"]
days = [str(numpy.datetime64("2026-11-01") + int(number)) for number in sorted(of_times.bins)]
print("absent:", f"{of_times.nanflow.entries:g}", "days:", *days)
PYTHON
venv/bin/python seen.py 2>errors.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
frame: 100 120 20 20
one by one: 100 100 0 20
array: 4 3
one by one: 4 4
absent: 0 days: 1970-01-01 2026-11-29 2026-11-30
EXPECTED
echo "as described"
