"""The admin port: metrics are only there, and submissions are not accepted there."""

import re
import socket

import pytest

from telemetry_server.demo.temporary_server import free_port
from tests.support.edges import RunningServer, a_request, running_server

GET = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"
READ = ("/__heartbeat__", "/__lbheartbeat__", "/status", "/__version__", "/telemetry_schema")


@pytest.fixture
def admin_port() -> int:
    return free_port()


def get(server: RunningServer, port: int, path: str) -> tuple[int, bytes]:
    """The answer of one of the server's ports."""
    public, server.port = server.port, port
    try:
        (answer,) = server.talk(GET.format(path).encode(), half_close=True)
    finally:
        server.port = public
    return answer.status, answer.body


def test_metrics_are_only_there_and_other_routes_on_both_ports(tmp_path, admin_port):
    """Balancers still find the routes of the contract on the public port."""
    settings = {"TELEMETRY_ADMIN_PORT": str(admin_port)}
    with running_server(tmp_path, "--no-convert", workers=2, environment=settings) as server:
        assert f"http://127.0.0.1:{admin_port}/metrics" in server.log()
        assert server.talk(a_request(), half_close=True)[0].status == 200
        for path in READ:
            assert get(server, server.port, path)[0] == get(server, admin_port, path)[0] == 200
        assert get(server, server.port, "/metrics")[0] == 404
        status, text = get(server, admin_port, "/metrics")
        assert status == 200
        assert re.search(rb'submissions_received_total{namespace="telemetry"} 1', text)

        public, server.port = server.port, admin_port
        (refused,) = server.talk(a_request(headers={"Connection": "close"}))
        server.port = public
        assert refused.status == 404
        assert server.stop() == 0


def test_it_answers_while_the_public_port_is_full(tmp_path, admin_port):
    """Its connections are counted separately, and are bounded too."""
    settings = {"TELEMETRY_ADMIN_PORT": str(admin_port), "TELEMETRY_MAX_CONNECTIONS": "3"}
    with running_server(tmp_path, "--no-convert", environment=settings) as server:
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        assert server.talk(a_request(), half_close=True)[0].status == 503
        assert get(server, admin_port, "/metrics")[0] == 200
        looking = [socket.create_connection(("127.0.0.1", admin_port)) for _ in range(64)]
        assert get(server, admin_port, "/metrics")[0] == 503
        for connection in (*held, *looking):
            connection.close()
        assert server.stop() == 0


def test_an_admin_port_in_use_gives_a_one_line_error(tmp_path, command):
    """The error names the setting."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        config = tmp_path / "server.toml"
        config.write_text(f"admin_port = {taken}\nport = 0\n")
        _, said = command("serve", "--data", str(tmp_path / "data"), "--config", str(config), status=78)
    assert "choose another admin_port" in said
