"""Controls a Firefox with Marionette, its remote protocol: ``<length>:<JSON>`` over TCP."""

import json
import socket
import time
from typing import Any


class Marionette:
    """One session, in the context of the browser."""

    def __init__(self, port: int, wait_seconds: float) -> None:
        """Connect to *port*; raises OSError if Firefox does not answer within *wait_seconds*."""
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.25)
        self._buffer = b""
        self._number = 0
        self._receive()
        self.ask("WebDriver:NewSession", {"capabilities": {}})
        self.ask("Marionette:SetContext", {"value": "chrome"})

    def ask(self, command: str, parameters: dict[str, Any]) -> Any:
        """Send *command* and return its result; raises AssertionError with the error of Firefox."""
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        assert error is None, f"{command}: {error}"
        return result

    def run(self, script: str) -> Any:
        """Run *script*, the body of an async function, and return its result."""
        script = f"return (async () => {{{script}}})()"
        return self.ask("WebDriver:ExecuteScript", {"script": script, "args": [], "sandbox": "system"})[
            "value"
        ]

    def quit(self) -> None:
        """Quit Firefox like a user."""
        self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> Any:
        while b":" not in self._buffer:
            self._fill()
        length, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(length):
            self._fill()
        text, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return json.loads(text)

    def _fill(self) -> None:
        data = self._socket.recv(1 << 16)
        assert data, "Firefox hung up"
        self._buffer += data
