#!/usr/bin/env bash
# isal 1.9.1: isal_zlib.decompressobj() is offered as a faster zlib.decompressobj().
# Expected: a gzip stream decompresses alike however it is cut into parts, as with zlib.
# Seen: a valid stream fails if its first part ends inside a header that has a checksum (FHCRC), or that has two of
# the fields FEXTRA, FNAME and FCOMMENT.  The whole stream in one part is read.  One field alone does no harm:
#   FNAME           1 part: read   cut after 10 bytes: read
#   FHCRC           1 part: read   cut after 10 bytes: Error -6 Incorrect checksum found
#   FEXTRA, FNAME   1 part: read   cut after 10 bytes: Error -1 Invalid deflate block found
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet isal==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import zlib

from isal import isal_zlib

TEXT = b"a ping " * 1000
FHCRC, FEXTRA, FNAME = 2, 4, 8  # RFC 1952, 2.3.1
FIXED_HEADER_BYTES = 10
GZIP = 31


def gzip_of(flags):
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\x00\x03"
    if flags & FEXTRA:
        header += struct.pack("<H", 6) + b"ab" + struct.pack("<H", 2) + b"cd"
    if flags & FNAME:
        header += b"ping.json\0"
    if flags & FHCRC:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    deflate = zlib.compressobj(wbits=-15)
    return header + deflate.compress(TEXT) + deflate.flush() + struct.pack("<II", zlib.crc32(TEXT), len(TEXT))


def outcome(library, parts):
    inflate = library.decompressobj(GZIP)
    try:
        text = b"".join(inflate.decompress(part) for part in parts)
    except library.error as error:
        return str(error)
    return "read" if text == TEXT else "other text"


seen = {}
for name, flags in {"FNAME": FNAME, "FHCRC": FHCRC, "FEXTRA, FNAME": FEXTRA | FNAME}.items():
    data = gzip_of(flags)
    cut = [data[:FIXED_HEADER_BYTES], data[FIXED_HEADER_BYTES:]]
    assert outcome(zlib, cut) == "read"
    seen[name] = outcome(isal_zlib, [data]), outcome(isal_zlib, cut)
    print(f"{name:<15} 1 part: {seen[name][0]:<6} cut after 10 bytes: {seen[name][1]}")
assert seen["FNAME"] == ("read", "read")
assert seen["FHCRC"] == ("read", "Error -6 Incorrect checksum found")
assert seen["FEXTRA, FNAME"] == ("read", "Error -1 Invalid deflate block found")
PYTHON
echo "as described"
