"""
The columns of a table as Parquet describes them: types, paths of their values, elements of the schema.

They read like those of PyArrow's writer.

Source: parquet.thrift and LogicalTypes.md of Apache Parquet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storage.tables.parquet.kinds import Kind
from storage.tables.parquet.thrift import Value, binary, false, i32, structure

# Numbers of parquet.thrift.
BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY, FIXED_LENGTH_BYTES = 0, 1, 2, 5, 6, 7
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_UTF8, _MAP, _LIST, _DATE = 0, 1, 3, 6  # converted types
ID_BYTES = 16
_NOTHING = structure({})
_LOCAL_MICROSECONDS = structure({1: false(), 2: structure({2: _NOTHING})})


@dataclass(frozen=True, slots=True)
class _Type:
    """The type of a single value; numbers of parquet.thrift."""

    physical: int
    logical: Value | None = None
    converted: int | None = None
    length: int | None = None

    def element(self, name: str, repetition: int = _OPTIONAL) -> Value:
        """Return the element of the schema for values with this *name*."""
        return structure(
            {
                1: i32(self.physical),
                2: None if self.length is None else i32(self.length),
                3: i32(repetition),
                4: binary(name),
                6: None if self.converted is None else i32(self.converted),
                10: self.logical,
            }
        )


_TEXT = _Type(BYTE_ARRAY, structure({1: _NOTHING}), _UTF8)
_WHOLE = _Type(INT64)
_TYPES = {
    Kind.TEXT: _TEXT,
    Kind.WHOLE: _WHOLE,
    Kind.SHORT: _Type(INT32),
    Kind.NUMBER: _Type(DOUBLE),
    Kind.BOOLEAN: _Type(BOOLEAN),
    Kind.DAY: _Type(INT32, structure({6: _NOTHING}), _DATE),
    Kind.MOMENT: _Type(INT64, structure({8: _LOCAL_MICROSECONDS})),
    Kind.ID: _Type(FIXED_LENGTH_BYTES, structure({14: _NOTHING}), length=ID_BYTES),
}
_OF_LISTS = {Kind.TEXTS: _TEXT, Kind.WHOLES: _WHOLE}


def physical_type_of(kind: Kind) -> int:
    """Return the type of the values of *kind*, or of those in its lists; a number of parquet.thrift."""
    if kind is Kind.PAIRS:
        return BYTE_ARRAY
    return (_TYPES.get(kind) or _OF_LISTS[kind]).physical


def paths_of(name: str, kind: Kind) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the values of a column: one, or two of texts by text."""
    if kind is Kind.PAIRS:
        return (name, "key_value", "key"), (name, "key_value", "value")
    return ((name, "list", "element") if kind in _OF_LISTS else (name,),)


def elements_of(columns: Mapping[str, Kind]) -> list[Value]:
    """Return the schema: what holds the columns, then these."""
    elements = [structure({3: i32(_REQUIRED), 4: binary("schema"), 5: i32(len(columns))})]
    for name, kind in columns.items():
        elements += _elements_of(name, kind)
    return elements


def _elements_of(name: str, kind: Kind) -> Iterator[Value]:
    if kind is Kind.PAIRS:
        yield _group(name, _OPTIONAL, 1, converted=_MAP, logical=structure({2: _NOTHING}))
        yield _group("key_value", _REPEATED, 2)
        yield _TEXT.element("key", _REQUIRED)
        yield _TEXT.element("value")
    elif kind in _OF_LISTS:
        yield _group(name, _OPTIONAL, 1, converted=_LIST, logical=structure({3: _NOTHING}))
        yield _group("list", _REPEATED, 1)
        yield _OF_LISTS[kind].element("element")
    else:
        yield _TYPES[kind].element(name)


def _group(
    name: str, repetition: int, children: int, *, converted: int | None = None, logical: Value | None = None
) -> Value:
    return structure(
        {
            3: i32(repetition),
            4: binary(name),
            5: i32(children),
            6: None if converted is None else i32(converted),
            10: logical,
        }
    )
