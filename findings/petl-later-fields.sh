#!/usr/bin/env bash
# petl 1.7.30 reads objects of which later ones have a field that earlier ones have not, as telemetry has it: 900 pings
# without the field `crashes`, then 600 with it.
# Expected: the table has the field, and it is empty in the rows that have none.
# Seen: from a JSON array the field is there, as petl looks at 1,000 objects, but from JSON lines with the same objects
# it is lost, as petl takes the fields of the first line alone.  If the first 1,000 objects are without it, it is lost
# from an array, from Python and from a column of dicts, too.  There is no error or warning:
#   first with the field   JSON lines   JSON array   fromdicts   unpackdict
#   901                    lost         kept         kept        kept
#   1,001                  lost         lost         lost        lost
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet petl==1.7.30
cd "$folder"
cat >seen.py <<'PYTHON'
import json
from pathlib import Path

import petl

for before in (900, 1000):
    pings = [{"client": number} for number in range(before)]
    pings += [{"client": number, "crashes": 1} for number in range(before, before + 600)]
    Path("pings.jsonl").write_text("".join(json.dumps(ping) + "\n" for ping in pings))
    Path("pings.json").write_text(json.dumps(pings))
    tables = {
        "lines": petl.fromjson("pings.jsonl", lines=True),
        "array": petl.fromjson("pings.json"),
        "fromdicts": petl.fromdicts(pings),
        "unpackdict": petl.unpackdict([["ping"], *([ping] for ping in pings)], "ping"),
    }
    for name, table in tables.items():
        print(before, name, petl.header(table), petl.nrows(table))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
900 lines ('client',) 1500
900 array ('client', 'crashes') 1500
900 fromdicts ('client', 'crashes') 1500
900 unpackdict ('client', 'crashes') 1500
1000 lines ('client',) 1600
1000 array ('client',) 1600
1000 fromdicts ('client',) 1600
1000 unpackdict ('client',) 1600
EXPECTED
echo "as described"
