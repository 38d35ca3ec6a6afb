"""`serve` imports aiohttp without authorities; fetching definitions still checks certificates."""

import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.certificates import make_pair

FETCH = """
import asyncio, os, sys

before = dict(os.environ)
from telemetry_server.edge.aiohttp_import import import_aiohttp
import_aiohttp()
assert dict(os.environ) == before

from histogram_specs.errors import SourceDown
from histogram_specs.sources.http import HttpGetter

async def fetch():
    async with HttpGetter() as getter:
        return (await getter.get(sys.argv[1])).decode()

try:
    print(asyncio.run(fetch()))
except SourceDown as error:
    print("certificate verify failed" in str(error))
"""


class Definitions(BaseHTTPRequestHandler):
    """Answers every request with one text."""

    def do_GET(self):
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"text")

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def server(tmp_path):
    """A server with TLS: its address, and the file of its certificate."""
    certificate, key = make_pair(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Definitions) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{listening.server_port}/", certificate
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("is_known", [True, False])
def test_a_server_of_definitions_is_read_if_an_authority_that_openssl_knows_vouches_for_it(server, is_known):
    """The operator's SSL_CERT_FILE names authorities, before and after the import."""
    address, certificate = server
    known = {"SSL_CERT_FILE": str(certificate)} if is_known else {}

    done = subprocess.run(
        [sys.executable, "-c", FETCH, address],
        env=os.environ | known,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == ("text" if is_known else "True")
