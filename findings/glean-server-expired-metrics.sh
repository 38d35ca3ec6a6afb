#!/usr/bin/env bash
# glean_parser 22.0.1 translates a metric that expired in 2020, and one that is `disabled`, for applications (Kotlin,
# Swift, JavaScript) and for servers (Python, Go, Rust).
# Expected: code that collects no data for an expired or disabled metric, as the Glean SDK does.  Each ping names the
# version of glean_parser that wrote the code.
# Seen: code for servers goes on to send both metrics, without a warning.  Code for servers in Rust names another
# version of glean_parser in each ping, which is written in the template:
#   kotlin: collects tabs
#   swift: collects tabs
#   javascript: collects tabs
#   go_server: collects disabled expired tabs
#   rust_server: collects disabled expired tabs
#   python_server: sends {"quantity": {"page.disabled": 3, "page.expired": 2, "page.tabs": 1}}
#   python_server: telemetry_sdk_build glean_parser v22.0.1
#   go_server: telemetry_sdk_build glean_parser v22.0.1
#   rust_server: telemetry_sdk_build glean_parser v15.0.2.dev17+g81fec69a
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet glean_parser==22.0.1
cd "$folder"
cat >metrics.yaml <<'YAML'
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
page:
  tabs: &metric
    type: quantity
    unit: tabs
    description: How many tabs are open.
    bugs: [https://bugzilla.mozilla.org/1]
    data_reviews: [https://bugzilla.mozilla.org/1]
    notification_emails: [nobody@example.com]
    expires: never
  expired: {<<: *metric, expires: 2020-01-01}
  disabled: {<<: *metric, disabled: true}
YAML
for language in kotlin swift javascript python_server go_server rust_server; do
  venv/bin/glean_parser translate --format "$language" --output "$language" metrics.yaml >log.txt 2>&1
done
cat >seen.py <<'PYTHON'
import contextlib
import io
import json
import re
from pathlib import Path

from python_server.server_events import create_metrics_server_event_logger


def code_in(language):
    return "".join(path.read_text() for path in sorted(Path(language).glob("*.*")))


for language in ("kotlin", "swift", "javascript"):
    metrics = re.findall(r'name\W+(\w+)".*?disabled\W+(true|false)', code_in(language), re.DOTALL)
    print(f"{language}: collects", *(name for name, is_disabled in sorted(metrics) if is_disabled == "false"))
for language in ("go_server", "rust_server"):
    print(f"{language}: collects", *sorted(set(re.findall(r'"page\.(\w+)"', code_in(language)))))
output = io.StringIO()
with contextlib.redirect_stdout(output):
    logger = create_metrics_server_event_logger("shop", "1.0", "release")
    logger.record(page_tabs=1, page_expired=2, page_disabled=3)
payload = json.loads(json.loads(output.getvalue())["Fields"]["payload"])
print("python_server: sends", json.dumps(payload["metrics"]))
for language in ("python_server", "go_server", "rust_server"):
    print(f"{language}: telemetry_sdk_build", *re.findall(r'sdk_?build"?: "(.*?)"', code_in(language), re.IGNORECASE))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
kotlin: collects tabs
swift: collects tabs
javascript: collects tabs
go_server: collects disabled expired tabs
rust_server: collects disabled expired tabs
python_server: sends {"quantity": {"page.disabled": 3, "page.expired": 2, "page.tabs": 1}}
python_server: telemetry_sdk_build glean_parser v22.0.1
go_server: telemetry_sdk_build glean_parser v22.0.1
rust_server: telemetry_sdk_build glean_parser v15.0.2.dev17+g81fec69a
EXPECTED
echo "as described"
