#!/usr/bin/env bash
# httpx 0.28.1: an answer with Content-Encoding: gzip whose body has more than one member, as a server makes it that
# joins compressed parts or puts an empty member first.
# Expected: all members, one after the other, as RFC 1952 says, or an error.
# Seen: httpx gives the first member, and an empty text where that one is empty, without an error.  Other clients give
# all of them:
#                      two members  an empty one first
#   httpx                     1000                   0
#   httpx, streamed           1000                   0
#   urllib3, requests         2000                1000
#   aiohttp                   2000                1000
#   fetch of Node.js          2000                1000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet httpx==0.28.1 requests==2.34.2 urllib3==2.8.0 aiohttp==3.14.5
cd "$folder"
venv/bin/python - <<'PYTHON'
import asyncio
import subprocess
import threading
from gzip import compress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import requests

BODIES = {
    "/two": compress(b"a" * 1000) + compress(b"b" * 1000),
    "/empty-first": compress(b"") + compress(b"a" * 1000),
}


class Members(BaseHTTPRequestHandler):
    """Answers with the body of the path, compressed already."""

    def do_GET(self):
        body = BODIES[self.path]
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def streamed(url):
    with httpx.stream("GET", url) as answer:
        return b"".join(answer.iter_bytes())


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.read()


def by_fetch(url):
    script = f"process.stdout.write(await (await fetch('{url}')).text())"
    return subprocess.run(["node", "--input-type=module", "-e", script], stdout=subprocess.PIPE, check=True).stdout


CLIENTS = {
    "httpx": lambda url: httpx.get(url).content,
    "httpx, streamed": streamed,
    "urllib3, requests": lambda url: requests.get(url).content,
    "aiohttp": lambda url: asyncio.run(by_aiohttp(url)),
    "fetch of Node.js": by_fetch,
}
server = ThreadingHTTPServer(("127.0.0.1", 0), Members)
threading.Thread(target=server.serve_forever, daemon=True).start()
seen = {}
for name, get in CLIENTS.items():
    seen[name] = [len(get(f"http://127.0.0.1:{server.server_port}{path}")) for path in BODIES]
    print(f"{name:<18} {seen[name][0]:>13} {seen[name][1]:>19}")
assert seen.pop("httpx") == seen.pop("httpx, streamed") == [1000, 0]
assert all(lengths == [2000, 1000] for lengths in seen.values())
PYTHON
echo "as described"
