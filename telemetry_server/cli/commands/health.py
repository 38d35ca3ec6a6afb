"""``health``: checks that the server with these settings answers."""

import argparse
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.number_arguments import seconds
from telemetry_server.cli.shared_options import add_json_option, add_settings_options, settings_of
from telemetry_server.composition.listeners import host_of_this_machine
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import print_json, say

PATH = "/__lbheartbeat__"
EPILOG = """\
It asks the server on this machine, over TLS if tls_certificate is set.  The certificate is not checked,
because it is for the name that clients use.  For containers and scripts.

example: telemetry-server health --config /etc/telemetry-server.toml

exit status: 0 if it answers with 200, else 5"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``health``."""
    parser.add_argument("--host", help="address that the server listens on (default: 127.0.0.1)")
    parser.add_argument("--port", help="port that the server listens on (default: 8080)")
    parser.add_argument(
        "--timeout", type=seconds, default=2.0, metavar="SECONDS", help="how long to wait (default: 2)"
    )
    add_settings_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print whether the server answers; 5 if it does not."""
    settings = settings_of(args)
    try:
        status = ask(settings, args.timeout)
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or error
        say(
            f"telemetry-server health: {place_of(settings)} does not answer: {reason}; is the server running?"
        )
        return ExitStatus.TRY_AGAIN
    if args.json:
        print_json({"alive": status == 200, "status": status})
    elif status == 200:
        print(f"{place_of(settings)} is alive")
    if status != 200:
        say(f"telemetry-server health: {place_of(settings)} answered {status}")
        return ExitStatus.TRY_AGAIN
    return ExitStatus.DONE


def place_of(settings: Settings) -> str:
    """Return the server's address as a URL."""
    scheme = "http" if settings.tls_certificate is None else "https"
    host = host_of_this_machine(settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def ask(settings: Settings, timeout_seconds: float) -> int:
    """
    Return the status code of the server's answer.

    Raises:
        OSError: The server cannot be reached, or does not answer in time.
        HTTPException: The answer is not HTTP.
    """
    host = host_of_this_machine(settings.host)
    connection: HTTPConnection
    if settings.tls_certificate is None:
        connection = HTTPConnection(host, settings.port, timeout=timeout_seconds)
    else:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, settings.port, timeout=timeout_seconds, context=context)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status
    finally:
        connection.close()
