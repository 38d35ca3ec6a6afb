"""The contact that an installation structure carries, apart from the structure."""

from typing import Any

import orjson

from telemetry_server.fuel.documents.failure_schema import MAX_CONTACT_CHARACTERS

NAMES = ("name", "email", "company")


def contact_in(structure: dict[str, Any]) -> bytes | None:
    """Return the contact in ``user_information`` as JSON; None where the user has given none."""
    given = structure.get("user_information")
    if not isinstance(given, dict) or given.get("contact_info_provided") is not True:
        return None
    contact = {name: printable(given.get(name)) for name in NAMES}
    return orjson.dumps(contact) if any(contact.values()) else None


def printable(value: object) -> str | None:
    """Return a text on one line of printable characters, cut; None where nothing is left of it."""
    words = " ".join(value.split()) if isinstance(value, str) else ""
    return "".join(c for c in words if c.isprintable())[:MAX_CONTACT_CHARACTERS] or None
