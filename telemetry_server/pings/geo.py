"""The country that an address is in, by a database of the operator's; the address itself is not kept."""

from pathlib import Path
from typing import Any, Protocol


class GeoDatabaseError(Exception):
    """The database cannot be used; one line for the operator."""


class GeoLookup(Protocol):
    """Knows where addresses are."""

    def find(self, address: str) -> dict[str, str]:
        """What is known of *address*: ``country`` (two letters), ``subdivision1``; empty if nothing is."""


class GeoDatabase:
    """
    A MaxMind DB file, open for reading.

    Cities are left out: of a small one, a city is close to a name.
    """

    def __init__(self, path: Path) -> None:
        """
        Open *path*.

        Raises:
            GeoDatabaseError: The reader is not installed, or the file is no such database.
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
