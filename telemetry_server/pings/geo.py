"""The country of an address, from the operator's database; the address itself is not stored."""

from pathlib import Path
from typing import Any, Protocol


class GeoDatabaseError(Exception):
    """The database cannot be used; the message is one line for the operator."""


class GeoLookup(Protocol):
    """Finds the places of addresses."""

    def find(self, address: str) -> dict[str, str]:
        """The ``country`` (two letters) and ``subdivision1`` of *address*; empty if unknown."""


class GeoDatabase:
    """
    A MaxMind DB file, open for reading.

    Cities are omitted: a small city nearly identifies a person.
    """

    def __init__(self, path: Path) -> None:
        """
        Open *path*.

        Raises:
            GeoDatabaseError: The reader is not installed, or the file is not a MaxMind DB.
        """
        try:
            import maxminddb
        except ImportError:
            raise GeoDatabaseError(
                "reading it needs maxminddb: pip install 'telemetry-server[geo]'"
            ) from None
        try:
            self._reader: Any = maxminddb.open_database(str(path), maxminddb.MODE_MEMORY)
        except OSError as error:
            raise GeoDatabaseError(f"{path} cannot be read: {error.strerror}") from None
        except maxminddb.InvalidDatabaseError as error:
            raise GeoDatabaseError(f"{path}: {error}") from None

    def find(self, address: str) -> dict[str, str]:
        """Return the fields of the place of *address*; empty if it is unknown."""
        try:
            found = self._reader.get(address)
        except (ValueError, TypeError):
            return {}
        return _places(found) if isinstance(found, dict) else {}


def _places(found: dict[str, Any]) -> dict[str, str]:
    places: dict[str, str] = {}
    country = found.get("country")
    if isinstance(country, dict) and isinstance(country.get("iso_code"), str):
        places["country"] = country["iso_code"]
    subdivisions = found.get("subdivisions")
    if isinstance(subdivisions, list):
        for number, subdivision in enumerate(subdivisions[:2], start=1):
            if isinstance(subdivision, dict) and isinstance(subdivision.get("iso_code"), str):
                places[f"subdivision{number}"] = subdivision["iso_code"]
    return places
