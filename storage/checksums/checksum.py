"""
CRC-32C, compiled where that is possible.

The package of that name reads its own metadata when it is imported, which takes as long as 40 of our modules.
"""

try:
    from storage.checksums._crc32c import crc32c
except ImportError:
    from crc32c import crc32c

__all__ = ["crc32c"]
