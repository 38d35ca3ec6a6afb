"""The lookup of countries in a database of the operator; here a tiny one."""

import struct
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.pings.geo import GeoDatabase, GeoDatabaseError

MARKER = b"\xab\xcd\xefMaxMind.com"


def encoded(value: Any) -> bytes:
    """Return *value* in the MaxMind DB format: maps, lists, short texts, small numbers."""
    if isinstance(value, str):
        return bytes([0x40 | len(value.encode())]) + value.encode()
    if isinstance(value, dict):
        return bytes([0xE0 | len(value)]) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(encoded, value))
    return b"\xa2" + struct.pack(">H", value)  # uint16


def database(path: Path, found: Any) -> Path:
    """Return a database in which all addresses of 128/1 have *found*, and the others nothing."""
    nodes = 1
    tree = (nodes).to_bytes(3, "big") + (nodes + 16).to_bytes(3, "big")
    metadata = {
        "node_count": nodes,
        "record_size": 24,
        "ip_version": 4,
        "database_type": "test",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "description": {"en": "test"},
    }
    path.write_bytes(tree + bytes(16) + encoded(found) + MARKER + encoded(metadata))
    return path


@pytest.mark.parametrize(
    ("found", "places"),
    [
        (
            {"country": {"iso_code": "CA"}, "subdivisions": [{"iso_code": "NS"}], "city": {"iso_code": "X"}},
            {"country": "CA", "subdivision1": "NS"},
        ),
        ({"country": {"iso_code": 7}, "subdivisions": {}}, {}),
        ({"country": "CA"}, {}),
    ],
)
def test_a_country_is_found_but_not_a_city(tmp_path, found, places):
    """Other fields of the database are ignored."""
    geo = GeoDatabase(database(tmp_path / "test.mmdb", found))

    assert geo.find("192.0.2.0") == places
    assert geo.find("10.0.0.0") == {}


@pytest.mark.parametrize("address", ["2001:db8::", "no address", ""])
def test_an_address_that_cannot_be_looked_up_has_no_place(tmp_path, address):
    """The lookup raises nothing, and the ping is stored."""
    assert GeoDatabase(database(tmp_path / "test.mmdb", {})).find(address) == {}


def test_an_invalid_database_gives_one_line(tmp_path):
    """The message is for the operator."""
    (tmp_path / "wrong.mmdb").write_text("no database")
    for name in ("wrong.mmdb", "missing.mmdb"):
        with pytest.raises(GeoDatabaseError) as refused:
            GeoDatabase(tmp_path / name)
        assert name in str(refused.value)
        assert "\n" not in str(refused.value)
        assert "Errno" not in str(refused.value)
