#!/usr/bin/env bash
# httpx 0.28.1: iter_lines() over an answer of newline-delimited JSON, of which a text holds U+2028 or U+0085.  JSON
# allows both in a text as they are, and JSON.stringify() and json.dumps(ensure_ascii=False) write them so.
# Expected: a line ends at a line feed, as in a file.
# Seen: it ends at these too, so one record becomes two lines, neither of them JSON.  requests 2.34.2 does so with
# decode_unicode=True only, and aiohttp 3.14.5 never does:
#   records                          2
#   httpx                            4
#   requests                         2
#   requests, decode_unicode=True    4
#   aiohttp                          2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet httpx==0.28.1 requests==2.34.2 aiohttp==3.14.5
cd "$folder"
venv/bin/python - <<'PYTHON'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import requests

RECORDS = [{"title": "one\u2028two"}, {"title": "three\u0085four"}]
BODY = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS).encode()


class Records(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson; charset=utf-8")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


def by_httpx(url):
    with httpx.stream("GET", url) as answer:
        return len(list(answer.iter_lines()))


def by_requests(url, **options):
    return len(list(requests.get(url, stream=True).iter_lines(**options)))


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return len([line async for line in answer.content])


server = ThreadingHTTPServer(("127.0.0.1", 0), Records)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
seen = {
    "records": len(RECORDS),
    "httpx": by_httpx(url),
    "requests": by_requests(url),
    "requests, decode_unicode=True": by_requests(url, decode_unicode=True),
    "aiohttp": asyncio.run(by_aiohttp(url)),
}
for name, lines in seen.items():
    print(f"{name:<32} {lines}")
assert list(seen.values()) == [2, 4, 2, 4, 2]
PYTHON
echo "as described"
