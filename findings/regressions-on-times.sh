#!/usr/bin/env bash
# Five libraries for JavaScript fit a line to 60 values, one each second, which rise by 2 a second on one exact line:
# simple-statistics 7.12.1, regression 2.0.1, ml-regression-simple-linear 3.0.1, d3-regression 2.2.0 and echarts-stat
# 1.2.0.
# Expected: the same line, whether the times are seconds from the first one or milliseconds since 1970, as a dashboard
# has them.  The 31st value is 160, and a million milliseconds are a rise of 2000.
# Seen: simple-statistics alone has it.  The others compute with squares of the times, which are rounded, without an
# error.  regression finds no rise at all, d3-regression a twentieth of it, and two give NaN.  regression also rounds
# the rise to two digits after the point, if it is not told otherwise, so that a rise of 0.004 is 0:
#                                 31st value   rise in a million milliseconds
#   simple-statistics             160          2000
#   regression                    159          0
#   ml-regression-simple-linear   NaN          Infinity
#   d3-regression                 159.06       111.73
#   echarts-stat                  NaN          Infinity
#   all, in seconds from 0        160          2000
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund simple-statistics@7.12.1 regression@2.0.1 ml-regression-simple-linear@3.0.1 \
  d3-regression@2.2.0 echarts-stat@1.2.0 >/dev/null
cat >seen.mjs <<'JAVASCRIPT'
import { regressionLinear } from "d3-regression";
import echartsStat from "echarts-stat";
import { SimpleLinearRegression } from "ml-regression-simple-linear";
import regression from "regression";
import { linearRegression } from "simple-statistics";

const fits = {
  "simple-statistics": (points) => {
    const { m: slope, b: intercept } = linearRegression(points);
    return [slope, intercept];
  },
  regression: (points) => regression.linear(points, { precision: 12 }).equation,
  "ml-regression-simple-linear": (points) => {
    const { slope, intercept } = new SimpleLinearRegression(points.map(([x]) => x), points.map(([, y]) => y));
    return [slope, intercept];
  },
  "d3-regression": (points) => {
    const { a: slope, b: intercept } = regressionLinear().x(([x]) => x).y(([, y]) => y)(points);
    return [slope, intercept];
  },
  "echarts-stat": (points) => {
    const { gradient: slope, intercept } = echartsStat.regression("linear", points).parameter;
    return [slope, intercept];
  },
};
const values = Array.from({ length: 60 }, (_, second) => 100 + 2 * second);
const short = (number) => String(Number(number.toFixed(2)));
for (const [name, start, step] of [["seconds", 0, 1], ["milliseconds", Date.UTC(2026, 10, 30, 10), 1000]]) {
  console.log(name);
  for (const [library, fit] of Object.entries(fits)) {
    const [slope, intercept] = fit(values.map((value, index) => [start + index * step, value]));
    console.log(`  ${library} | ${short(intercept + slope * (start + 30 * step))} | ${short(slope * step * 1000)}`);
  }
}
console.log("regression, rise of 0.004 |", regression.linear([[0, 0], [1000, 4]]).equation[0]);
JAVASCRIPT
node seen.mjs | tee seen.txt
diff seen.txt - <<'EXPECTED'
seconds
  simple-statistics | 160 | 2000
  regression | 160 | 2000
  ml-regression-simple-linear | 160 | 2000
  d3-regression | 160 | 2000
  echarts-stat | 160 | 2000
milliseconds
  simple-statistics | 160 | 2000
  regression | 159 | 0
  ml-regression-simple-linear | NaN | Infinity
  d3-regression | 159.06 | 111.73
  echarts-stat | NaN | Infinity
regression, rise of 0.004 | 0
EXPECTED
echo "as described"
