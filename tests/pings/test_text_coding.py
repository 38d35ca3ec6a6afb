"""A body in another encoding is refused with the name of the encoding or the position of the bad byte."""

import base64
import bz2
import gzip
import lzma
import zlib

import pytest

from storage.partitions.frames import zstd
from telemetry_server.pings.errors import CorruptGzip, InvalidJson
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import parse_object
from tests.support.shared_data import shared_trials

TEXT = '{"ver": 1, "info": {"reason": "idle-daily", "appName": "Firefox"}}'
JSON = TEXT.encode()
GZIP = gzip.compress(JSON)
LATIN_1 = b'{"city": "K\xf6ln"}'


def raw_deflate(text: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(text) + compressor.flush()


def detail_of(body: bytes) -> str:
    with pytest.raises(InvalidJson) as caught:
        parse_object(inflate(body).data)
    return caught.value.detail


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (zlib.compress(JSON), "deflate"),
        (zlib.compress(JSON, 1), "deflate"),
        (raw_deflate(JSON), "deflate"),
        (zstd.compress(JSON), "zstd"),
        (lzma.compress(JSON), "xz"),
        (bz2.compress(JSON), "bzip2"),
        (base64.b64encode(GZIP), "gzip in base64"),
        (GZIP.decode("latin-1").encode(), "gzip that was encoded again"),
        (GZIP.decode("utf-8", "replace").encode(), "gzip that was decoded as text"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (TEXT.encode("utf-32-be"), "UTF-32"),
        (gzip.compress(zstd.compress(JSON)), "zstd"),
        (gzip.compress(TEXT.encode("utf-16")), "UTF-16"),
    ],
)
def test_the_probable_encoding_of_a_body_is_named(body, name):
    assert detail_of(body).startswith(f"the bytes look like {name}")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (LATIN_1, "byte 11 is not UTF-8: the text looks like Latin-1, send UTF-8"),
        (gzip.compress(LATIN_1), "byte 11 is not UTF-8: the text looks like Latin-1, send UTF-8"),
        (b"\xef\xbb\xbf" + LATIN_1, "byte 14 is not UTF-8: the text looks like Latin-1, send UTF-8"),
        (b'{"a": "\xe2\x82', "byte 7 is not UTF-8: the text ends within a character"),
        (b'{"a": "\xc0\xaf"}', "byte 7 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "byte 7 is not UTF-8"),
    ],
)
def test_the_first_byte_that_is_not_utf_8_is_named(body, detail):
    """Counted from the start of the text, after inflating gzip."""
    assert detail_of(body) == detail


@pytest.mark.parametrize("body", [b'{"a": 1,}', b"hello", b"xx", b'{"a": NaN}', b"\x00", b"\x08\x1d"])
def test_for_invalid_json_no_encoding_is_named(body):
    assert detail_of(body).rpartition(" ")[0].endswith("at byte")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("body-deflate.bin", "deflate"),
        ("body-zstd.bin", "zstd"),
        ("body-utf16.bin", "UTF-16"),
        ("body-latin1.bin", "byte 164 "),
    ],
)
def test_the_encoding_of_trial_bodies_is_named(name, words):
    assert words in detail_of(shared_trials(name).read_bytes())


@pytest.mark.parametrize(("position", "words"), [(2, "method"), (3, "flags"), (-5, "data check")])
def test_the_damaged_byte_of_a_gzip_body_is_named(position, words):
    body = bytearray(GZIP)
    body[position] ^= 0xE1
    with pytest.raises(CorruptGzip, match=words) as caught:
        inflate(bytes(body))

    found = int(caught.value.detail.partition("at byte ")[2].partition(":")[0])
    assert abs(found - position % len(body)) <= 4


def test_the_end_of_a_truncated_gzip_body_is_named():
    with pytest.raises(CorruptGzip, match=f"ends early, after {len(GZIP) - 9} bytes"):
        inflate(GZIP[:-9])
