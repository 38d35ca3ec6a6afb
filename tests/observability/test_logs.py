"""Log lines: their form, and what never stands in one."""

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
    """What one info line with *fields* looks like."""
    stream = io.StringIO()
    logs.configure(level=level, stream=stream, human=human)
    logs.logger().info("something happened", **fields)
    return stream.getvalue()


def test_a_line_is_a_mozlog_object():
    """The fields that a log pipeline of the field knows."""
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
    """Even where somebody passes it by mistake."""
    assert "203.0.113.7" not in logged(human, **{field: "203.0.113.7"})


def test_bytes_show_as_their_number():
    """A body does not slip in under another name."""
    assert "secret" not in logged(segment=b"secret")
    assert "<6 bytes>" in logged(segment=b"secret")


@given(st.text(max_size=400), st.booleans())
def test_whatever_a_client_sent_a_line_stays_one_line(text, human):
    """No newline, no terminal sequence, no lone surrogate gets through."""
    written = logged(human, detail=text)

    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert len(written) < 8000
    assert written[:-1].isprintable()
    written.encode()


def test_levels_below_the_chosen_one_are_silent():
    """Info lines do not show where only warnings were asked for."""
    assert logged(level="warning") == ""


def test_a_notable_thing_is_a_line_with_its_fields():
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


def test_what_a_library_says_is_a_line_like_any_other():
    """Our own libraries know what they say; of others nothing that they fill in is shown."""
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


def test_a_reader_gets_readable_lines():
    """On a terminal."""
    line = logged(human=True, port=8080)

    assert "something happened  port=8080" in line


class FullDisk(io.StringIO):
    """What a stream into a file does when there is no room for it."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_that_cannot_be_written_ends_nothing():
    """The disk under it may be full: lines are lost, the server is not."""
    logs.configure(stream=FullDisk())
    with pytest.raises(OSError, match="No space"):
        logs.logger().error("a line")
    logs.configure(stream=logs.ForgivingStream(FullDisk()))

    logs.logger().error("a line")
