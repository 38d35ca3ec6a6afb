"""``telemetry-server point``: prints client configuration for this server."""

import argparse
import re
from urllib.parse import urlsplit

from telemetry_server.cli.commands.glean_snippets import glean_snippets
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import STDOUT, output_file
from telemetry_server.cli.shared_options import (
    add_json_option,
    add_settings_options,
    add_tls_options,
    settings_of,
)
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.settings.value_types import server_url
from telemetry_server.terminal.output import print_json, say

EPILOG = """\
examples:
  telemetry-server point firefox --write ~/profile/user.js
  telemetry-server point glean --url https://telemetry.example.org

firefox: prints preferences as lines of user.js.  Put the file into the folder of a new profile, and start
Firefox with it (firefox --profile DIR).  Firefox reads the address of the server only when it starts.
glean: prints the code that starts Glean with this server as its endpoint, for each SDK.
If tls_certificate is set, the address is https.  Glean.js sends to https only: telemetry-server certificate
makes a certificate for a trial."""

# Source of the names: TelemetryControllerBase and FOG in Firefox; verified with a run of Firefox ESR.
FIREFOX_PREFS: dict[str, bool | int] = {
    "toolkit.telemetry.send.overrideOfficialCheck": True,  # without it only Mozilla's own builds send
    "datareporting.healthreport.uploadEnabled": True,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "toolkit.telemetry.initDelay": 1,
    "toolkit.telemetry.newProfilePing.delay": 2,
}
LEGACY_SERVER_PREF = "toolkit.telemetry.server"
GLEAN_PORT_PREF = "telemetry.fog.test.localhost_port"
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``point``."""
    parser.add_argument("client", choices=["firefox", "glean"], metavar="firefox|glean")
    parser.add_argument(
        "--url", help="URL at which clients reach the server (default: made from host and port)"
    )
    parser.add_argument("--host", help="address of the server (default: 127.0.0.1)")
    parser.add_argument("--port", help="port of the server (default: 8080)")
    add_tls_options(parser)
    parser.add_argument(
        "--write", type=output_file, metavar="FILE", help="write to FILE, which must not exist; - is stdout"
    )
    add_settings_options(parser)
    add_json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Print the configuration, or write it to a file."""
    url = _url(args.url, settings_of(args))
    value, text = _firefox(url) if args.client == "firefox" else _glean(url)
    prints = args.write in (None, STDOUT)
    if not prints:
        try:
            with args.write.expanduser().open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            say(f"telemetry-server point: {args.write}: {error.strerror}; nothing was written")
            return ExitStatus.USAGE
        say(f"written to {args.write}")
    if args.json:
        print_json(value)
    elif prints:
        print(text, end="")
    return ExitStatus.DONE


def _firefox(url: str) -> tuple[dict[str, object], str]:
    prefs = firefox_prefs(url)
    if GLEAN_PORT_PREF not in prefs:
        say(
            "Firefox can send its Glean pings only to Mozilla or to a port of its own machine: for them, "
            f"forward a local port to {url} and set {GLEAN_PORT_PREF} to its number"
        )
    return {"url": url, "prefs": prefs}, user_js(prefs)


def _glean(url: str) -> tuple[dict[str, object], str]:
    configurations = glean_snippets(url)
    text = "\n".join(f"== {language}\n{lines}\n" for language, lines in configurations.items())
    return {"url": url, "configuration": configurations}, text


def _url(given: str | None, settings: Settings) -> str:
    """Return the URL of the server, without a final slash: clients append their path to it."""
    if given is not None:
        try:
            return server_url(given)
        except ValueError:
            raise ConfigurationError(f"--url {given!r} is not a URL like http://127.0.0.1:8080") from None
    # No client can connect to "every address".
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104
    if settings.port == 0:
        raise ConfigurationError(
            "port is 0, so the server takes any free port: name that port with --port or --url"
        )
    scheme = "http" if settings.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def firefox_prefs(url: str) -> dict[str, str | bool | int]:
    """Return the preferences, by name, that make Firefox send to *url*."""
    prefs: dict[str, str | bool | int] = {LEGACY_SERVER_PREF: url, **FIREFOX_PREFS}
    parts = urlsplit(url)
    if parts.hostname in LOCAL_HOSTS and parts.scheme == "http" and not parts.path:
        prefs[GLEAN_PORT_PREF] = parts.port or 80
    return prefs


def user_js(prefs: dict[str, str | bool | int]) -> str:
    """Return *prefs* as lines of user.js."""
    return "".join(f"user_pref({_js(name)}, {_js(value)});\n" for name, value in prefs.items())


def _js(value: str | bool | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
