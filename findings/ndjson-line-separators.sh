#!/usr/bin/env bash
# ndjson 0.3.1 (PyPI) reads and writes JSON lines.  JSON allows U+2028, U+2029 and U+0085 in a text, and many programs
# write them as they are; only U+000A ends a line.
# Expected: loads() gives back the objects that its own dumps() wrote.
# Seen: loads() splits the text at each character that Python takes for the end of a line, and joins the parts with
# commas, so that a comma stands in the texts instead, without an error.  Its reader() keeps them:
#                                  loads()             reader()
#   "one<U+2028>two"               "one,two"           "one<U+2028>two"
#   "one<U+0085>two"               "one,two"           "one<U+0085>two"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ndjson==0.3.1
cd "$folder"
cat >seen.py <<'PYTHON'
import io

import ndjson

for mark in ("\u2028", "\u2029", "\u0085"):
    lines = ndjson.dumps([{"title": f"one{mark}two"}, {"title": "three"}], ensure_ascii=False)
    print(ascii(ndjson.loads(lines)), ascii(list(ndjson.reader(io.StringIO(lines)))))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
[{'title': 'one,two'}, {'title': 'three'}] [{'title': 'one\u2028two'}, {'title': 'three'}]
[{'title': 'one,two'}, {'title': 'three'}] [{'title': 'one\u2029two'}, {'title': 'three'}]
[{'title': 'one,two'}, {'title': 'three'}] [{'title': 'one\x85two'}, {'title': 'three'}]
EXPECTED
echo "as described"
