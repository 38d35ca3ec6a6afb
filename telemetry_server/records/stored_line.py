"""A line of a stored record: the document id, a tab, and the record as JSON."""

from typing import Any

from telemetry_server.pings.json_text import stored_object


def split_line(line: bytes) -> tuple[str, bytes]:
    """
    Return the document id and the JSON text of *line*.

    Raises:
        ValueError: The line has no tab, or its id is not UTF-8.
    """
    document_id, tab, text = line.partition(b"\t")
    if not tab:
        raise ValueError("the line has no tab")
    return document_id.decode(), text


def parsed_record(text: bytes) -> dict[str, Any]:
    """
    Return the record in *text* as plain dicts and lists; integers keep all their digits.

    Raises:
        ValueError: *text* is not JSON.
    """
    return stored_object(text)
