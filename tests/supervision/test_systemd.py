"""The datagram of sd_notify(3)."""

import socket

from telemetry_server.supervision.systemd import sd_notify


def test_the_state_is_sent_to_the_socket_in_the_environment(tmp_path, monkeypatch):
    """Without the variable, or without a listener, nothing happens."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        sd_notify("READY=1")
        assert manager.recv(100) == b"READY=1"
    path.unlink()
    sd_notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    sd_notify("READY=1")
