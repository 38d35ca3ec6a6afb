#!/usr/bin/env bash
# mozilla-nimbus-schemas 3006.0.0 (PyPI) has models for experiments of Firefox and for their results, upon pydantic, and
# a JSON Schema of each experiment.
# Expected: a list of results with two different values for one metric, branch and period is an error, as the model has
# a check for that.  Infinite bounds are an error or stay infinite.  The model and its schema take the same documents.
# Seen: the check never runs, as it looks for a name among pairs of names and values.  Infinite bounds become null.  The
# model of the share of clients reads the text "7", which its schema refuses:
#   points of one metric, branch and period: 1.0 2.0
#   bounds from -inf to inf: [null, null]
#   start 7: schema [], model 7
#   start '7': schema ["'7' is not of type 'integer'"], model 7
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mozilla-nimbus-schemas==3006.0.0 pydantic==2.14.4 jsonschema==4.26.0
cd "$folder"
cat >seen.py <<'PYTHON'
import json
import math
from pathlib import Path

import jsonschema
import mozilla_nimbus_schemas
from mozilla_nimbus_schemas.experimenter_apis.experiments import ExperimentBucketConfig
from mozilla_nimbus_schemas.jetstream import Statistics

RESULT = {"metric": "active_hours", "statistic": "mean", "branch": "control", "window_index": "1"}
results = Statistics.model_validate([RESULT | {"point": 1.0}, RESULT | {"point": 2.0}])
print("points of one metric, branch and period:", *(result.point for result in results.root))
written = Statistics.model_validate([RESULT | {"point": 1.0, "lower": -math.inf, "upper": math.inf}]).model_dump_json()
result = json.loads(written)[0]
print("bounds from -inf to inf:", json.dumps([result["lower"], result["upper"]]))

folder = Path(mozilla_nimbus_schemas.__file__).parent / "schemas"
schema = json.loads((folder / "ExperimentBucketConfig.schema.json").read_text())
for start in (7, "7"):
    config = {"randomizationUnit": "nimbus_id", "namespace": "n", "start": start, "count": 100, "total": 10000}
    errors = [error.message for error in jsonschema.Draft201909Validator(schema).iter_errors(config)]
    model = ExperimentBucketConfig.model_validate(config)
    print(f"start {start!r}: schema {errors}, model {model.start!r}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
points of one metric, branch and period: 1.0 2.0
bounds from -inf to inf: [null, null]
start 7: schema [], model 7
start '7': schema ["'7' is not of type 'integer'"], model 7
EXPECTED
echo "as described"
