"""Dimensions and their allowed values: which partition a record belongs to (StorageLayout.md)."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import BadPartitionSchema
from storage.partitions.value_order import Bound, is_bound, is_within

OTHER = "OTHER"
UNKNOWN = "UNKNOWN"
SUBMISSION_DATE = "submission_date"
SCHEMA_VERSION = 1
MAX_DIMENSIONS = 16

REASONS = (
    "idle-daily",
    "saved-session",
    "android-anr-report",
    "ftu",
    "loop",
    "flash-video",
    "appusage",
    "main",
)
APP_NAMES = ("Firefox", "Fennec", "Thunderbird", "FirefoxOS", "B2G")
# The original server's four channels, then those of later clients: Firefox ESR and Glean applications.
CHANNELS = (
    *("release", "beta", "nightly", "aurora"),
    *("esr", "debug", "development", "staging", "production"),
)

_FIELD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Anything:
    """Every value is allowed."""

    def allows(self, value: str) -> bool:
        """Return True: every value is allowed."""
        return True

    def as_json(self) -> Any:
        """Return the JSON form in a partition schema."""
        return "*"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The listed values are allowed; a single value needs no list."""

    values: tuple[str, ...]

    def allows(self, value: str) -> bool:
        """Return whether *value* is in the list."""
        return value in self.values

    def as_json(self) -> Any:
        """Return the JSON form in a partition schema."""
        return list(self.values)


@dataclass(frozen=True, slots=True)
class Between:
    """Values from *minimum* to *maximum* are allowed, both included, in their own order."""

    minimum: Bound | None
    maximum: Bound | None

    def allows(self, value: str) -> bool:
        """Return whether *value* is within the bounds."""
        return is_within(value, self.minimum, self.maximum)

    def as_json(self) -> Any:
        """Return the JSON form in a partition schema."""
        bounds = {"min": self.minimum, "max": self.maximum}
        return {name: bound for name, bound in bounds.items() if bound is not None}


Allowed = Anything | OneOf | Between


@dataclass(frozen=True, slots=True)
class Dimension:
    """One level of folders: the field that fills it, and the values that get a folder of their own."""

    field_name: str
    allowed: Allowed
    any_value_of: tuple[str, ...] = ()  # values of `appName` whose records may have any value here

    def value_of(self, value: str | None, app_name: str | None = None) -> str:
        """
        Return the value that a record is filed under: *value*, `UNKNOWN` for a missing one, or `OTHER`.

        Args:
            app_name: The record's `appName`, for `any_value_of`.
        """
        if value is not None and app_name in self.any_value_of:
            return value
        value = value or UNKNOWN
        return value if self.allowed.allows(value) else OTHER

    def as_json(self) -> dict[str, Any]:
        """Return the dimension in the form that `parse_schema` reads."""
        described = {"field_name": self.field_name, "allowed_values": self.allowed.as_json()}
        return described | ({"any_value_of": list(self.any_value_of)} if self.any_value_of else {})


@dataclass(frozen=True, slots=True)
class PartitionSchema:
    """The dimensions of the partitions, outermost first, below the folder of the day."""

    dimensions: tuple[Dimension, ...]
    version: int = SCHEMA_VERSION

    @classmethod
    def default(
        cls, extra_reasons: Iterable[str] = (), extra_app_names: Iterable[str] = ()
    ) -> "PartitionSchema":
        """
        Return the five default dimensions, with their allowed values.

        Args:
            extra_reasons: Registered doctypes, allowed as well.
            extra_app_names: Registered namespaces, allowed as well, and with them every channel
                that their pings name.
        """
        own_channels = tuple(dict.fromkeys(extra_app_names))
        return cls(
            (
                Dimension("reason", OneOf(_united(REASONS, extra_reasons))),
                Dimension("appName", OneOf(_united(APP_NAMES, own_channels))),
                Dimension("appUpdateChannel", OneOf(CHANNELS), own_channels),
                Dimension("appVersion", Anything()),
                Dimension("appBuildID", Anything()),
            )
        )

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields whose values name the levels below the day's folder."""
        return tuple(dimension.field_name for dimension in self.levels)

    @property
    def levels(self) -> tuple[Dimension, ...]:
        """The dimensions that are folder levels below the day, which is always the first level."""
        return tuple(d for d in self.dimensions if d.field_name != SUBMISSION_DATE)

    def values_of(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the values that a record with these *fields* is filed under, one for each level."""
        app_name = value_text(fields.get("appName"))
        return tuple(
            [
                dimension.value_of(value_text(fields.get(dimension.field_name)), app_name)
                for dimension in self.dimensions
                if dimension.field_name != SUBMISSION_DATE
            ]
        )

    def apply(self, values: Sequence[str | None]) -> tuple[str, ...]:
        """
        Return the values under which *values*, in the order of all dimensions, are filed.

        Surplus values are left out; missing ones become `OTHER`.
        """
        known = [d.value_of(v) for d, v in zip(self.dimensions, values, strict=False)]
        return (*known, *[OTHER] * (len(self.dimensions) - len(known)))

    def as_json(self) -> dict[str, Any]:
        """Return the schema in the form that `parse_schema` reads."""
        return {
            "version": self.version,
            "dimensions": [dimension.as_json() for dimension in self.dimensions],
        }


def value_text(value: Any) -> str | None:
    """Return the text of a field's value for the folder; None if it has no meaning."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return None


def parse_schema(text: str | bytes) -> PartitionSchema:
    """
    Read a schema in the form of the original server's ``telemetry_schema.json``.

    Raises:
        BadPartitionSchema: Not a valid schema; the message names the wrong part.
    """
    schema = PartitionSchema(parse_dimensions(text))
    if not 1 <= len(schema.levels) <= MAX_DIMENSIONS:
        raise BadPartitionSchema(
            f"partition schema: 1 to {MAX_DIMENSIONS} dimensions beside {SUBMISSION_DATE}"
        )
    return schema


def parse_dimensions(text: str | bytes, subject: str = "partition schema") -> tuple[Dimension, ...]:
    """
    Read the dimensions of a document in the form of a schema; it may have none.

    Args:
        subject: Names the document in messages.

    Raises:
        BadPartitionSchema: Not such a document; the message names the wrong part.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadPartitionSchema(f"{subject}: invalid JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("dimensions"), list):
        raise BadPartitionSchema(f'{subject}: must be an object with a list "dimensions"')
    if type(document.get("version")) is not int or document["version"] != SCHEMA_VERSION:
        raise BadPartitionSchema(f'{subject}: "version" must be {SCHEMA_VERSION}')
    dimensions = tuple(
        _dimension(f"{subject}: dimensions[{place}]", each)
        for place, each in enumerate(document["dimensions"])
    )
    names = [dimension.field_name for dimension in dimensions]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise BadPartitionSchema(f'{subject}: "{repeated}" is a dimension twice')
    return dimensions


def _dimension(where: str, described: Any) -> Dimension:
    if not isinstance(described, dict) or set(described) - {"any_value_of"} != {
        "field_name",
        "allowed_values",
    }:
        raise BadPartitionSchema(f'{where}: must be an object of "field_name" and "allowed_values"')
    name = described["field_name"]
    if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
        raise BadPartitionSchema(f"{where}.field_name: must be 1 to 64 letters, digits or _ . -")
    any_value_of = described.get("any_value_of", [])
    if not isinstance(any_value_of, list) or not all(isinstance(value, str) for value in any_value_of):
        raise BadPartitionSchema(f"{where}.any_value_of: must be a list of strings")
    return Dimension(
        name, _allowed(f"{where}.allowed_values", described["allowed_values"]), tuple(any_value_of)
    )


def _allowed(where: str, described: Any) -> Allowed:
    if described == "*":
        return Anything()
    if isinstance(described, str):
        return OneOf((described,))
    if isinstance(described, list) and all(isinstance(value, str) for value in described):
        return OneOf(tuple(described))
    if isinstance(described, dict) and described and set(described) <= {"min", "max"}:
        for name, bound in described.items():
            if not is_bound(bound):
                raise BadPartitionSchema(f"{where}.{name}: must be a number, a date or a version")
        return Between(described.get("min"), described.get("max"))
    raise BadPartitionSchema(
        f'{where}: must be "*", a string, a list of strings, or an object of min and max'
    )


def _united(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *second]))
