"""Values are encoded as "Thrift Compact protocol encoding" says."""

import pytest

from storage.tables.parquet.thrift import binary, i16, i32, i64, list_of, structure


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (i32(0), "00"),
        (i32(-1), "01"),
        (i32(1), "02"),
        (i16(-64), "7f"),
        (i32(64), "8001"),
        (i64(2**40), "808080808040"),
        (i64(-(2**63)), "ffffffffffffffffff01"),
        (binary("é"), "02c3a9"),
        (binary(b""), "00"),
        (list_of([i32(1), i32(2)]), "250204"),
        (list_of([i32(0)] * 15), "f50f" + "00" * 15),
        (list_of([]), "0c"),
        (structure({}), "00"),
        (structure({1: i32(1), 2: None, 3: binary("a")}), "150228016100"),
        (structure({2: structure({1: i64(1)})}), "2c16020000"),
    ],
)
def test_a_value_is_encoded(value, data):
    """Expected bytes were made by hand."""
    assert value.data.hex() == data


@pytest.mark.parametrize("fields", [{1: i32(1), 17: i32(1)}, {0: i32(1)}, {2: i32(1), 1: i32(1)}])
def test_fields_must_follow_each_other(fields):
    """A longer step has another form, which Parquet does not need."""
    with pytest.raises(ValueError, match="does not follow"):
        structure(fields)
