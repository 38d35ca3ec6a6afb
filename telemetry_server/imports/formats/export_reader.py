"""Opens an export of any form: what ``convert FILE…`` reads."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from storage.errors import UnknownExport
from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.codecs import ByteSource, PlainSource
from telemetry_server.imports.formats.detect import LOOK_BYTES, detect
from telemetry_server.imports.formats.dump import DumpReader
from telemetry_server.imports.formats.exported_ping import (
    ExportDamage,
    ExportedPing,
    ExportFormat,
    start_of,
    submit_path,
)
from telemetry_server.imports.formats.lines import LinesReader
from telemetry_server.imports.formats.packed import PackedReader, layout_of
from telemetry_server.imports.formats.packed_layout import Layout, PackedVersion
from telemetry_server.imports.formats.partition_files import PartitionOrigin, origin_below, origin_guessed

_FormReader = PackedReader | DumpReader | LinesReader


class ExportReader:
    """
    The pings of one export, in its order; to be iterated once.

    Damage never raises: it is skipped and counted, and what is whole comes
    out.  Only the stream's own `OSError` passes through.
    """

    def __init__(self, form: ExportFormat, source: PlainSource, pings: _FormReader) -> None:
        self.format = form  # never AUTO, but for an empty export
        self._source = source
        self._pings = pings

    def __iter__(self) -> Iterator[ExportedPing]:
        return iter(self._pings)

    @property
    def damaged(self) -> ExportDamage:
        """
        What was in no whole record, as far as has been read.

        Its bytes are the export's own, uncompressed; of a compressed stream
        that broke, the compressed bytes after the break as well.
        """
        return self._pings.damaged + ExportDamage(0, self._source.undecoded_bytes)

    @property
    def truncated(self) -> bool:
        """Whether the compressed stream ended before its end, though perhaps between two records."""
        return self._source.truncated

    @property
    def is_damaged(self) -> bool:
        """Whether anything is missing: `damaged` counts it, or `truncated` says so."""
        return self.truncated or bool(self.damaged)


def open_export(
    stream: ByteSource,
    *,
    name: str = "",
    format: ExportFormat = ExportFormat.AUTO,
    date: date | None = None,
    base: Path | None = None,
    received_at: datetime | None = None,
) -> ExportReader:
    """
    Begin to read an export; memory stays bounded whatever it holds.

    Args:
        stream: A binary stream, at its beginning; it need not seek.  The caller closes it.
        name: The file's path where it has one: a partition file's names its dimensions.
        format: Its form; AUTO looks.
        date: The day on which lines were submitted; other forms say it themselves.
        base: The folder below which *name*'s dimensions begin; without it a
            name that ends like a partition file's is taken for one.
        received_at: When lines without any date arrived; now, if not given.

    Raises:
        UnknownExport: AUTO, and none of the forms is to be seen; or *name* is not below *base*.
        OSError: The stream's own.
    """
    origin = _origin(name, base)
    source = PlainSource(stream)
    window = BufferedReader(source)
    if window.fill(LOOK_BYTES) and format is ExportFormat.AUTO:
        format = _detected(window.data, name)
    if format is ExportFormat.PACKED:
        return ExportReader(format, source, PackedReader(window, _layout(window.data, name)))
    if format is ExportFormat.EXPORT:
        return ExportReader(format, source, DumpReader(window))
    day = date or (origin.submission_date if origin else None)
    arrival = start_of(day) if day else received_at or datetime.now(UTC)
    path_of = origin.path_of if origin else submit_path
    return ExportReader(format, source, LinesReader(window, arrival, path_of))


def _origin(name: str, base: Path | None) -> PartitionOrigin | None:
    if base is not None:
        return origin_below(Path(name), base)
    return origin_guessed(Path(name)) if name else None


def _detected(head: bytes, name: str) -> ExportFormat:
    found = detect(head, name)
    if found is None:
        raise UnknownExport(
            f"{name or 'standard input'}: no packed log, no export dump and no <id>TAB<json> lines"
            f" in its first {len(head):,} bytes; if it is one of them all the same, say --format"
        )
    return found.format


def _layout(head: bytes, name: str) -> Layout:
    """The layout by looking; where no record is to be seen the name's, or the commonest."""
    found = layout_of(head, name)
    if found:
        return found[0]
    hinted = [version for version in PackedVersion if f".{version}." in name]
    return Layout(hinted[0] if hinted else PackedVersion.V1)
