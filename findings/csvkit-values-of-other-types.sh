#!/usr/bin/env bash
# csvkit 2.2.0 with agate 1.14.2 sorts, joins and converts files with the buckets of a histogram, times and versions.
# Expected: csvsort and csvjoin write the values that they have read.  csvjson keeps whole numbers.
# Seen: the tools guess a type for each column and write what they have guessed.  The buckets 1-2 and 3-4 become days of
# the year 2001, the counts 0 and 1 booleans, 50% the number 50, and NA nothing.  The times "90 s" and "1:30", of a
# minute and a half, become equal.  The versions 115.1 and 115.10 are joined as one.  csvjson and csvstat round a whole
# number to a double, and each number gets a point:
#   input                     output
#   1-2                       2001-01-02
#   1 (beside 0)              True
#   50%                       50
#   115.1 joined to 115.10    one row
#   9007199254740993          9007199254740992.0 (csvjson)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet csvkit==2.2.0 agate==1.14.2
cd "$folder"
cat >pings.csv <<'CSV'
client,crashes,bucket,time,share,channel
a,1,1-2,90 s,50%,release
b,0,3-4,1:30,5%,NA
CSV
printf 'version,pings\n115.10,7\n' >pings-of-versions.csv
printf 'version,crashes\n115.1,3\n' >crashes-of-versions.csv
printf 'client,number\na,9007199254740993\n' >numbers.csv
{
  venv/bin/csvsort -c client pings.csv
  venv/bin/csvjoin -c version pings-of-versions.csv crashes-of-versions.csv
  venv/bin/csvjson numbers.csv
  echo
  venv/bin/csvstat --max -c number numbers.csv
} | tee seen.txt
diff seen.txt - <<'EXPECTED'
client,crashes,bucket,time,share,channel
a,True,2001-01-02,0:01:30,50,release
b,False,2001-03-04,0:01:30,5,
version,pings,crashes
115.10,7,3
[{"client": "a", "number": 9007199254740992.0}]
9007199254740992
EXPECTED
echo "as described"
