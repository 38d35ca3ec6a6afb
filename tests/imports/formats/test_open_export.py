"""Any export is opened in one way: its format is detected."""

import gzip
import io
import lzma
import random

import pytest

from storage.errors import StorageError, UnknownExport
from telemetry_server.imports.formats.export_reader import open_export
from telemetry_server.imports.formats.exported_ping import ExportDamage, ExportFormat
from telemetry_server.imports.formats.packed_layout import PackedVersion
from tests.imports.formats.samples import (
    Trickle,
    document_id,
    dump_records,
    line_records,
    packed_records,
    read,
)
from tests.support.shared_data import shared_data


def sample(form: ExportFormat, version: PackedVersion = PackedVersion.V1) -> list[bytes]:
    if form is ExportFormat.PACKED:
        return packed_records(20, version, random.Random(5))
    return dump_records(20) if form is ExportFormat.EXPORT else line_records(20)


FORMS = [form for form in ExportFormat if form is not ExportFormat.AUTO]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
def test_formats_are_detected_from_a_pipe(form, compress):
    """Without seeking or a name, in any compression: every ping once and in order."""
    reader = open_export(Trickle(compress(b"".join(sample(form))), 4_096))
    pings = list(reader)

    assert reader.format is form
    assert [ping.path.split("/")[3] for ping in pings] == [document_id(n).decode() for n in range(20)]
    assert not reader.is_damaged


@pytest.mark.parametrize("form", FORMS)
def test_formats_are_detected_after_a_damaged_start(form):
    """The first plausible record decides; bytes before it are damage."""
    records = sample(form)
    pings, reader = read(b"\x01\x02??" + records[0][7:] + b"".join(records[1:]))

    assert reader.format is form
    assert [ping.body for ping in pings[-19:]] == [ping.body for ping in read(b"".join(records))[0][1:]]
    # Lines with an invalid id are still lines; in other formats the first record is lost.
    assert reader.is_damaged == (form is not ExportFormat.LINES)
    assert len(pings) == (20 if form is ExportFormat.LINES else 19)


@pytest.mark.parametrize("version", PackedVersion)
def test_each_layout_of_a_packed_log_is_detected(version):
    """One record is enough."""
    records = sample(ExportFormat.PACKED, version)

    for log in (records[0], b"".join(records)):
        pings, reader = read(log, name="no-hint")
        assert reader.format is ExportFormat.PACKED
        assert pings[0].path.startswith(f"/submit/telemetry/{document_id(0).decode()}/idle-daily")
        assert not reader.is_damaged


def test_lines_with_invalid_ids_are_detected_as_lines():
    """The converter refuses them."""
    pings, reader = read(b'foo\t{"bar":"baz"}\n')

    assert reader.format is ExportFormat.LINES
    assert [ping.path for ping in pings] == ["/submit/telemetry/foo"]


@pytest.mark.parametrize("export", [b"hello\n", b'{"ver":1}\n', b"\x00" * 5_000, b"\x1f\x8b", b"a\tb\n"])
def test_an_unknown_format_is_an_error_that_names_the_file(export):
    """One line: what is wrong, where, what to do."""
    with pytest.raises(UnknownExport, match=r"^some\.file: .* choose it with --format$") as caught:
        read(export, name="some.file")

    assert isinstance(caught.value, StorageError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_given_format_is_not_checked(form):
    """Nothing is raised; everything else is damage."""
    pings, reader = read(b"hello\nworld\n", format=form)

    assert pings == []
    assert reader.format is form
    assert reader.damaged == ExportDamage({"lines": 2, "packed": 0, "export": 0}[form], 12)


def test_an_empty_export_is_not_an_error():
    """It has no pings and no damage in any format."""
    for empty in (b"", gzip.compress(b"")):
        pings, reader = read(empty)
        assert (pings, reader.is_damaged) == ([], False)


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_compressed_export_returns_its_intact_records(form):
    """It is marked truncated, even if cut between two records."""
    data = gzip.compress(b"".join(sample(form)), mtime=0)
    pings, reader = read(data[: len(data) // 2])

    assert 0 < len(pings) < 20
    assert reader.is_damaged
    assert reader.truncated


@pytest.mark.parametrize(
    ("name", "form", "count"),
    [
        (("classic-v1", "telemetry1.log"), ExportFormat.PACKED, 1),
        (("packed", "unicode.v1.packed"), ExportFormat.PACKED, 2),
        (("classic-v2-converted", "ss-ff-n-22.lzma"), ExportFormat.LINES, 1),
        (("classic-v2-converted", "ss-ff-n-22.tsv"), ExportFormat.LINES, 1),
        (("classic-v2-converted", "ss-ff-n-28.lines-0-2.tsv"), ExportFormat.LINES, 2),
    ],
)
def test_files_of_the_original_server_are_read(name, form, count):
    """Without damage, each body with the path of its own id."""
    pings, reader = read(shared_data("pings", *name).read_bytes())

    assert reader.format is form
    assert len(pings) == count
    assert not reader.is_damaged


def test_a_legacy_lzma_file_has_the_same_ping_as_its_text():
    packed = shared_data("pings", "classic-v2-converted", "ss-ff-n-22.lzma").read_bytes()
    text = shared_data("pings", "classic-v2-converted", "ss-ff-n-22.tsv").read_bytes()

    assert [(ping.path, ping.body) for ping in read(packed)[0]] == [
        (ping.path, ping.body) for ping in read(text)[0]
    ]


def test_other_samples_are_not_detected_as_exports():
    """Bare JSON, HTTP captures and the like have none of these formats."""
    taken = []
    for path in sorted(shared_data("pings").rglob("*")):
        if path.is_file() and path.parent.name not in {"packed", "classic-v2-converted"}:
            try:
                open_export(io.BytesIO(path.read_bytes()), name=path.name)
                taken.append(path.name)
            except UnknownExport:
                pass

    assert taken == ["telemetry1.log"]
