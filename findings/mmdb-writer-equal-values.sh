#!/usr/bin/env bash
# mmdb_writer 0.2.7 writes a MaxMind database in which a network has a boolean and a number that are equal in Python.
# Expected: each value is read as it was written, since the format has types of its own for booleans, whole numbers and
# fractions.
# Seen: values that compare equal are stored once, with the type of the first one, in the whole database.  So 1 and 1.0
# become true after a true, and a true becomes 1 after a 1, without an error.  maxminddb 3.2.0 and maxmind 5.0.7 for
# Node.js agree on what is in the file:
#   written  10.0.0.0/8  {"vpn":true,"hits":1}
#   read     10.0.0.0/8  {"vpn":true,"hits":true}
#   written  11.0.0.0/8  {"hits":0,"vpn":false,"share":1.0}
#   read     11.0.0.0/8  {"hits":0,"vpn":0,"share":true}
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mmdb_writer==0.2.7 netaddr==1.3.0 maxminddb==3.2.0
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund maxmind@5.0.7 >/dev/null
cat > read.mjs <<'JAVASCRIPT'
import maxmind from "maxmind";

const reader = await maxmind.open("networks.mmdb");
console.log(JSON.stringify(["10.1.2.3", "11.1.2.3"].map((address) => reader.get(address))));
JAVASCRIPT
venv/bin/python - <<'PYTHON'
import json
import subprocess

import maxminddb
from mmdb_writer import MMDBWriter
from netaddr import IPSet

WRITTEN = {"10.0.0.0/8": {"vpn": True, "hits": 1}, "11.0.0.0/8": {"hits": 0, "vpn": False, "share": 1.0}}
writer = MMDBWriter()
for network, record in WRITTEN.items():
    writer.insert_network(IPSet([network]), record)
writer.to_db_file("networks.mmdb")
with maxminddb.open_database("networks.mmdb") as reader:
    read = {network: reader.get(network.replace("0.0.0/8", "1.2.3")) for network in WRITTEN}
in_javascript = subprocess.run(["node", "read.mjs"], stdout=subprocess.PIPE, check=True).stdout
for network, record in WRITTEN.items():
    for what, values in (("written", record), ("read", read[network])):
        print(f"{what:<8} {network}  {json.dumps(values, separators=(',', ':'))}")
texts = [json.dumps(record) for record in read.values()]
assert texts == ['{"vpn": true, "hits": true}', '{"hits": 0, "vpn": 0, "share": true}'], texts
assert [json.dumps(record) for record in json.loads(in_javascript)] == texts
PYTHON
echo "as described"
