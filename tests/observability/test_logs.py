"""Log lines: their format, and what they never contain."""

import errno
import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.observability import logs
from telemetry_server.observability.events import (
    DamageFound,
    DiskFloorReached,
    PingQuarantined,
    ServerStarted,
)


@pytest.fixture(autouse=True)
def _leave_no_configuration():
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = handlers


def logged(human: bool = False, level: str = "info", **fields: object) -> str:
    """Return one info line with *fields*."""
    stream = io.StringIO()
    logs.configure(level=level, stream=stream, human=human)
    logs.logger().info("something happened", **fields)
    return stream.getvalue()


def test_a_line_is_a_mozlog_object():
    """It has the fields that log pipelines expect."""
    line = json.loads(logged(count=3, name="x"))

    assert line["Type"] == "something happened"
    assert line["Logger"] == "telemetry-server"
    assert line["EnvVersion"] == "2.0"
    assert line["Severity"] == 6
    assert line["Fields"] == {"count": 3, "name": "x"}
    assert {"Timestamp", "Hostname", "Pid"} <= set(line)
    assert line["Timestamp"] > 10**18


@pytest.mark.parametrize("field", ["body", "client_address", "remote", "client_id"])
@pytest.mark.parametrize("human", [True, False])
def test_what_is_private_is_left_out(field, human):
    """Even if code passes it by mistake."""
    assert "203.0.113.7" not in logged(human, **{field: "203.0.113.7"})


def test_bytes_show_as_their_number():
    """A body cannot appear under another name."""
    assert "secret" not in logged(segment=b"secret")
    assert "<6 bytes>" in logged(segment=b"secret")


@given(st.text(max_size=400), st.booleans())
def test_text_from_clients_stays_on_one_line(text, human):
    """Newlines, terminal sequences and lone surrogates are escaped."""
    written = logged(human, detail=text)

    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert len(written) < 8000
    assert written[:-1].isprintable()
    written.encode()


def test_levels_below_the_chosen_one_are_silent():
    """Info lines are not written at level warning."""
    assert logged(level="warning") == ""


def test_an_event_is_a_line_with_its_fields():
    """Warnings and errors carry their severity."""
    stream = io.StringIO()
    logs.configure(stream=stream, human=False)
    ServerStarted("127.0.0.1", 8080, 2, "data").emit()
    DiskFloorReached(free_bytes=1, floor_bytes=2).emit()
    PingQuarantined("d", "empty_body", "the body is empty").emit()
    DamageFound("raw/x", 1, 20).emit()

    started, floor, quarantined, damage = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert started["Fields"] == {"host": "127.0.0.1", "port": 8080, "workers": 2, "data_dir": "data"}
    assert floor["Severity"] == 4
    assert quarantined["Fields"]["reason"] == "empty_body"
    assert damage["Fields"] == {"segment": "raw/x", "records": 1, "bytes": 20}


def test_messages_of_libraries_have_the_same_format():
    """Arguments of messages are shown for our own packages only."""
    stream = io.StringIO()
    logs.configure(stream=stream, human=False)
    logging.getLogger("histogram_specs.cache.revision_cache").warning("%s set aside", "a/b/Histograms.json")
    logging.getLogger("asyncio").info("loop")
    try:
        raise ValueError("no number\nat all")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", "203.0.113.7")
    logging.getLogger("asyncio").debug("not wanted")

    ours, loop, theirs = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert ours["Type"] == "a/b/Histograms.json set aside"
    assert (ours["Severity"], ours["Fields"]) == (4, {"library": "histogram_specs.cache.revision_cache"})
    assert loop["Severity"] == 6
    assert theirs["Severity"] == 3
    assert theirs["Fields"]["error"] == "ValueError: no number\\nat all"
    assert theirs["Fields"]["raised_at"].split(":")[0] == __file__
    assert "203.0.113.7" not in stream.getvalue()


def test_lines_on_a_terminal_are_readable():
    """Not JSON."""
    line = logged(human=True, port=8080)

    assert "something happened  port=8080" in line


class FullDisk(io.StringIO):
    """A stream that fails as on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_failed_write_of_a_log_line_is_ignored():
    """On a full disk lines are lost, but the server continues."""
    logs.configure(stream=FullDisk())
    with pytest.raises(OSError, match="No space"):
        logs.logger().error("a line")
    logs.configure(stream=logs.ForgivingStream(FullDisk()))

    logs.logger().error("a line")
