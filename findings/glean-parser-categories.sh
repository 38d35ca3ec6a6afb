#!/usr/bin/env bash
# glean_parser 22.0.1 translates a metrics.yaml with the categories `page.load` and `page_load` to source code.
# Expected: code for the metrics of both, as for Swift and Rust, or an error.
# Seen: both names become pageLoad.  The code for JavaScript, TypeScript and Kotlin has one file for a category, and the
# later category overwrites the file of the earlier.  The metrics are said to be fine, and the exit status is 0:
#   language      files with metrics     metrics in them
#   javascript    ['pageLoad.js']        ['finished']
#   typescript    ['pageLoad.ts']        ['finished']
#   kotlin        ['PageLoad.kt']        ['finished']
#   swift         ['Metrics.swift']      ['started', 'finished']
#   rust          ['glean_metrics.rs']   ['started', 'finished']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet glean-parser==22.0.1
cd "$folder"
cat > metrics.yaml <<'YAML'
---
$schema: moz://mozilla.org/schemas/glean/metrics/2-0-0
page.load:
  started: &counter
    type: counter
    description: Counts pages.
    bugs: ["https://bugs.example.com/1"]
    data_reviews: ["https://bugs.example.com/1"]
    notification_emails: ["someone@example.com"]
    expires: never
page_load:
  finished: *counter
YAML
venv/bin/python - <<'PYTHON'
import re
import subprocess
from pathlib import Path

METRICS = ("started", "finished")
ALL, LATER = list(METRICS), ["finished"]
WANTED = {
    "javascript": (["pageLoad.js"], LATER),
    "typescript": (["pageLoad.ts"], LATER),
    "kotlin": (["PageLoad.kt"], LATER),
    "swift": (["Metrics.swift"], ALL),
    "rust": (["glean_metrics.rs"], ALL),
}
print(f"{'language':<13} {'files with metrics':<22} metrics in them")
for language, wanted in WANTED.items():
    command = ["venv/bin/glean_parser", "translate", "-f", language, "-o", language, "metrics.yaml"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
    assert "Your metrics are Glean" in said, said
    texts = {file.name: file.read_text() for file in sorted(Path(language).rglob("*")) if file.is_file()}
    held = {name: [m for m in METRICS if re.search(rf"\b{m}\b", text)] for name, text in texts.items()}
    files = [name for name, metrics in held.items() if metrics]
    found = [metric for metric in METRICS if any(metric in held[name] for name in files)]
    print(f"{language:<13} {files!s:<22} {found}")
    assert (files, found) == wanted
PYTHON
echo "as described"
