"""
Returns memory of the libraries of DuckDB and PyArrow that only their start needed.

Two thirds of the memory of a new session are pages of these libraries: the linker, and the registration of
thousands of functions, read most of their code once.  A statement reads less than half of it again.
"""

import ctypes
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

MADV_DONTNEED = 4  # madvise(2)
MAPS = Path("/proc/self/maps")  # only Linux has it
CODE = b"r-xp"
LEAST_BYTES = 1 << 20  # smaller ones are not worth their call


def release_code_pages() -> None:
    """
    Remove the code of both libraries from the memory of this process; the kernel reads it again on demand.

    Code is never written to, so its pages are those of the file.
    """
    import _duckdb
    import pyarrow as pa

    paths = [str(Path(each).resolve()) for each in (_duckdb.__file__, Path(pa.__file__).parent)]
    with suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        for start, end in code_of(MAPS.read_bytes().splitlines(), paths):
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)


def code_of(lines: Iterable[bytes], paths: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of the large mappings of code of files at or below *paths*; *lines* are of maps."""
    starts = tuple(map(os.fsencode, paths))
    for line in lines:
        # Addresses, permissions, offset, device, inode, and the path if there is one.
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[1] == CODE and fields[5].startswith(starts):
            start, end = (int(address, 16) for address in fields[0].split(b"-"))
            if end - start >= LEAST_BYTES:
                yield start, end
