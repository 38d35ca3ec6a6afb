"""Opens an export of any format, for ``convert FILE…``."""

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

_FormatReader = PackedReader | DumpReader | LinesReader


class ExportReader:
    """
    Yields the pings of one export in order; can be iterated once.

    Damage is skipped and counted, never raised: intact records are always returned.
    Only an `OSError` of the stream is raised.
    """

    def __init__(self, format: ExportFormat, source: PlainSource, pings: _FormatReader) -> None:
        self.format = format  # AUTO only if the export is empty
        self._source = source
        self._pings = pings

    def __iter__(self) -> Iterator[ExportedPing]:
        return iter(self._pings)

    @property
    def damaged(self) -> ExportDamage:
        """
        Damaged records and bytes, as far as the export was read.

        Bytes are counted decompressed; if a compressed stream is broken, its compressed
        rest is added.
        """
        return self._pings.damaged + ExportDamage(0, self._source.undecoded_bytes)

    @property
    def truncated(self) -> bool:
        """Whether the compressed stream is truncated, perhaps between two records."""
        return self._source.truncated

    @property
    def is_damaged(self) -> bool:
        """Whether anything was damaged or truncated."""
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
    Open an export for reading, with bounded memory for any content.

    Args:
        stream: A binary stream at its start; it does not need to seek.  The caller closes it.
        name: Path of the file, if any.  The path of a partition file has its dimensions.
        format: Format of the export; AUTO detects it.
        date: Day of submission of lines; other formats have their own dates.
        base: Folder that contains the partition folders of *name*; without it, a
            name that ends like that of a partition file counts as one.
        received_at: Time of arrival of lines without a date; default is now.

    Raises:
        UnknownExport: AUTO found no known format, or *name* is not below *base*.
        OSError: The stream cannot be read.
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
            f"{name or 'standard input'}: unknown format: found no packed log, export dump or <id>TAB<json>"
            f" lines in its first {len(head):,} bytes; if you know the format, choose it with --format"
        )
    return found.format


def _layout(head: bytes, name: str) -> Layout:
    """Detect the layout; without a record take the one in the name, or the most common one."""
    found = layout_of(head, name)
    if found:
        return found[0]
    hinted = [version for version in PackedVersion if f".{version}." in name]
    return Layout(hinted[0] if hinted else PackedVersion.V1)
