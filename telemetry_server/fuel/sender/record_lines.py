"""Records documents from JSON lines, for products that keep their own list of them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import orjson

from telemetry_server.fuel.documents.values import date_of
from telemetry_server.fuel.sender_state.documents import Kind, put
from telemetry_server.fuel.sender_state.state_file import STRUCTURE, StateFile

MAX_ID = 2**63 - 1
STRUCTURE_KIND = "installation_structure"
KINDS = (*(str(kind) for kind in Kind), STRUCTURE_KIND)


class BadLine(Exception):
    """A line cannot be recorded; the text says which and why."""


def record_lines(state: StateFile, kind: str, lines: Iterable[bytes], today: date) -> int:
    """
    Record every line of *lines*, or none of them; return how many there were.

    A line is the item as it is sent, without `master_node_uid`.

    Raises:
        BadLine: As named.
    """
    items = [_item(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if kind == STRUCTURE_KIND:
        for item in items:
            state.set_fact(STRUCTURE, orjson.dumps(item).decode())
        return len(items)
    with state.writing() as connection:
        for number, item in enumerate(items, 1):
            _put(connection, Kind(kind), item, number, today)
    return len(items)


def _put(connection: Any, kind: Kind, item: dict[str, Any], number: int, today: date) -> None:
    name = "id" if kind is Kind.OSWL_STATS else "external_id"
    external_id = _whole(item.get(name), number, name)
    if kind is Kind.OSWL_STATS:
        day = date_of(str(item.get("created_date", ""))) or today
        put(connection, kind, item, external_id=external_id, day=day, recorded_on=today)
    elif kind is Kind.OSTF_RUNS:
        cluster_id = _whole(item.get("cluster_id"), number, "cluster_id")
        put(connection, kind, item, external_id=external_id, cluster_id=cluster_id, day=today)
    else:
        body = item.get("body")
        if not isinstance(body, dict):
            raise BadLine(f"line {number}: body must be an object")
        is_complete = body.get("action_type") != "nailgun_task" or bool(body.get("end_timestamp"))
        put(connection, kind, item, external_id=external_id, day=today, is_complete=is_complete)


def _item(number: int, line: bytes) -> dict[str, Any]:
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLine(f"line {number}: not JSON: {error.msg}") from None
    if not isinstance(item, dict):
        raise BadLine(f"line {number}: must be an object")
    item.pop("master_node_uid", None)
    return item


def _whole(value: object, number: int, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return value
    raise BadLine(f"line {number}: {name} must be a whole number")
