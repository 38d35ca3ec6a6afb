"""
Writes log lines: one JSON object per line in mozlog's format, or readable lines on a terminal.

Text from clients is escaped and truncated; bodies and addresses are never logged.
"""

import json
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

from telemetry_server.observability.loggers import get_logger, import_structlog
from telemetry_server.terminal.client_text import shown

OUR_LIBRARIES = frozenset({"histogram_specs", "storage"})
PRIVATE_FIELDS = frozenset({"body", "payload", "client_address", "remote", "peer", "address", "client_id"})
# Syslog severities, as in mozlog.
SEVERITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _presentable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {shown(str(key)): _presentable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_presentable(item) for item in value]
    return shown(str(value))


def _keep_private(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _presentable(value) for key, value in event.items() if key not in PRIVATE_FIELDS}


def _mozlog(_logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    severity = SEVERITIES.get(str(event.pop("level", method)), 6)
    kind = str(event.pop("event", ""))
    line = {
        "Timestamp": time.time_ns(),
        "Type": kind,
        "Logger": "telemetry-server",
        "Hostname": socket.gethostname(),
        "EnvVersion": "2.0",
        "Severity": severity,
        "Pid": os.getpid(),
        "Fields": event,
    }
    return json.dumps(line, separators=(",", ":"), default=str)


def _human(_logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    level = str(event.pop("level", method))
    kind = event.pop("event", "")
    fields = " ".join(f"{key}={value}" for key, value in event.items())
    mark = "" if level in ("info", "debug") else f"{level.upper()}: "
    return f"{time.strftime('%H:%M:%S')} {mark}{kind}{'  ' + fields if fields else ''}"


class _Rewriter(logging.Handler):
    """Writes messages that libraries log with `logging` in the format of all other lines."""

    def emit(self, record: logging.LogRecord) -> None:
        # Arguments of other libraries may contain a client's address.
        text = record.getMessage() if record.name.split(".")[0] in OUR_LIBRARIES else str(record.msg)
        fields: dict[str, Any] = {"library": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            fields["error"] = f"{type(error).__name__}: {error}"
            if frames := traceback.extract_tb(error.__traceback__):
                fields["raised_at"] = f"{frames[-1].filename}:{frames[-1].lineno}"
        logger().log(record.levelno, text, **fields)


class ForgivingStream:
    """A text stream that ignores failed writes: a full disk under the log must not end the server."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write *text*; errors of the stream are ignored."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream; errors are ignored."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def forgive_streams() -> None:
    """Make failed writes to stdout and stderr harmless for this process and its forks."""
    sys.stdout = cast(TextIO, ForgivingStream(sys.stdout))
    sys.stderr = cast(TextIO, ForgivingStream(sys.stderr))


def configure(level: str = "info", stream: TextIO | None = None, human: bool | None = None) -> None:
    """
    Send all log lines of this process and its forks, also those of libraries, to *stream* (default: stderr).

    Args:
        level: The lowest level that is written: debug, info, warning or error.
        human: Readable lines rather than JSON; default: when *stream* is a terminal.
    """
    structlog = import_structlog()
    target = stream if stream is not None else sys.stderr
    readable = target.isatty() if human is None else human
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, _keep_private, _human if readable else _mozlog],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=LEVELS[level], handlers=[_Rewriter()], force=True)


def logger() -> Any:
    """Return the logger; use it as ``logger().info("what happened", field=value)``."""
    return get_logger()
