"""
A plain implementation of conversion, to compare with.

zlib, one parse, a simple filter over all histograms, one dump, zstd 3.  For good pings it makes
the same rows.  It omits the rest: limits, reasons, dropped values, metadata, partitions,
duplicates.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from histogram_specs.spec import HistogramSpec
from histogram_specs.spec_file import SpecFile
from storage.partitions.frames import compress_frame

GZIP_WINDOW = 31
LEVEL = 3
SUMMARY = ("sum", "log_sum", "log_sum_squares", "sum_squares_lo", "sum_squares_hi")


class PlainConversion:
    """Converts pings with the definitions of one file."""

    def __init__(self, spec_file: SpecFile) -> None:
        self._specs: dict[str, HistogramSpec] = {spec.name: spec for spec in spec_file}

    def frame(self, bodies: Sequence[bytes]) -> bytes:
        """Return *bodies* as one frame of lines."""
        return compress_frame(b"".join(self.line(body) + b"\n" for body in bodies), LEVEL)

    def line(self, body: bytes) -> bytes:
        """Return the line of one ping, with its histograms as rows."""
        ping = orjson.loads(zlib.decompress(body, GZIP_WINDOW))
        section = ping.get("payload", ping)
        for place in (section, *section.get("processes", {}).values()):
            if "histograms" in place:
                place["histograms"] = self._rows(place["histograms"], keyed=False)
            if "keyedHistograms" in place:
                keyed = place["keyedHistograms"]
                place["keyedHistograms"] = {
                    name: self._rows(dict.fromkeys(by_key, name), keyed=True, by_key=by_key)
                    for name, by_key in keyed.items()
                }
        return orjson.dumps(ping)

    def _rows(
        self, names: Mapping[str, Any], *, keyed: bool, by_key: Mapping[str, Any] | None = None
    ) -> dict[str, list[Any]]:
        rows = {}
        for entry, value in names.items():
            name, histogram = (entry, value) if by_key is None else (value, by_key[entry])
            spec = self._specs.get(name)
            row = None if spec is None or spec.keyed is not keyed else row_of(histogram, spec)
            if row is not None:
                rows[entry] = row
        return rows


def row_of(histogram: Mapping[str, Any], spec: HistogramSpec) -> list[Any] | None:
    """Return the row of a histogram; None if it does not match its definition."""
    if histogram["histogram_type"] != spec.histogram_type:
        return None
    if histogram["bucket_count"] != spec.bucket_count or histogram["range"] != list(spec.range):
        return None
    index = spec.bucket_index
    row = [0] * spec.bucket_count
    for start, count in histogram["values"].items():
        if start not in index or not isinstance(count, int) or count < 0:
            return None
        row[index[start]] = count
    return row + [histogram.get(name, -1) for name in SUMMARY]
