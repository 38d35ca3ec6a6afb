"""Exported files become records, from a file or a pipe, each ping once."""

import gzip
import json
import lzma
import subprocess
import sys

import orjson
import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.partitions.frames import compress_frame
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.imports.formats.packed_layout import PackedVersion, encode_record
from tests.support.data_root import REVISION, World, a_ping, an_id
from tests.support.shared_data import shared_data
from tests.support.waiting import PATIENCE_SECONDS

OFFLINE = {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}


def lines_of(numbers) -> bytes:
    return b"".join(an_id(n).encode() + b"\t" + orjson.dumps(a_ping(n)) + b"\n" for n in numbers)


@pytest.fixture
def world(tmp_path):
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    return world


@pytest.fixture
def convert(command):
    """Run `convert` with files; return its JSON result and its messages."""

    def run(world: World, *words: str, status: int = 0):
        result, messages = command("convert", "--json", "--data", str(world.root.path), *words, status=status)
        return json.loads(result), messages

    return run


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("plain.tsv", bytes),
        ("lines.gz", gzip.compress),
        ("lines.xz", lzma.compress),
        ("lines.lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
        ("lines.zst", compress_frame),
    ],
)
def test_lines_are_imported_with_any_compression(world, tmp_path, name, pack, convert):
    """The compression is recognised by content, not by file name."""
    (tmp_path / name).write_bytes(pack(lines_of(range(5))))

    result, _ = convert(world, str(tmp_path / name), "--date", "20140102")

    assert (result["received"], result["stored"]) == (5, 5)
    assert {path.parts[-7] for path in world.root.converted.rglob("*.zst")} == {"20140102"}


def test_lines_are_imported_from_stdin(world):
    """A pipe works like a file."""
    done = subprocess.run(
        [sys.executable, "-m", "telemetry_server", "convert", "--json", "--data", str(world.root.path), "-"],
        input=lines_of(range(3)),
        capture_output=True,
        env=bare_environment() | OFFLINE,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored"] == 3


def test_a_second_import_of_a_file_is_all_duplicates(world, tmp_path, convert):
    """Nothing is stored twice, and the audit balances."""
    path = tmp_path / "pings.tsv"
    path.write_bytes(lines_of(range(4)))
    convert(world, str(path))

    result, _ = convert(world, str(path))

    assert (result["received"], result["stored"], result["duplicate"]) == (4, 0, 4)
    assert world.audit().balanced


def test_a_file_that_waits_to_be_converted_is_not_imported_again(world, tmp_path, convert):
    """A second run after an interrupted one converts the imported pings once."""
    from telemetry_server.composition.file_imports import import_files
    from telemetry_server.settings.loader import load_settings

    path = tmp_path / "pings.tsv"
    path.write_bytes(lines_of(range(4)))
    settings = load_settings({"data_dir": str(world.root.path)}, None, {})
    import_files(settings, [str(path)], "auto", None)

    result, messages = convert(world, str(path))

    assert (result["received"], result["stored"], result["duplicate"]) == (4, 4, 0)
    assert "its pings still wait" in messages


def test_files_of_a_killed_import_are_removed(world, tmp_path, convert):
    """A half-staged import is never converted."""
    stale = world.root.staging / "import" / "20140102"
    stale.mkdir(parents=True)
    (stale / "999999-0-1.tlg").write_bytes(b"half")
    path = tmp_path / "pings.tsv"
    path.write_bytes(lines_of(range(2)))

    result, _ = convert(world, str(path))

    assert result["stored"] == 2
    assert not list(world.root.staging.iterdir())


def test_the_whole_records_of_a_truncated_archive_are_stored(world, tmp_path, convert):
    """The exit status is 4, and a message says that the file ends too early."""
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(lines_of(range(200)))[:-400])

    result, messages = convert(world, str(path), status=4)

    assert 0 < result["stored"] < 200
    assert "compressed data is truncated" in messages
    assert world.audit().balanced


@pytest.mark.parametrize("content", [b"", b"not an export\n", bytes(range(256)) * 20])
def test_convert_rejects_a_file_that_is_not_an_export(world, tmp_path, content, convert):
    """The exit status is 4; an empty file counts as an export without pings."""
    path = tmp_path / "thing"
    path.write_bytes(content)

    _ = convert(world, str(path), status=4 if content else 0)


def test_a_missing_file_does_not_stop_the_import_of_others(world, tmp_path, convert):
    """All readable files are imported."""
    path = tmp_path / "pings.tsv"
    path.write_bytes(lines_of(range(2)))

    result, messages = convert(world, str(tmp_path / "missing"), str(path), status=4)

    assert result["stored"] == 2
    assert "missing: No such file" in messages


def test_records_of_a_packed_log_keep_their_time_of_arrival(world, tmp_path, convert):
    """Damaged bytes before a record do not matter."""
    from datetime import UTC, datetime

    moment = datetime(2013, 9, 10, 14, 21, tzinfo=UTC)
    body = gzip.compress(orjson.dumps(a_ping(1)))
    record = encode_record(PackedVersion.V1, an_id(1).encode(), body, int(moment.timestamp() * 1000))
    (tmp_path / "telemetry.log.v1").write_bytes(b"rubbish" * 9 + record)

    result, _ = convert(world, str(tmp_path / "telemetry.log.v1"), status=4)

    assert result["stored"] == 1
    assert result["damaged"]["bytes"] >= 63
    assert [path.name for path in world.root.converted.iterdir()] == ["20130910"]


def test_a_log_of_the_original_server_gives_the_expected_histograms(tmp_path, convert, command):
    """Of 328 histograms of Firefox 23.0.1, 326 are kept and two are unknown."""
    log = shared_data("pings", "classic-v1", "telemetry1.log")
    spec = shared_data("probes", "telemetry-server-ff23-a55c55edf302", "Histograms.json")
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    folder = world.root.specs / "releases/mozilla-release/a55c55edf302"
    folder.mkdir(parents=True)
    (folder / "Histograms.json").write_bytes(spec.read_bytes())

    result, _ = convert(world, str(log))

    assert result["histograms"] == {
        "kept": 326,
        "dropped": {"unknown_histogram": 2},
    }
    assert result["damaged"] == {"records": 0, "bytes": 0}
    explained, _ = command(
        "explain", "--json", "--data", str(world.root.path), "17caa68c-25f5-450a-9cce-7d31318846d8"
    )
    dropped = {(h["name"], h["reason"]) for h in json.loads(explained)["dropped_histograms"]}
    assert dropped == {
        ("HTTP_OFFLINE_CACHE_DOCUMENT_LOAD", "unknown_histogram"),
        ("MIXED_CONTENT_PAGE_LOAD", "unknown_histogram"),
    }
    assert world.audit().balanced


# Published pings, and the quarantine reasons without other definitions than those of Firefox 23.
PUBLISHED = [
    (("classic-v1", "telemetry1.log"), 1, {"unknown_revision": 1}),
    (("classic-v2-converted", "ss-ff-n-22.lzma"), 1, {}),
    (("classic-v2-converted", "ss-ff-n-22.tsv"), 1, {}),
    (("classic-v2-converted", "ss-ff-n-28.lines-0-2.tsv"), 2, {}),
    (("packed", "unicode.v1.packed"), 2, None),
]


@pytest.mark.parametrize(("place", "received", "refused"), PUBLISHED, ids=lambda value: str(value)[:40])
def test_published_exports_are_imported(tmp_path, place, received, refused, convert):
    """Every ping of an archive of the original server has an outcome."""
    path = shared_data("pings", *place)
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")

    result, _ = convert(world, str(path))

    assert result["received"] == received
    if refused is not None:
        assert result["quarantined"] == refused
    assert result["damaged"] == {"records": 0, "bytes": 0}
    assert world.audit().balanced


def test_text_that_is_not_ascii_is_stored_intact(tmp_path, convert, command):
    """The two records of unicode.v1.packed are the same ping, gzipped and plain."""
    path = shared_data("pings", "packed", "unicode.v1.packed")
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    convert(world, str(path))
    bodies = [
        line["body"]
        for line in map(
            orjson.loads,
            (
                line.split("\t", 1)[1]
                for line in command("cat", "raw", "--data", str(world.root.path))[0].splitlines()
            ),
        )
    ]

    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert any(ord(character) > 127 for character in orjson.dumps(bodies[0]).decode())


def test_convert_reports_pings_that_waited_before_so_that_its_counts_balance(
    tmp_path, convert, command, monkeypatch
):
    """received + waited before = stored + duplicate + quarantined + pending."""
    world = World(tmp_path / "data")
    path = tmp_path / "pings.tsv"
    path.write_bytes(lines_of(range(3)))
    monkeypatch.setenv("TELEMETRY_REVISION_OFFLINE", "false")
    monkeypatch.setenv("TELEMETRY_REVISION_SERVER", "http://127.0.0.1:9")

    first, messages = convert(world, str(path), status=5)
    assert (first["received"], first["pending"]) == (3, 3)
    assert "3 pings wait for definitions; " in messages
    (line,) = [line for line in messages.splitlines() if "cannot be fetched" in line]
    assert line.endswith(f"put Histograms.json at {RevisionCache(world.root.specs).path_of(REVISION)}")
    again, messages = convert(world, str(path), status=5)
    assert (again["received"], again["pending"]) == (3, 6)
    assert "6 pings wait for definitions (3 waited before this run); " in messages
    table, _ = command("convert", "--data", str(world.root.path), status=5)
    counts = dict(line.rsplit(None, 1) for line in table.splitlines()[2:])
    assert (counts["received"], counts["waited before"], counts["pending"]) == ("0", "6", "6")
    world.put_specs()
    table, messages = command("convert", "--data", str(world.root.path))
    counts = dict(line.rsplit(None, 1) for line in table.splitlines()[2:])
    assert (counts["waited before"], counts["stored"], counts["duplicate"]) == ("6", "3", "3")
    assert "wait" not in messages
