#!/usr/bin/env bash
# prometheus-client 0.26.0: a histogram observes a NaN, such as a ratio of nothing, and then 1.5.
# Expected: the NaN is refused, or counted in the bucket +Inf, and the page stays readable.
# Seen: it is in the sum for good, and in neither a bucket nor the count.  The library's own parser of OpenMetrics then
# refuses the whole page, with all other metrics.  Its parser of the older text format takes it:
#   count        1.0
#   sum          nan
#   OpenMetrics  ValueError
#   text         the counter is 1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet prometheus-client==0.26.0
"$folder/venv/bin/python" - <<'PYTHON'
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families

registry = CollectorRegistry()
Counter("requests", "An example.", registry=registry).inc()
ratio = Histogram("ratio", "An example.", buckets=(1, 2), registry=registry)
ratio.observe(float("nan"))
ratio.observe(1.5)
count, total = (registry.get_sample_value(f"ratio_{name}") for name in ("count", "sum"))
try:
    families = list(parser.text_string_to_metric_families(exposition.generate_latest(registry).decode()))
    openmetrics = f"{len(families)} families"
except ValueError as error:
    openmetrics = type(error).__name__
families = text_string_to_metric_families(generate_latest(registry).decode())
[counter] = [sample.value for family in families for sample in family.samples if sample.name == "requests_total"]
print(f"count        {count}")
print(f"sum          {total}")
print(f"OpenMetrics  {openmetrics}")
print(f"text         the counter is {counter}")
assert count == 1 and total != total and openmetrics == "ValueError" and counter == 1
PYTHON
echo "as described"
