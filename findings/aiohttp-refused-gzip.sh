#!/usr/bin/env bash
# aiohttp 3.14.5: Response.enable_compression() chooses a coding by the Accept-Encoding of the request.
# Expected: a coding with the weight 0 is not used, because "gzip;q=0" means that gzip is not acceptable (RFC 9110).
# Seen: the weights are not read.  A coding is used as soon as its name is in the header, deflate before gzip:
#   identity            -> identity
#   gzip;q=0            -> gzip
#   gzip, deflate;q=0   -> deflate
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aiohttp==3.14.5
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer


async def answer(request):
    response = web.Response(text="a report " * 100)
    response.enable_compression()
    return response


async def codings():
    app = web.Application()
    app.router.add_get("/", answer)
    seen = {}
    async with TestServer(app) as server, ClientSession(auto_decompress=False) as client:
        for accepted in ("identity", "gzip;q=0", "gzip, deflate;q=0"):
            async with client.get(server.make_url("/"), headers={"Accept-Encoding": accepted}) as response:
                seen[accepted] = response.headers.get("Content-Encoding", "identity")
    return seen


seen = asyncio.run(codings())
for accepted, coding in seen.items():
    print(f"{accepted:<19} -> {coding}")
assert seen == {"identity": "identity", "gzip;q=0": "gzip", "gzip, deflate;q=0": "deflate"}
PYTHON
echo "as described"
