"""Telling systemd how far we are: the datagram of sd_notify(3)."""

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
            return  # whoever asked is gone: there is nobody to tell
