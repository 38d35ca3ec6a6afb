#!/usr/bin/env bash
# mozilla-version 5.1.0 (PyPI, of Mozilla) compares versions of Firefox with each other and with texts.
# Expected: equal versions have equal hashes, as Python demands, so that a set, a Counter and a dict find what a list
# finds, and equality is transitive.
# Seen: 115.0 equals 115.0build1 and the text "115.0", but sets and dicts take them for different ones, without an
# error.  115.0 also equals 115.0build2, though build1 is less than build2:
#   115.0 == "115.0"                                   True
#   115.0 in ["115.0"], {"115.0"}                      True, False
#   115.0 == 115.0build1, 115.0 == 115.0build2         True, True
#   115.0build1 < 115.0build2                          True
#   115.0 in [115.0build1], {115.0build1}              True, False
#   names.get(115.0) of the dict {"115.0": "release"}  None
#   versions counted in 115.0, 115.0build1, 115.0      2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mozilla-version==5.1.0
cd "$folder"
cat >seen.py <<'PYTHON'
from collections import Counter

from mozilla_version.gecko import FirefoxVersion

plain, first, second = (FirefoxVersion.parse(text) for text in ("115.0", "115.0build1", "115.0build2"))
print("text", plain == "115.0", plain in ["115.0"], plain in {"115.0"})
print("builds", plain == first, plain == second, first < second)
print("build", plain in [first], plain in {first})
print("name", {"115.0": "release"}.get(plain))
print("counted", len(Counter([plain, first, FirefoxVersion.parse("115.0")])))
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
text True True False
builds True True True
build True False
name None
counted 2
EXPECTED
echo "as described"
