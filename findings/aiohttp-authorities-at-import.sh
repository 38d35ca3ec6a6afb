#!/usr/bin/env bash
# aiohttp 3.14.5: the TLS context of its client is made, with all authorities, when the module is imported.
# Expected: a session that is made after SSL_CERT_FILE was set trusts the authorities of that file, as
#   ssl.create_default_context() does.
# Seen: it trusts those of the import; the variable comes too late.  A context that is given to the connector helps:
#   set before the import   200
#   set after the import    ClientConnectorCertificateError
#   own context             200
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aiohttp==3.14.5
cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout key.pem -out authority.pem 2>openssl.log
cat >seen.py <<'PYTHON'
import asyncio
import os
import ssl
import sys

when = sys.argv[1]
os.environ.pop("SSL_CERT_FILE", None)
if when == "set before the import":
    os.environ["SSL_CERT_FILE"] = "authority.pem"
import aiohttp
from aiohttp import web

os.environ["SSL_CERT_FILE"] = "authority.pem"


async def answered() -> str:
    """Ask a server on the loopback interface whose certificate is in authority.pem."""
    app = web.Application()
    app.router.add_get("/", lambda _: web.Response(text="seen"))
    runner = web.AppRunner(app)
    await runner.setup()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain("authority.pem", "key.pem")
    site = web.TCPSite(runner, "localhost", 0, ssl_context=server)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    tls = ssl.create_default_context() if when == "own context" else True
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            async with session.get(f"https://localhost:{port}/") as answer:
                return str(answer.status)
    except aiohttp.ClientError as error:
        return type(error).__name__
    finally:
        await runner.cleanup()


print(f"{when:<23} {asyncio.run(answered())}")
PYTHON
for when in "set before the import" "set after the import" "own context"; do
  venv/bin/python seen.py "$when" 2>/dev/null
done | tee seen.txt
diff seen.txt - <<'EXPECTED'
set before the import   200
set after the import    ClientConnectorCertificateError
own context             200
EXPECTED
echo "as described"
