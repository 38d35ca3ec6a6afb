# ruff: noqa: E501 - many cases a line keep the table readable
"""
Damaged submissions: the n-th of a seed is always the same.

The text of a well-formed ping is mutated and packed, and the packed bytes may be mutated too;
sometimes the path is mutated.  The server decides on the outcome.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random
from re import compile as compile_pattern
from typing import Any
from uuid import UUID

import orjson

from telemetry_server.generator.definitions import Definitions, shipped_definitions
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.stream import Recipe

try:  # as the server does
    from isal import igzip as quick_gzip
except ImportError:
    import gzip as quick_gzip

ODD_NUMBERS = (
    b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"1e999999999", b"-0", b"-0.0", b"00", b"01",
    b"+1", b"1.", b".5", b"1e", b"0x10", b"1_000", b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808",
    b"-9223372036854775809", b"9223372036854775807", b"9223372036854775808", b"9" * 400, b"0." + b"1" * 5000, b"true", b"null",
    b'"1"', b"[]", b"{}", b"-1", b"1.5", b"1e3", b"2.0", "٣".encode(),
)  # fmt: skip
ODD_STRINGS = (
    b'""', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\x00"', b'"\xff\xfe"', b'"\xc0\xaf"', b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"', b'"\\x41"', b'"\t"', b'"\\u12"', b'"../../etc/passwd"', b'"a\\u0000/../b"', b'"' + b"x" * 70_000 + b'"',
    b"'single'", '"\u202e\u2028"'.encode(), b'"\\\\\\"', b"null", b"7", b"[[]]", b'"hg.mozilla.org/rev/tip"',
)  # fmt: skip
ODD_KEYS = (
    "",
    "__proto__",
    "metadata",
    "values",
    "info",
    "\x00",
    "k" * 3000,
    "\ud7ff",
    "clientId",
    "ver",
    "histograms",
    "0" * 30,
)
ORIGINALS = 16  # of each layout
DEPTHS = (3, 61, 62, 63, 64, 65, 66, 1000, 100_000)


@dataclass(frozen=True)
class Mutant:
    """One submission."""

    document_id: str
    path: str
    body: bytes


@cache
def definitions() -> Definitions:
    """Return the histogram definitions of the pings."""
    return shipped_definitions()


@cache
def _originals(seed: int) -> tuple[tuple[str, bytes], ...]:
    """Return path templates and texts of generated pings, some of them malformed on purpose."""
    originals = []
    for layout in Layout:
        recipe = Recipe(definitions(), seed=seed, malformed_rate=0.3, layout=layout)
        for ping in recipe.pings(ORIGINALS):
            try:
                text = zlib.decompress(ping.body, 31)
            except zlib.error:
                continue
            # A few keep all their histograms; smaller texts make the others quicker to convert.
            text = text if ping.index < ORIGINALS // 4 else _with_fewer_histograms(text, ping.index)
            originals.append((ping.path.replace(ping.document_id, "{}"), text))
    small = {"ping_info": {"seq": seed}, "client_info": {"app_channel": "x"}, "metrics": {}}
    originals += [("/submit/my-app/baseline/1/{}", orjson.dumps(small))] * (ORIGINALS // 5)
    return tuple(originals)


def _with_fewer_histograms(text: bytes, seed: int) -> bytes:
    chance = Random(seed)
    try:
        whole = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if not isinstance(whole, dict):
        return text
    for holder in (whole, whole.get("payload")):
        if isinstance(holder, dict) and isinstance(found := holder.get("histograms"), dict):
            holder["histograms"] = {name: found[name] for name in found if chance.random() < 0.1}
    return orjson.dumps(whole)


def _well_formed(chance: Random, seed: int) -> tuple[str, str, bytes]:
    """Return the id, path and text of a ping before any mutation."""
    document_id = str(UUID(int=chance.getrandbits(128), version=4))
    path, text = chance.choice(_originals(seed))
    return document_id, path.replace("{}", document_id), text


# -- mutations of the text


def _flip_bits(chance: Random, data: bytes) -> bytes:
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if spoilt:
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


def _cut(chance: Random, data: bytes) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeat_a_part(chance: Random, data: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:end] + data[start : min(end, start + 2000)] + data[end:]


def _insert_bytes(chance: Random, data: bytes) -> bytes:
    place = chance.randint(0, len(data))
    return data[:place] + chance.randbytes(chance.randint(1, 20)) + data[place:]


def _replace_one(chance: Random, data: bytes, pattern: bytes, values: tuple[bytes, ...]) -> bytes:
    # The first match after a random position: listing all matches would be slower than the server.
    place = compile_pattern(pattern).search(data, chance.randint(0, len(data)))
    if place is None:
        return data + chance.choice(values)
    return data[: place.start(1)] + chance.choice(values) + data[place.end(1) :]


def _odd_number(chance: Random, data: bytes) -> bytes:
    return _replace_one(chance, data, rb"[:\[,](-?\d[\d.eE+-]*)", ODD_NUMBERS)


def _odd_string(chance: Random, data: bytes) -> bytes:
    return _replace_one(chance, data, rb'[:\[,]("[^"]*")', ODD_STRINGS)


def _duplicate_key(chance: Random, data: bytes) -> bytes:
    place = compile_pattern(rb'("[^"]+"):').search(data, chance.randint(0, len(data)))
    if place is None:
        return data
    again = place[1] + b":" + chance.choice((*ODD_NUMBERS, *ODD_STRINGS)) + b","
    return data[: place.start()] + again * chance.choice((1, 1, 50)) + data[place.start() :]


def _nest(chance: Random, data: bytes) -> bytes:
    depth = chance.choice(DEPTHS)
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = opening * depth + b"1" + closing * (depth if chance.random() < 0.8 else depth - 1)
    return _replace_one(chance, data, rb":(-?\d+)", (nested,))


def _many_keys(chance: Random, data: bytes) -> bytes:
    count = chance.choice((100, 5_000, 25_000))
    extra = b",".join(b'"k%d":%d' % (number, number) for number in range(count))
    return data.rstrip()[:-1] + b',"extra":{' + extra + b"}}"


def _change_structure(chance: Random, data: bytes) -> bytes:
    """Remove, replace or rename a random value of the parsed object."""
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        return data
    if not isinstance(whole, dict | list):
        return data
    holder: Any = whole
    for _ in range(chance.randint(0, 6)):
        inner = list(holder.values()) if isinstance(holder, dict) else list(holder)
        inner = [value for value in inner if isinstance(value, dict | list) and value]
        if not inner:
            break
        holder = chance.choice(inner)
    odd = chance.choice((None, True, [], {}, "", "x", -1, 2**63, 1.5, [[[]]], {"values": {}}, {"0": -1}))
    if isinstance(holder, list) and holder:
        holder[chance.randrange(len(holder))] = odd
    elif isinstance(holder, dict) and holder:
        key = chance.choice(list(holder))
        action = chance.randrange(3)
        value = holder.pop(key)
        if action == 1:
            holder[key] = odd
        elif action == 2:
            holder[chance.choice(ODD_KEYS)] = value
    try:
        return orjson.dumps(whole)
    except TypeError:
        return data  # nested deeper than orjson can write


def _other_texts(chance: Random, data: bytes) -> bytes:
    return chance.choice(
        (
            b"", b"{}", b"[]", b"null", b'"text"', b"\xef\xbb\xbf" + data, data.decode("utf-8", "replace").encode("utf-16"), data + data,
            b" " * 100_000 + data, data + b"\x00" * 100, b"{" * 50_000, b'{"a":' * 50_000, b'[{"a":' * 30_000, b"\x00" * 5000, b"<html>",
            chance.randbytes(3000), b"--x\r\nContent-Disposition: form-data\r\n\r\n" + data,
        )
    )  # fmt: skip


TEXT_MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip_bits, _cut, _repeat_a_part, _insert_bytes, _odd_number, _odd_number, _odd_string, _odd_string, _duplicate_key,
    _nest, _many_keys, _change_structure, _change_structure, _change_structure, _other_texts,
)  # fmt: skip


# -- packing, and mutations of the packed bytes


def _gzip(data: bytes, level: int = 0) -> bytes:
    return bytes(quick_gzip.compress(data, level, mtime=0))


def _members(chance: Random, data: bytes) -> bytes:
    count = chance.randint(2, 6)
    step = len(data) // count + 1
    return b"".join(_gzip(data[start : start + step]) for start in range(0, count * step, step))


def _bomb(chance: Random, data: bytes) -> bytes:
    filler = chance.choice((b" ", b"[", b"\x00"))
    return _gzip(data + filler * chance.choice((1 << 20, 1 << 20, 7 << 20, 9 << 20)), 2)


def _bomb_of_members(chance: Random, _data: bytes) -> bytes:
    return _gzip(b"0" * chance.choice((0, 100, 3 << 20)), 2) * chance.choice((4, 5, 500))


def _layers(chance: Random, data: bytes) -> bytes:
    for _ in range(chance.randint(2, 4)):
        data = _gzip(data)
    return data


def _odd_header(chance: Random, data: bytes) -> bytes:
    packed = bytearray(_gzip(data))
    packed[chance.randrange(2, 10)] = chance.randrange(256)
    return bytes(packed)


PACKINGS: tuple[Callable[[Random, bytes], bytes], ...] = (
    lambda _, data: data,
    lambda _, data: _gzip(data),
    lambda _, data: _gzip(data),
    lambda _, data: _gzip(data),
    _members,
    _layers,
    _bomb,
    _bomb_of_members,
    _odd_header,
    lambda _, data: zlib.compress(data, 1),
    lambda chance, data: _gzip(data) + chance.randbytes(chance.randint(1, 50)),
    lambda chance, data: _cut(chance, _gzip(data)),
    lambda chance, data: _flip_bits(chance, _gzip(data)),
    lambda _, data: b"\x1f\x8b" + data,
)


def _mutated_path(chance: Random, path: str) -> str:
    place = chance.randrange(8, len(path))
    odd = chance.choice(
        ("/", "//", "%00", "%2e%2e%2f", "..", "?", "%ff", "{", "~", "A" * 130, "%E2%80%AE", ";x=1")
    )
    return path[:place] + odd + path[place:]


def mutant(seed: int, index: int) -> Mutant:
    """Return submission *index* of *seed*, with up to a few faults in its text, packing or path."""
    chance = Random(f"{seed}/{index}")
    document_id, path, text = _well_formed(chance, seed)
    for _ in range(chance.choice((0, 1, 1, 1, 2))):
        text = chance.choice(TEXT_MUTATIONS)(chance, text)
    body = chance.choice(PACKINGS)(chance, text[: 900 << 10])
    if chance.random() < 0.05:
        path = _mutated_path(chance, path)
    return Mutant(document_id, path, body[: 1 << 20])
