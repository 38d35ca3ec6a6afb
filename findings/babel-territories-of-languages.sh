#!/usr/bin/env bash
# babel 2.19.0 and langcodes 3.5.1 (Python) read the tags of languages of clients.
# Expected: two names of one language, such as iw and he, get one tag, and no country that the client has not sent.
# Seen: langcodes gives one tag.  babel adds a country to the old name alone, so that a count by language or by country
# has Hebrew twice, and takes und, which says that the language is unknown, for English of the United States:
#   iw   langcodes he   babel he_IL
#   he   langcodes he   babel he
#   in   langcodes id   babel id_ID
#   id   langcodes id   babel id
#   tl   langcodes fil  babel fil_PH
#   fil  langcodes fil  babel fil
#   mo   langcodes ro   babel ro_RO
#   ro   langcodes ro   babel ro
#   ji   langcodes yi   babel yi_UA
#   yi   langcodes yi   babel yi
#   und  langcodes und  babel en_US
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet babel==2.19.0 langcodes==3.5.1
cd "$folder"
cat >seen.py <<'PYTHON'
from babel import Locale
from langcodes import standardize_tag

for tag in ("iw", "he", "in", "id", "tl", "fil", "mo", "ro", "ji", "yi", "und"):
    print(f"{tag:3}  langcodes {standardize_tag(tag):3}  babel {Locale.parse(tag, sep='-')}")
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
iw   langcodes he   babel he_IL
he   langcodes he   babel he
in   langcodes id   babel id_ID
id   langcodes id   babel id
tl   langcodes fil  babel fil_PH
fil  langcodes fil  babel fil
mo   langcodes ro   babel ro_RO
ro   langcodes ro   babel ro
ji   langcodes yi   babel yi_UA
yi   langcodes yi   babel yi
und  langcodes und  babel en_US
EXPECTED
echo "as described"
