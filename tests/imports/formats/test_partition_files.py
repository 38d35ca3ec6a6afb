"""Old partition files: their paths contain the dimensions."""

import lzma
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from storage.errors import UnknownExport
from telemetry_server.imports.formats.export_reader import open_export
from telemetry_server.imports.formats.partition_files import PartitionOrigin, origin_below, origin_guessed
from tests.imports.formats.samples import document_id, line_records

HEX = "0123456789abcdef" * 2
LATER = f"saved_session/Firefox/nightly/26.0a1/20130902030220.20130908.log.{HEX}.lzma"
DIMENSIONS = ("saved_session", "Firefox", "nightly", "26.0a1", "20130902030220")
EXPECTED = PartitionOrigin(DIMENSIONS, date(2013, 9, 8))


@pytest.mark.parametrize(
    "name",
    [
        LATER,
        "saved_session/Firefox/nightly/26.0a1/20130902030220.20130908.v2.log",
        f"saved_session/Firefox/nightly/26.0a1/20130902030220.20130908.v2.log.{HEX}.xz",
        "saved_session/Firefox/nightly/26.0a1/20130902030220.20130908.v1.log.77.1378822911.123456.compressme",
        "20130908/saved_session/Firefox/nightly/26.0a1/20130902030220.000",
    ],
)
def test_case_45_dimensions_come_from_the_path_below_the_base(tmp_path, name):
    """Both orders of folders, and every name that such files had."""
    assert origin_below(tmp_path / name, tmp_path) == EXPECTED
    assert origin_guessed(tmp_path / name) == EXPECTED


def test_case_45_the_same_path_outside_the_base_is_an_error(tmp_path):
    """Also if it leaves the base by a link or by dots, or is not that of a partition file."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "saved_session").symlink_to(tmp_path)

    for outside in (tmp_path / LATER, base / ".." / LATER, base / LATER):
        with pytest.raises(UnknownExport, match="not below"):
            origin_below(outside, base)
    with pytest.raises(UnknownExport, match="name the folder that holds the reasons"):
        origin_below(base / "x" / LATER, base)


@pytest.mark.parametrize(
    "name",
    ["", "-", "pings.tsv", "a/b/c/d/e.tsv", "a/b/c/d/1.20131308.log", "a/b/c/d/telemetry.log.v1.host.1.2"],
)
def test_other_names_have_no_dimensions(name):
    """Only names with a real date and the form of a partition file are used."""
    assert origin_guessed(Path(name)) is None


@pytest.mark.parametrize("has_base", [True, False])
def test_pings_of_a_partition_file_have_its_dimensions_and_its_day(tmp_path, has_base):
    """In the order of a submit path, with reasons spelled as by clients; `.lzma` may have xz data."""
    path = tmp_path / LATER
    path.parent.mkdir(parents=True)
    path.write_bytes(lzma.compress(b"".join(line_records(3))))

    with path.open("rb") as stream:
        pings = list(open_export(stream, name=str(path), base=tmp_path if has_base else None))

    assert [ping.path for ping in pings] == [
        f"/submit/telemetry/{document_id(n).decode()}/saved-session/Firefox/26.0a1/nightly/20130902030220"
        for n in range(3)
    ]
    assert {ping.received_at for ping in pings} == {datetime(2013, 9, 8, tzinfo=UTC)}


def test_options_take_precedence_over_the_path(tmp_path):
    """--date decides; a line with its own path keeps it."""
    path = tmp_path / LATER
    path.parent.mkdir(parents=True)
    path.write_bytes(b"/submit/telemetry/" + document_id(1) + b"/main\t{}\n")

    with path.open("rb") as stream:
        (ping,) = open_export(stream, name=str(path), base=tmp_path, date=date(2014, 1, 2))

    assert ping.path == f"/submit/telemetry/{document_id(1).decode()}/main"
    assert ping.received_at == datetime(2014, 1, 2, tzinfo=UTC)
