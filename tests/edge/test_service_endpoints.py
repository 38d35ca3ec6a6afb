"""The routes for GET: health, version, metrics, schema, definitions."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import LostFile
from storage.progress.conversion_state import ConversionState
from storage.progress.waiting import ConversionWatch
from telemetry_server.edge.aiohttp_check import check_aiohttp
from telemetry_server.edge.service_endpoints import cached_spec_path
from tests.support.edges import a_request, running_edge


def a_get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    "path", ["/status", "/__lbheartbeat__", "/__heartbeat__?x=1", "/__version__", "/telemetry_schema", "/"]
)
async def test_each_route_answers_get_and_head_only(tmp_path, path):
    """Other methods get 405 with Allow."""
    async with running_edge(tmp_path) as edge:
        (got,) = await edge.talk(a_get(path))
        assert got.status == 200
        (refused,) = await edge.talk(a_request(path=path))
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_the_root_names_the_server_and_its_pages_in_one_line(tmp_path):
    """Each named page exists."""
    async with running_edge(tmp_path) as edge:
        (answer,) = await edge.talk(a_get("/"))
        text = answer.body.decode()
        named = re.findall(r"/[a-z_]+", text.partition("its pages are ")[2])
        statuses = [(await edge.talk(a_get(path)))[-1].status for path in named]

    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert text.startswith("telemetry-server takes pings at /submit/")
    assert text.count("\n") == 1
    assert len(named) == 6
    assert set(statuses) == {200}


async def test_the_root_does_not_name_metrics_that_are_on_the_admin_port(tmp_path):
    async with running_edge(tmp_path, has_admin_port=True) as edge:
        (answer,) = await edge.talk(a_get("/"))

    assert b"/metrics" not in answer.body


async def test_health_lists_its_checks(tmp_path):
    """The answer is JSON."""
    async with running_edge(
        tmp_path, version=b'{"version":"1"}', partition_schema=lambda: b'{"version":1}'
    ) as edge:
        (health,) = await edge.talk(a_get("/__heartbeat__"))
        (version,) = await edge.talk(a_get("/__version__"))
        (schema,) = await edge.talk(a_get("/telemetry_schema"))

    assert json.loads(health.body)["checks"] == {
        "writer": "ok",
        "disk": "ok",
        "commits": "ok",
        "draining": False,
    }
    assert (version.body, schema.body) == (b'{"version":"1"}', b'{"version":1}')


def lag_and_halt(text: str) -> dict[str, float]:
    """The metrics about conversion."""
    return {
        name: float(value)
        for name, value in (line.split(" ") for line in text.splitlines() if not line.startswith("#"))
        if name in ("telemetry_convert_lag_seconds", "telemetry_convert_halted")
    }


async def test_health_and_metrics_show_that_conversion_is_halted(tmp_path):
    """A halt is a warning with status 200, because submissions are accepted; "off" without a converter."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    state = ConversionState(root)
    halt_at = datetime.now(UTC) - timedelta(hours=2)
    async with running_edge(tmp_path, conversion=ConversionWatch(root, converts=True)) as edge:

        async def look() -> tuple[int, dict, dict[str, float]]:
            (health,) = await edge.talk(a_get("/__heartbeat__"))
            (shown,) = await edge.talk(a_get("/metrics"))
            return health.status, json.loads(health.body), lag_and_halt(shown.body.decode())

        status, body, shown = await look()
        assert (status, body["status"], body["checks"]["conversion"]) == (200, "ok", "ok")
        assert shown == {"telemetry_convert_lag_seconds": 0.0, "telemetry_convert_halted": 0.0}

        state.halt(str(LostFile(f"{root.path}/converted/x")), now=halt_at)
        state.halt("a second reason, later")
        status, body, shown = await look()
        assert (status, body["status"], body["checks"]["conversion"]) == (200, "warning", "halted")
        assert body["conversion"] == {"halted_since": halt_at.isoformat(), "reason": "a second reason, later"}
        assert shown["telemetry_convert_halted"] == 1
        assert 7200 <= shown["telemetry_convert_lag_seconds"] < 7300

        state.halt(f"{root.path}/state/ledger.sqlite: written\nas version 9")
        assert (await look())[1]["conversion"]["reason"] == "state/ledger.sqlite: written as version 9"

        state.clear()
        assert (await look())[1]["status"] == "ok"
    state.halt("of an earlier server")
    async with running_edge(tmp_path, conversion=ConversionWatch(root, converts=False)) as edge:
        (health,) = await edge.talk(a_get("/__heartbeat__"))
        assert json.loads(health.body)["checks"]["conversion"] == "off"


async def test_metrics_count_answers_and_what_was_kept(tmp_path):
    """Immediately; an unlisted namespace is OTHER."""

    def value_of(text: str, series: str) -> float:
        return next((float(line.split(" ")[1]) for line in text.splitlines() if line.startswith(series)), 0.0)

    async with running_edge(tmp_path) as edge:
        before = (await edge.talk(a_get("/metrics")))[0].body.decode()
        await edge.talk(a_request())
        await edge.talk(a_request(path="/submit/made-up-by-a-client/x"))
        after = (await edge.talk(a_get("/metrics")))[0].body.decode()

    for series, more in [
        ('telemetry_submissions_received_total{namespace="telemetry"}', 1),
        ('telemetry_submissions_received_total{namespace="OTHER"}', 1),
        ('telemetry_responses_total{code="200"}', 3),
        ("telemetry_commit_seconds_count", 2),
        ("telemetry_commit_batch_size_sum", 2),
    ]:
        assert value_of(after, series) - value_of(before, series) == more, series
    assert "made-up" not in after


async def test_cached_definitions_are_served_and_nothing_else(tmp_path):
    """Only plain names are served; links and other files are not."""
    cache = tmp_path / "specs"
    place = cache / "releases" / "mozilla-release" / "a55c55edf302"
    place.mkdir(parents=True)
    (place / "Histograms.json").write_bytes(b'{"A": 1}')
    (tmp_path / "secret").write_bytes(b"secret")
    linked = cache / "releases" / "mozilla-beta" / "a55c55edf302"
    linked.mkdir(parents=True)
    (linked / "Histograms.json").symlink_to(tmp_path / "secret")
    async with running_edge(tmp_path, revision_cache_dir=cache) as edge:
        (found,) = await edge.talk(a_get("/histograms/releases/mozilla-release/a55c55edf302"))
        missing = [
            (await edge.talk(a_get(f"/histograms/{path}")))[0].status
            for path in (
                "releases/mozilla-release/000000000000",
                "releases/mozilla-beta/a55c55edf302",
                "",
                "a55c55edf302",
                "../secret",
                "releases/../releases/mozilla-release/a55c55edf302",
                "releases//mozilla-release/a55c55edf302",
                "releases/mozilla-release/a55c55edf302/",
                "releases/mozilla-release/a55c55edf302/Histograms.json",
                "releases%2fmozilla-release/a55c55edf302",
                ".releases/mozilla-release/a55c55edf302",
            )
        ]

    assert (found.status, found.body) == (200, b'{"A": 1}')
    assert set(missing) == {404}


@pytest.mark.parametrize("rest", ["a/" * 9 + "abc", "a/ABC", "a/" + "0" * 41, "a/abc\n", "\x00/abc", "é/abc"])
def test_a_name_that_is_not_plain_has_no_path(tmp_path, rest):
    """It never reaches the file system."""
    assert cached_spec_path(tmp_path, rest) is None


def test_this_aiohttp_has_what_the_connection_limits_need():
    """Every worker runs this check when it starts."""
    check_aiohttp()
