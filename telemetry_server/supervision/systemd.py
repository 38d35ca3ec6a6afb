"""Reports the state of the server to systemd, as sd_notify(3) does."""

import os
import socket


def sd_notify(state: str) -> None:
    """Send *state*, such as ``READY=1``, if a service manager asked for it."""
    target = os.environ.get("NOTIFY_SOCKET", "")
    if not target:
        return
    if target.startswith("@"):
        target = "\0" + target[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect(target)
            channel.send(state.encode())
        except OSError:
            return  # the service manager is gone
