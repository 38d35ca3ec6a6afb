#!/usr/bin/env bash
# obstore 0.12.1 (Python) lists a bucket with four objects and reads each path of the list.  The bucket is one of moto
# 5.2.5; boto3 1.44.8 has written the objects.
# Expected: each object is listed and read once, or an error.
# Seen: a slash at the beginning or end of a name is left out of the path.  Where two names differ by that alone, one
# object is read twice and the other never, without an error.  An empty object for a folder, as consoles make them, is
# listed as a path that cannot be read:
#   objects by boto3   paths by obstore   what is read
#   /day=1/pings       day=1/pings        new pings
#   day=1/pings        day=1/pings        new pings
#   day=2/             day=2              FileNotFoundError
#   day=2/pings        day=2/pings        pings of another day
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet obstore==0.12.1 "moto[server,s3]==5.2.5" boto3==1.44.8
cd "$folder"
cat >seen.py <<'PYTHON'
import logging

import boto3
import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

OBJECTS = {
    "/day=1/pings": b"old pings",
    "day=1/pings": b"new pings",
    "day=2/": b"",
    "day=2/pings": b"pings of another day",
}
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
client = boto3.client(
    "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
)
client.create_bucket(Bucket="telemetry")
for name, content in OBJECTS.items():
    client.put_object(Bucket="telemetry", Key=name, Body=content)
store = S3Store(
    "telemetry", endpoint=address, region="us-east-1", access_key_id="test", secret_access_key="test",
    client_options={"allow_http": True},
)
names = [item["Key"] for item in client.list_objects_v2(Bucket="telemetry")["Contents"]]
paths = [item["path"] for item in obstore.list(store).collect()]
for name, path in zip(names, paths, strict=True):
    try:
        content = bytes(obstore.get(store, path).bytes()).decode()
    except FileNotFoundError as error:
        content = type(error).__name__
    print(name, path, content, sep=" | ")
server.stop()
PYTHON
venv/bin/python seen.py 2>log.txt | tee seen.txt
diff seen.txt - <<'EXPECTED'
/day=1/pings | day=1/pings | new pings
day=1/pings | day=1/pings | new pings
day=2/ | day=2 | FileNotFoundError
day=2/pings | day=2/pings | pings of another day
EXPECTED
echo "as described"
