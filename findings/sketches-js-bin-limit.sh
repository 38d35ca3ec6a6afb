#!/usr/bin/env bash
# @datadog/sketches-js 2.1.1 (npm) and ddsketch 3.0.1 (Python) take the times from 1 ms to 10,000 ms, in three orders,
# with a limit of bins.  One kind of sketch joins its lowest bins to keep to that, and the other kind its highest bins.
# Expected: quantiles within 1 % outside of the joined bins, whatever the order, as in Python.
# Seen: in JavaScript the quantiles depend on the order.  The sketch that joins its lowest bins moves the high quantiles
# too if the times rise.  The sketch that joins its highest bins gives the largest time from the median on, or a
# lowest hundredth that is half too large.  There is no error:
#   joined    limit  order                   1%    50%    90%    99%
#   lowest    128    Python, any            789   4965   9048   9801
#   lowest    128    JavaScript, rising     789   4231   8187   9048
#   lowest    128    JavaScript, falling    789   4965   9048   9801
#   lowest    128    JavaScript, mixed      789   4965   9048   9801
#   highest   256    Python, any            100    162    162    162
#   highest   256    JavaScript, rising     100   9999   9999   9999
#   highest   256    JavaScript, falling    159   5066   9048   9999
#   highest   256    JavaScript, mixed      147   5066   9999   9999
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ddsketch==3.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @datadog/sketches-js@2.1.1 >/dev/null
cat > sketch.cjs <<'JAVASCRIPT'
const { LogCollapsingHighestDenseDDSketch, LogCollapsingLowestDenseDDSketch } = require("@datadog/sketches-js");
const KINDS = { lowest: LogCollapsingLowestDenseDDSketch, highest: LogCollapsingHighestDenseDDSketch };
const { cases, quantiles } = JSON.parse(require("fs").readFileSync(0));
const seen = cases.map(([kind, binLimit, times]) => {
  const sketch = new KINDS[kind]({ relativeAccuracy: 0.01, binLimit });
  times.forEach((time) => sketch.accept(time));
  return quantiles.map((quantile) => Math.round(sketch.getValueAtQuantile(quantile)));
});
process.stdout.write(JSON.stringify(seen));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

from ddsketch import LogCollapsingHighestDenseDDSketch, LogCollapsingLowestDenseDDSketch

KINDS = {"lowest": LogCollapsingLowestDenseDDSketch, "highest": LogCollapsingHighestDenseDDSketch}
QUANTILES = (0.01, 0.5, 0.9, 0.99)
TIMES = range(1, 10_001)
MIXED = [time * 7919 % 10_007 for time in range(1, 10_007)]
ORDERS = {
    "rising": [*TIMES], "falling": [*reversed(TIMES)], "mixed": [time for time in MIXED if time in TIMES],
}
# The bins that are joined, their limit, the quantiles in Python, and those in JavaScript by order.
WANTED = [
    (
        "lowest", 128, [789, 4965, 9048, 9801],
        {
            "rising": [789, 4231, 8187, 9048], "falling": [789, 4965, 9048, 9801], "mixed": [789, 4965, 9048, 9801],
        },
    ),
    (
        "highest", 256, [100, 162, 162, 162],
        {
            "rising": [100, 9999, 9999, 9999], "falling": [159, 5066, 9048, 9999], "mixed": [147, 5066, 9999, 9999],
        },
    ),
]

def by_python(kind, limit, times):
    sketch = KINDS[kind](0.01, bin_limit=limit)
    for time in times:
        sketch.add(time)
    return [round(sketch.get_quantile_value(quantile)) for quantile in QUANTILES]


cases = [(kind, limit, ORDERS[order]) for kind, limit, _, orders in WANTED for order in orders]
asked = json.dumps({"cases": cases, "quantiles": QUANTILES})
node = subprocess.run(["node", "sketch.cjs"], input=asked, text=True, stdout=subprocess.PIPE, check=True)
javascript = iter(json.loads(node.stdout))


def show(*cells, numbers):
    print(f"{cells[0]:<9} {cells[1]:<6} {cells[2]:<19}" + "".join(f"{number:>7}" for number in numbers))


show("joined", "limit", "order", numbers=[f"{quantile:.0%}" for quantile in QUANTILES])
for kind, limit, wanted, orders in WANTED:
    for times in ORDERS.values():
        assert sorted(times) == [*TIMES]
        assert by_python(kind, limit, times) == wanted
    show(kind, limit, "Python, any", numbers=wanted)
    for order, quantiles in orders.items():
        seen = next(javascript)
        show(kind, limit, f"JavaScript, {order}", numbers=seen)
        assert seen == quantiles, seen
PYTHON
echo "as described"
