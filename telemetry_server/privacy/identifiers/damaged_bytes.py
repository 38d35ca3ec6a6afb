"""The ids that can still be read in damaged bytes."""

from telemetry_server.privacy.identifiers.gzip_members import inflated_member
from telemetry_server.privacy.identifiers.uuid_texts import uuids_in

MEMBER_START = b"\x1f\x8b\x08"


def ids_in_damaged(data: bytes) -> set[bytes]:
    """Return every UUID in *data*, and in its gzip members as far as they can be inflated."""
    found = set(uuids_in(data))
    view = memoryview(data)
    place = data.find(MEMBER_START)
    while place >= 0:
        text, end = inflated_member(view[place:])
        found.update(uuids_in(text))
        place = data.find(MEMBER_START, place + (end or len(MEMBER_START)))
    return found
