"""``point`` prints configuration that makes clients send to the server."""

import json

import pytest

from telemetry_server.cli.exit_status import ExitStatus


def prefs_of(text: str) -> dict[str, object]:
    """Return the preferences in a user.js, as Firefox would read them."""
    lines = text.splitlines()
    assert all(line.startswith("user_pref(") and line.endswith(");") for line in lines)
    return dict(json.loads("[" + line[len("user_pref(") : -2] + "]") for line in lines)


@pytest.mark.parametrize(
    ("words", "url", "port"),
    [
        ((), "http://127.0.0.1:8080", 8080),
        (("--port", "9000"), "http://127.0.0.1:9000", 9000),
        (("--host", "0.0.0.0", "--port", "9000"), "http://127.0.0.1:9000", 9000),
        (("--host", "::1"), "http://[::1]:8080", 8080),
        (("--url", "http://localhost:81/"), "http://localhost:81", 81),
        (("--url", "https://telemetry.example.org"), "https://telemetry.example.org", None),
        (("--url", "http://192.0.2.1:8080"), "http://192.0.2.1:8080", None),
    ],
)
def test_firefox_is_configured_by_preferences(command, words, url, port):
    """The URL has no final slash; for Glean pings there is only a port of the same machine."""
    shown, talk = command("point", "firefox", *words)
    prefs = prefs_of(shown)

    assert prefs["toolkit.telemetry.server"] == url
    assert prefs["toolkit.telemetry.send.overrideOfficialCheck"] is True
    assert prefs.get("telemetry.fog.test.localhost_port") == port
    assert ("forward" in talk) == (port is None)


def test_firefox_preferences_as_json(command):
    """For scripts that write preferences themselves."""
    said = json.loads(command("point", "firefox", "--json")[0])

    assert said["url"] == "http://127.0.0.1:8080"
    assert said["prefs"] == prefs_of(command("point", "firefox")[0])


def test_glean_is_configured_by_a_server_endpoint(command):
    """In each language; the Python code is valid."""
    said = json.loads(command("point", "glean", "--url", "http://127.0.0.1:9/", "--json")[0])

    assert {"python", "kotlin", "rust", "javascript"} <= set(said["configuration"])
    assert all('"http://127.0.0.1:9"' in lines for lines in said["configuration"].values())
    compile(said["configuration"]["python"], "point", "exec")
    assert "data_dir=" in said["configuration"]["python"]


@pytest.mark.parametrize(
    ("words", "url", "javascript_url"),
    [
        ((), "http://127.0.0.1:8080", "https://127.0.0.1:8080"),
        (("--host", "::1"), "http://[::1]:8080", "https://localhost:8080"),
        (("--tls-certificate", "c.pem", "--port", "9"), "https://127.0.0.1:9", "https://127.0.0.1:9"),
        (("--url", "https://t.example.org"), "https://t.example.org", "https://t.example.org"),
    ],
)
def test_the_address_is_https_with_tls_and_always_for_glean_js(command, words, url, javascript_url):
    """If the server does not use TLS, the snippet names the two commands that set it up."""
    said = json.loads(command("point", "glean", *words, "--json")[0])
    snippets = said["configuration"]

    assert said["url"] == url
    assert all(f'"{url}"' in snippets[language] for language in ("python", "kotlin", "rust"))
    assert f'serverEndpoint: "{javascript_url}"' in snippets["javascript"]
    assert ("telemetry-server certificate" in snippets["javascript"]) is url.startswith("http:")
    assert ("serve --port 8080 --tls" in snippets["javascript"]) is url.startswith("http:")
    assert "does not accept the address" not in snippets["javascript"]


def test_an_address_that_glean_js_does_not_accept_is_reported(command):
    said = json.loads(command("point", "glean", "--url", "https://t.example.org/below", "--json")[0])

    assert "does not accept the address below" in said["configuration"]["javascript"]


def test_firefox_gets_no_port_for_glean_with_tls(command):
    """Firefox sends plain HTTP to this port."""
    shown, talk = command("point", "firefox", "--tls-certificate", "c.pem")

    assert prefs_of(shown)["toolkit.telemetry.server"] == "https://127.0.0.1:8080"
    assert "forward" in talk


def test_an_existing_file_is_not_overwritten(tmp_path, command):
    """It may belong to another program."""
    file = tmp_path / "user.js"
    command("point", "firefox", "--write", str(file))
    command("point", "firefox", "--port", "9", "--write", str(file), status=ExitStatus.USAGE)

    assert prefs_of(file.read_text())["toolkit.telemetry.server"] == "http://127.0.0.1:8080"


@pytest.mark.parametrize("words", [("--url", "localhost"), ("--url", "http://u:p@h/"), ("--port", "0")])
def test_an_invalid_address_is_one_line(command, words):
    """And a matter of configuration."""
    _, talk = command("point", "glean", *words, status=ExitStatus.CONFIGURATION)

    assert talk.count("\n") == 1
