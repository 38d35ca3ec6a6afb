"""``telemetry-server certificate``: makes a self-signed certificate for trying TLS."""

import argparse
import ipaddress
import os
import re
import shutil
import subprocess
from pathlib import Path

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import output_folder
from telemetry_server.cli.shared_options import add_json_option
from telemetry_server.terminal.output import print_json, say

EPILOG = """\
examples:
  telemetry-server certificate ./tls
  telemetry-server certificate ./tls --host telemetry.example.org --days 30
  telemetry-server serve --tls-certificate ./tls/certificate.pem --tls-key ./tls/key.pem

It writes certificate.pem and key.pem into FOLDER; existing files are not replaced.  It needs the program
openssl.  Clients must trust certificate.pem: in a browser, open the server's address once and accept it; for
curl use --cacert, for Python SSL_CERT_FILE, for Node NODE_EXTRA_CA_CERTS.  In production use a certificate
from a certificate authority."""

ALWAYS = ("localhost", "127.0.0.1", "::1")
MAX_DAYS = 3650
OPENSSL_SECONDS = 60
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9*_]([A-Za-z0-9_-]*)(\.[A-Za-z0-9_-]+)*")


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if _HOST_NAME.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is neither a host name nor an address")


def _days(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= MAX_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 to {MAX_DAYS}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``certificate``."""
    parser.add_argument("folder", type=output_folder, metavar="FOLDER", help="folder for the two files")
    parser.add_argument(
        "--host",
        action="append",
        type=_host,
        default=[],
        metavar="NAME",
        help="another name or address of the server besides localhost; can be repeated",
    )
    parser.add_argument(
        "--days", type=_days, default=365, metavar="N", help="how many days it is valid (default: 365)"
    )
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Write both files, or neither."""
    folder = args.folder.expanduser()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    problem = _problem(certificate, key)
    if problem is not None:
        say(f"telemetry-server certificate: {problem}")
        return ExitStatus.USAGE
    hosts = list(dict.fromkeys([*ALWAYS, *args.host]))
    failure = _make(certificate, key, hosts, args.days)
    if failure is not None:
        for file in (certificate, key):
            file.unlink(missing_ok=True)
        say(f"telemetry-server certificate: openssl failed: {failure}")
        return ExitStatus.OUR_FAULT
    if args.json:
        print_json({"certificate": str(certificate), "key": str(key), "hosts": hosts, "days": args.days})
    else:
        print(f"wrote {certificate} and {key}: for {', '.join(hosts)}, {args.days} days")
        print(f"next: telemetry-server serve --tls-certificate {certificate} --tls-key {key}")
    return ExitStatus.DONE


def _problem(certificate: Path, key: Path) -> str | None:
    """Create both files, empty; return a message if that fails, else None."""
    if shutil.which("openssl") is None:
        return "the program openssl is not installed: install it, or use a certificate of your own"
    try:
        certificate.parent.mkdir(parents=True, exist_ok=True)
        for file in (certificate, key):
            # Created with this mode, so that the key is private from the start.
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        if Path(error.filename) == key:
            certificate.unlink()
        return f"{error.filename} exists already, and is not replaced"
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return None


def _make(certificate: Path, key: Path, hosts: list[str], days: int) -> str | None:
    """Run openssl; return its error message, or None."""
    names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days)]
    subject = ["-subj", f"/CN={hosts[-1][:64]}", "-addext", f"subjectAltName={names}"]
    try:
        done = subprocess.run(  # noqa: S603 - checked words, no shell
            ["openssl", "req", "-x509", *words, *subject, "-keyout", str(key), "-out", str(certificate)],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=OPENSSL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
