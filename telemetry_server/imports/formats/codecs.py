"""Decompresses exports.  The codec is detected from the first bytes, never from a file name."""

import lzma
import sys
import zlib
from enum import StrEnum
from typing import Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP_IN_BYTES = 8 << 10  # small, because a failing step loses what it had decoded
STEP_OUT_BYTES = 1 << 20
DRAIN_BYTES = 1 << 20
MAX_DECODER_BYTES = 128 << 20  # xz -9 asks for 65 MiB
MAGIC_BYTES = 14  # length of the longest magic, that of legacy lzma
MAX_LAYERS = 2  # an archive in transport encoding; more layers are a bomb or a mistake

_SKIPPABLE_ZSTD = tuple(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60))


class ByteSource(Protocol):
    """Anything with the ``read`` of a binary file: only b"" means the end."""

    def read(self, max_bytes: int, /) -> bytes:
        """Return at least one and at most *max_bytes* bytes; b"" at the end."""


class Codec(StrEnum):
    """How an export is compressed."""

    PLAIN = "plain"
    GZIP = "gz"
    XZ = "xz"
    LZMA = "lzma"
    ZSTD = "zst"


class _Engine(Protocol):
    """The interface of the decompressors of `lzma` and `zstd`."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _GzipEngine:
    """`zlib` behind the interface of `lzma`'s decompressor, for one gzip member."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._produced_all = False

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        # A call that returned its maximum may have left output inside zlib.
        return self._produced_all and not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        plain = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self._produced_all = len(plain) < max_length
        return plain


def codec_of(head: bytes) -> Codec:
    """
    Return the codec of a stream that begins with *head*; `MAGIC_BYTES` are enough.

    Legacy lzma has no magic.  As in liblzma's decoder, the settings byte, the dictionary size and
    the length must be plausible, and the first coded byte must be zero.
    """
    if head.startswith(b"\x1f\x8b\x08"):
        return Codec.GZIP
    if head.startswith(b"\xfd7zXZ\x00"):
        return Codec.XZ
    if head.startswith((b"\x28\xb5\x2f\xfd", *_SKIPPABLE_ZSTD)):
        return Codec.ZSTD
    return Codec.LZMA if _is_legacy_lzma(head) else Codec.PLAIN


def _is_legacy_lzma(head: bytes) -> bool:
    if len(head) < MAGIC_BYTES or head[0] >= 9 * 5 * 5 or head[13]:
        return False
    dictionary_bytes = int.from_bytes(head[1:5], "little")
    lowest_bit = dictionary_bytes & -dictionary_bytes
    if dictionary_bytes < 4096 or dictionary_bytes not in (lowest_bit, 3 * lowest_bit):
        return False
    plain_bytes = int.from_bytes(head[5:13], "little")
    return plain_bytes == 2**64 - 1 or plain_bytes < 1 << 38


def _engine_for(codec: Codec) -> _Engine:
    if codec is Codec.GZIP:
        return _GzipEngine()
    if codec is Codec.ZSTD:
        engine: _Engine = zstd.ZstdDecompressor()  # the library limits its window to 128 MiB
        return engine
    form = lzma.FORMAT_XZ if codec is Codec.XZ else lzma.FORMAT_ALONE
    return lzma.LZMADecompressor(format=form, memlimit=MAX_DECODER_BYTES)


class _PushedBack:
    """A source whose first bytes can be peeked at before they are read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._head = b""

    def peek(self, count_bytes: int) -> bytes:
        while len(self._head) < count_bytes and (more := self._source.read(count_bytes - len(self._head))):
            self._head += more
        return self._head[:count_bytes]

    def read(self, max_bytes: int, /) -> bytes:
        if not self._head:
            return self._source.read(max_bytes)
        piece, self._head = self._head[:max_bytes], self._head[max_bytes:]
        return piece


class Decoded:
    """
    The plain bytes of a compressed stream, in pieces of bounded size.

    A truncated or broken stream ends early without an exception: `truncated` is then true, and
    `undecoded_bytes` counts the rest.
    Consecutive gzip members, xz streams or zstd frames are one stream.
    """

    def __init__(self, source: ByteSource, codec: Codec) -> None:
        self.truncated = False
        self.undecoded_bytes = 0
        self._source = source
        self._codec = codec
        self._engine = _engine_for(codec)
        self._ended = False
        self._unfed = b""  # read from the source, not decoded yet

    def read(self, max_bytes: int = STEP_OUT_BYTES, /) -> bytes:
        """Return up to *max_bytes* more plain bytes; b"" at the end."""
        while not self._ended:
            if self._engine.eof and not self._begin_next():
                break
            if piece := self._step(min(max_bytes, STEP_OUT_BYTES)):
                return piece
        return b""

    def _step(self, max_bytes: int) -> bytes:
        fed = b""
        if self._engine.needs_input or self._unfed:
            fed = self._unfed or self._source.read(STEP_IN_BYTES)
            self._unfed = b""
            if not fed:
                self._end(truncated=True)
                return b""
        try:
            return self._engine.decompress(fed, max_bytes)
        except (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, MemoryError):
            self._end(truncated=True, unread=fed)
            return b""

    def _begin_next(self) -> bool:
        """Start the next member; return whether there is one.  Zeros between members are padding."""
        rest = self._engine.unused_data.lstrip(b"\0")
        while len(rest) < MAGIC_BYTES and (more := self._source.read(STEP_IN_BYTES)):
            rest = (rest + more).lstrip(b"\0")
        if codec_of(rest) is not self._codec:
            self._end(truncated=False, unread=rest)
            return False
        self._engine, self._unfed = _engine_for(self._codec), rest
        return True

    def _end(self, *, truncated: bool, unread: bytes = b"") -> None:
        self._ended = True
        self.truncated = truncated
        self.undecoded_bytes = len(unread)
        while piece := self._source.read(DRAIN_BYTES):
            self.undecoded_bytes += len(piece)


class PlainSource:
    """
    The decompressed bytes of an export, with at most `MAX_LAYERS` layers of compression.

    Reading raises only errors of the underlying stream.
    """

    def __init__(self, stream: ByteSource) -> None:
        self._layers: list[Decoded] = []
        source = _PushedBack(stream)
        while len(self._layers) < MAX_LAYERS:
            codec = codec_of(source.peek(MAGIC_BYTES))
            if codec is Codec.PLAIN:
                break
            self._layers.append(Decoded(source, codec))
            source = _PushedBack(self._layers[-1])
        self._source = source

    @property
    def is_compressed(self) -> bool:
        """Whether the stream has a layer of compression."""
        return bool(self._layers)

    @property
    def truncated(self) -> bool:
        """Whether a compressed layer that was read is truncated."""
        return any(layer.truncated for layer in self._layers)

    @property
    def undecoded_bytes(self) -> int:
        """Compressed bytes that were not decoded: after damage, or trailing garbage."""
        return sum(layer.undecoded_bytes for layer in self._layers)

    def read(self, max_bytes: int, /) -> bytes:
        """Return at most *max_bytes* decompressed bytes; b"" at the end."""
        return self._source.read(max_bytes)
