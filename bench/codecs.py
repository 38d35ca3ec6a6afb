"""The codecs of input (gzip) and output (zstd), compared with others."""

import lzma
import time
import zlib
from collections.abc import Callable, Sequence

from bench.plain_conversion import GZIP_WINDOW, LEVEL
from bench.report import Row, paired_row
from storage.partitions.frames import LIVE_LEVEL, compress_frame
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.stream import Recipe
from telemetry_server.pings.inflate import inflate

Codec = Callable[[bytes], bytes]
LINES_A_FRAME = 8


def measure(quick: bool) -> list[Row]:
    """Return a row for inflating, and one for each comparison of compression."""
    count, rounds = (32, 1) if quick else (96, 7)
    bodies = [ping.body for ping in Recipe(shipped_definitions()).pings(count)]
    texts = [zlib.decompress(body, GZIP_WINDOW) for body in bodies]
    frames = [b"".join(texts[at : at + LINES_A_FRAME]) for at in range(0, count, LINES_A_FRAME)]
    return [
        _row("inflate", bodies, lambda body: inflate(body).data, "zlib", _zlib, rounds=rounds),
        _row(f"zstd {LIVE_LEVEL}", frames, compress_frame, f"zstd {LEVEL}", _zstd, rounds=rounds),
        _row(f"zstd {LIVE_LEVEL}", frames, compress_frame, "xz 0", _xz, rounds=rounds),
    ]


def _zlib(body: bytes) -> bytes:
    return zlib.decompress(body, GZIP_WINDOW)


def _zstd(lines: bytes) -> bytes:
    return compress_frame(lines, LEVEL)


def _xz(lines: bytes) -> bytes:
    return lzma.compress(lines, preset=0)


def _row(what: str, data: Sequence[bytes], codec: Codec, name: str, other: Codec, *, rounds: int) -> Row:
    pairs = [(_ns_a_byte(codec, data), _ns_a_byte(other, data)) for _ in range(rounds)]
    sizes = [sum(len(each(piece)) for piece in data) for each in (codec, other)]
    note = f"{sizes[0] / sizes[1]:.2f} times the size of the other"
    return paired_row(f"codecs, {what}", "CPU ns per input byte", pairs, name, note)


def _ns_a_byte(codec: Codec, data: Sequence[bytes]) -> float:
    start = time.process_time()
    for piece in data:
        codec(piece)
    return (time.process_time() - start) * 1e9 / sum(map(len, data))
