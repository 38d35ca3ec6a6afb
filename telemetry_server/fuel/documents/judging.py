"""
Judges the items of a request one by one: a row to store, an unfinished task, or a refusal with its reason.

Nothing here reads a database.  An item that is refused never affects its neighbours.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from telemetry_server.fuel.documents.checking import (
    action_log_checkers,
    ostf_checker,
    oswl_checker,
    structure_checker,
)
from telemetry_server.fuel.documents.doctypes import MAX_INDEXED_CHARACTERS, BatchForm, Doctype
from telemetry_server.fuel.documents.private_values import Leak
from telemetry_server.fuel.documents.redaction import NestedTooDeeply, redacted, redacted_text
from telemetry_server.fuel.documents.refusals import refused_item
from telemetry_server.fuel.documents.rows import ActionLog, HealthCheckRun, Refused, Row, Workload
from telemetry_server.fuel.documents.values import date_of, moment_of, storable, time_of
from telemetry_server.pings.json_text import json_of


class BadItem(Exception):
    """The item cannot be stored; the text says why."""


@dataclass(slots=True)
class Judged:
    """The items of one request; of equal keys the last good item counts."""

    rows: dict[Hashable, Row] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    leaks: Counter[Leak] = field(default_factory=Counter)


def judge_items(form: BatchForm, items: list[Any], *, is_plain: bool) -> Judged:
    """
    Return what is to become of *items*.

    Args:
        is_plain: Whether the request had no text that a database cannot store (`storable`).
    """
    row_of = _ROW_OF[form.doctype]
    judged = Judged()
    for item in items:
        try:
            problem = None if is_plain else storable(item)
            if problem is not None:
                raise BadItem(problem)
            row = row_of(item, judged.leaks)
        except BadItem as error:
            judged.refused.append(refused_item(form, item, str(error)))
            continue
        judged.rows.pop(row.key, None)
        judged.rows[row.key] = row
    return judged


def _action_log(item: Any, leaks: Counter[Leak]) -> ActionLog:
    body = item.get("body") if isinstance(item, dict) else None
    action_type = body.get("action_type") if isinstance(body, dict) else None
    checker = action_log_checkers().get(action_type) if isinstance(action_type, str) else None
    if checker is None:
        if isinstance(body, dict):
            raise BadItem("body.action_type: must be http_request or nailgun_task")
        checker = action_log_checkers()["http_request"]
    _check(checker, item)
    assert isinstance(body, dict) and isinstance(action_type, str)  # the schema says so
    uid = plain_uid(item["master_node_uid"])
    cleaned = clean(body, leaks)
    extra = None
    if len(item) > 3:
        rest = {name: value for name, value in item.items() if name not in _LOG_KEYS}
        extra = _json(clean(rest, leaks))
    is_finished = action_type == "http_request" or bool(body.get("end_timestamp"))
    return ActionLog(
        uid,
        item["external_id"],
        action_type,
        _indexed(cleaned.get("action_name")),
        _json(cleaned),
        extra,
        is_finished,
    )


_LOG_KEYS = frozenset({"master_node_uid", "external_id", "body"})


def _workload(item: Any, leaks: Counter[Leak]) -> Workload:
    _check(oswl_checker(), item)
    created_date, updated_time = date_of(item["created_date"]), time_of(item["updated_time"])
    if created_date is None:
        raise BadItem("created_date: must be a date like 2026-02-02")
    if updated_time is None:
        raise BadItem("updated_time: must be a time like 10:15:00")
    version_info = item.get("version_info")
    return Workload(
        plain_uid(item["master_node_uid"]),
        item["id"],
        item["cluster_id"],
        created_date,
        updated_time,
        item["resource_type"],
        _json(clean(item["resource_data"], leaks)),
        redacted_text(item["resource_checksum"], leaks, field="resource_checksum"),
        None if version_info is None else _json(clean(version_info, leaks)),
    )


def _health_check_run(item: Any, leaks: Counter[Leak]) -> HealthCheckRun:
    _check(ostf_checker(), item)
    moments = []
    for name in ("started_at", "ended_at"):
        moment = moment_of(item.get(name))
        if item.get(name) is not None and moment is None:
            raise BadItem(f"{name}: must be a time stamp like 2026-02-02T10:15:00Z")
        moments.append(moment)
    uid = plain_uid(item["master_node_uid"])
    cleaned = clean({name: value for name, value in item.items() if name != "master_node_uid"}, leaks)
    return HealthCheckRun(
        uid,
        item["cluster_id"],
        item["external_id"],
        cleaned["testset"],
        cleaned["status"],
        moments[0],
        moments[1],
        _json(cleaned),
    )


def judged_structure(structure: Any, leaks: Counter[Leak], *, is_plain: bool) -> dict[str, Any]:
    """
    Return an installation structure as it is stored: checked, without contact and private values.

    Raises:
        BadItem: It does not fit its schema, or cannot be stored.
    """
    problem = (None if is_plain else storable(structure)) or structure_checker().problem(structure)
    if problem is not None:
        raise BadItem(f"installation_structure: {problem}")
    plain_uid(structure["master_node_uid"])
    contact = structure.get("user_information")
    if contact is not None:
        is_given = isinstance(contact, dict) and contact.get("contact_info_provided") is True
        structure = structure | {"user_information": {"contact_info_provided": is_given}}
    cleaned: dict[str, Any] = clean(structure, leaks)
    return cleaned


def _check(checker: Any, item: Any) -> None:
    if not checker.accepts(item):
        raise BadItem(checker.problem(item) or "does not fit its schema")


def plain_uid(uid: str) -> str:
    """Return *uid*; a private value cannot be taken out of a key, so such an item is refused."""
    found: Counter[Leak] = Counter()
    redacted_text(uid, found, field="master_node_uid")
    if found:
        raise BadItem(f"master_node_uid: looks like a private value ({', '.join(sorted(found))})")
    return uid


def clean(value: dict[str, Any], leaks: Counter[Leak]) -> Any:
    """Return *value* without private values; raises `BadItem` where it is nested too deeply."""
    try:
        return redacted(value, leaks)
    except NestedTooDeeply as error:
        raise BadItem(str(error)) from None


def _indexed(text: str | None) -> str | None:
    return None if text is None else text[:MAX_INDEXED_CHARACTERS]


def _json(value: Any) -> str:
    return json_of(value).decode()


_ROW_OF: dict[Doctype, Callable[[Any, Counter[Leak]], Row]] = {
    Doctype.ACTION_LOG: _action_log,
    Doctype.OSWL: _workload,
    Doctype.OSTF_RUN: _health_check_run,
}
