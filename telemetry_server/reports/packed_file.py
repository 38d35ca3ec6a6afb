"""A long answer from a packed file, sent as fast as its reader takes it."""

import asyncio
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aiohttp import hdrs, web

from telemetry_server.edge import responses

PIECE_BYTES = 64 << 10
GZIP_WINDOW = 16 + zlib.MAX_WBITS


class PackedFile(web.StreamResponse):
    """
    The answer to a GET whose body is in a gzip file; the file is removed at once, and read while it is sent.

    Args:
        keeps_packed: The reader unpacks it.
        size: Of the content, unpacked.
    """

    def __init__(self, path: Path, content_type: str, size: int, *, keeps_packed: bool) -> None:
        super().__init__(headers={hdrs.SERVER: responses.SERVER, hdrs.CONTENT_TYPE: content_type})
        self._file: BinaryIO = path.open("rb")
        path.unlink()
        self._keeps_packed = keeps_packed
        self.content_length = os.fstat(self._file.fileno()).st_size if keeps_packed else size
        if keeps_packed:
            self.headers[hdrs.CONTENT_ENCODING] = "gzip"

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the body, except for HEAD."""
        loop = asyncio.get_running_loop()
        try:
            if self._req is not None and self._req.method != hdrs.METH_HEAD:
                pieces = self._packed() if self._keeps_packed else self._unpacked()
                while piece := await loop.run_in_executor(None, next, pieces, b""):
                    await self.write(piece)
            await super().write_eof(data)
        finally:
            self._file.close()

    def _packed(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def _unpacked(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(GZIP_WINDOW)
        for packed in self._packed():
            piece = inflater.decompress(packed, PIECE_BYTES)
            while piece:
                yield piece
                piece = inflater.decompress(inflater.unconsumed_tail, PIECE_BYTES)
        if rest := inflater.flush():
            yield rest
