"""The digest of a body, by which a repeat is distinguished from other bytes under the same id."""

from storage.checksums.checksum import crc32c
from telemetry_server.pings.inflate import crc32


def digest_of(text: bytes, crc32_of_text: int | None = None) -> int:
    """
    A signed 64-bit digest of the inflated body *text*: CRC-32C and CRC-32.

    It distinguishes a client's retry from other bytes under the same id; it does not resist forgery.

    Args:
        crc32_of_text: Computed if it is not given.
    """
    second = crc32(text) if crc32_of_text is None else crc32_of_text
    return (crc32c(text) << 32 | second) - 2**63
