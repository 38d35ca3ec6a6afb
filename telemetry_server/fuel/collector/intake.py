"""
Takes one request: parses it, checks its signature, judges its items, and stores them.

This blocks, so it runs in a thread.  What it answers with a 2xx is committed.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, exc

from telemetry_server.fuel.collector.contact_sealer import ContactSealer
from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.failure_intake import FailureIntake
from telemetry_server.fuel.collector.request_body import ParsedBody, inflated, parsed
from telemetry_server.fuel.collector.request_limits import LimitOptions, RequestLimits
from telemetry_server.fuel.collector.requests import Answer, IntakeRequest, ok
from telemetry_server.fuel.collector.signature_check import SignatureCheck
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.contacts import owner_of_uid, remove_contact, write_contact
from telemetry_server.fuel.database.faults import is_fault_of_a_row, one_line
from telemetry_server.fuel.database.known_uids import stored_uids
from telemetry_server.fuel.database.partitions import ensure_partitions, month_of
from telemetry_server.fuel.database.refused_items import write_refused
from telemetry_server.fuel.database.writes import (
    Stamp,
    Statuses,
    write_action_logs,
    write_health_check_runs,
    write_installation,
    write_workloads,
)
from telemetry_server.fuel.documents import schemas
from telemetry_server.fuel.documents.builds import BuildRules
from telemetry_server.fuel.documents.checking import Checker
from telemetry_server.fuel.documents.doctypes import (
    ACTION_LOGS,
    MAX_INDEXED_CHARACTERS,
    OSTF_RUNS,
    OSWL_STATS,
    BatchForm,
    Doctype,
    ItemStatus,
)
from telemetry_server.fuel.documents.judging import BadItem, judge_items, judged_structure
from telemetry_server.fuel.documents.refusals import refused_document, refused_row
from telemetry_server.fuel.documents.rows import Refused, Row
from telemetry_server.fuel.documents.user_information import contact_in
from telemetry_server.fuel.documents.values import storable
from telemetry_server.observability import metrics
from telemetry_server.observability.events import FuelItemsRefused, FuelRowRefused
from telemetry_server.pings.json_text import json_of

CHUNK_ITEMS = 1000
MAX_ITEMS = 10_000
Write = Callable[[Connection, Sequence[Any], Stamp], Statuses]
WRITES: dict[Doctype, Write] = {
    Doctype.ACTION_LOG: write_action_logs,
    Doctype.OSWL: write_workloads,
    Doctype.OSTF_RUN: write_health_check_runs,
}
FORMS = {"action_logs": ACTION_LOGS, "oswl_stats": OSWL_STATS, "ostf_runs": OSTF_RUNS}
# Endpoints that take one document, with the key of it.
SINGLE = {"installation_structure": "installation_structure", "failure_reports": "failure_report"}


class Signatures(StrEnum):
    """What is done with the signatures of requests."""

    OFF = "off"
    OBSERVE = "observe"  # counted
    ENFORCE = "enforce"  # 401 without a right one


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What the operator decides about the collector."""

    max_body_bytes: int = 8 << 20  # on the wire, and inflated
    checks_responses: bool = False
    signatures: Signatures = Signatures.OFF
    build_rules: Callable[[], BuildRules] = lambda: BuildRules({})
    server_version: str = ""
    contacts: ContactSealer = field(default_factory=ContactSealer)
    limits: LimitOptions = field(default_factory=LimitOptions)


class Intake:
    """Takes requests.  Thread-safe."""

    def __init__(
        self,
        database: CollectorDatabase,
        options: IntakeOptions,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._options = options
        self._clock = clock
        self._signatures = SignatureCheck(database, is_enforced=options.signatures is Signatures.ENFORCE)
        self._month_with_partitions: object = None
        self._failures = FailureIntake(database, options.contacts)
        self.limits = RequestLimits(options.limits)

    def take(self, request: IntakeRequest) -> Answer:
        """
        Return the answer to *request*.

        Raises:
            RequestRefused: Nothing of it is stored.
            DatabaseAway: A part of it may be stored; the whole is to be sent again.
        """
        started = perf_counter()
        wanted_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if wanted_type != "application/json" and not wanted_type.endswith("+json"):
            raise RequestRefused(400, "Content-Type must be application/json")
        text = inflated(
            request.body, request.headers.get("content-encoding", ""), self._options.max_body_bytes
        )
        body = parsed(text)
        content = content_of(body, request.endpoint)
        now = self._clock()
        items = content if isinstance(content, list) else [content]
        if self._options.signatures is not Signatures.OFF:
            bodies = (request.body,) if text is request.body else (request.body, text)
            self._signatures.check(request, bodies, items, now)
        self._check_limits(request.address, items)
        stamp = Stamp(now, self._options.server_version)
        self._ensure_partitions(now)
        if request.endpoint == "installation_structure":
            is_first = self._take_structure(content, body, stamp)
            answer = ok(perf_counter() - started, 201 if is_first else 200)
            return self._checked(answer, Doctype.INSTALLATION_STRUCTURE)
        if request.endpoint == "failure_reports":
            return self._checked(self._failures.take(content, stamp, started), Doctype.FAILURE_REPORT)
        form = FORMS[request.endpoint]
        results = self._take_items(form, content, body, stamp)
        return self._checked(ok(perf_counter() - started, content={form.list_key: results}), form.doctype)

    def _check_limits(self, address: str, items: list[Any]) -> None:
        """Count the request for its installations; raises `RequestRefused` past a limit."""
        found = {item.get("master_node_uid") for item in items if isinstance(item, dict)}
        uids = {uid for uid in found if isinstance(uid, str) and storable(uid) is None}
        self.limits.check_uids(uids)
        self.limits.check_new_uids(
            address, uids, lambda new: self._database.read(lambda connection: stored_uids(connection, new))
        )

    def _ensure_partitions(self, now: datetime) -> None:
        month = month_of(now)
        if month != self._month_with_partitions:
            self._database.write(lambda connection: ensure_partitions(connection, now))
            self._month_with_partitions = month

    def _take_structure(self, structure: Any, body: ParsedBody, stamp: Stamp) -> bool:
        leaks: Counter[Any] = Counter()
        try:
            clean = judged_structure(structure, leaks, is_plain=body.is_plain)
        except BadItem as error:
            refused = refused_document(Doctype.INSTALLATION_STRUCTURE, structure, str(error))
            self._keep_refused([refused], stamp.received_at)
            _count_items(Doctype.INSTALLATION_STRUCTURE, {ItemStatus.FAILED: 1})
            raise RequestRefused(400, refused.reason) from None
        release = (clean.get("fuel_release") or {}).get("release")
        release = release and release[:MAX_INDEXED_CHARACTERS]
        is_filtered = self._options.build_rules().is_filtered(clean, stamp.received_at)
        uid, text = clean["master_node_uid"], json_of(clean).decode()
        contact = self._options.contacts.of_installation(uid, contact_in(structure))

        def write(connection: Connection) -> bool:
            if contact is None:
                remove_contact(connection, owner_of_uid(uid))
            else:
                write_contact(connection, contact, stamp.received_at)
            return write_installation(connection, uid, text, release, stamp, is_filtered=is_filtered)

        is_first = self._database.write(write)
        _count_leaks(leaks)
        status = ItemStatus.ADDED if is_first else ItemStatus.UPDATED
        _count_items(Doctype.INSTALLATION_STRUCTURE, {status: 1})
        return is_first

    def _take_items(
        self, form: BatchForm, items: list[Any], body: ParsedBody, stamp: Stamp
    ) -> list[dict[str, Any]]:
        judged = judge_items(form, items, is_plain=body.is_plain)
        refused = list(judged.refused)
        rows = list(judged.rows.values())
        statuses: Statuses = {}
        for start in range(0, len(rows), CHUNK_ITEMS):
            statuses |= self._store(form, rows[start : start + CHUNK_ITEMS], stamp, refused)
        self._keep_refused(refused, stamp.received_at)
        _count_leaks(judged.leaks)
        results = [
            dict(zip(form.key_names, key, strict=True)) | {"status": status}
            for key, status in statuses.items()
        ]
        seen = {repr(key) for key in statuses}
        for entry in judged.refused:
            if repr(entry.key) not in seen:
                seen.add(repr(entry.key))
                named = dict(zip(form.key_names, entry.key, strict=True))
                results.append(named | {"status": ItemStatus.FAILED})
        _count_items(form.doctype, Counter(result["status"] for result in results))
        return results

    def _store(self, form: BatchForm, rows: list[Row], stamp: Stamp, refused: list[Refused]) -> Statuses:
        """Store *rows* in one transaction; where the database refuses one, find it by halves."""
        write = WRITES[form.doctype]
        try:
            started = perf_counter()
            statuses = self._database.write(lambda connection: write(connection, rows, stamp))
            metrics.fuel_commit_seconds.observe(perf_counter() - started)
            return statuses
        except exc.DBAPIError as error:
            if not is_fault_of_a_row(error):
                raise
            if len(rows) > 1:
                middle = len(rows) // 2
                first = self._store(form, rows[:middle], stamp, refused)
                return first | self._store(form, rows[middle:], stamp, refused)
            FuelRowRefused(str(form.doctype), one_line(error)).emit()
            refused.append(refused_row(form, rows[0], "the database refused it"))
            return {rows[0].key: ItemStatus.FAILED}

    def _keep_refused(self, refused: list[Refused], now: datetime) -> None:
        if not refused:
            return
        self._database.write(lambda connection: write_refused(connection, refused, now))
        FuelItemsRefused(str(refused[0].doctype), len(refused), refused[0].reason).emit()

    def _checked(self, answer: Answer, doctype: Doctype) -> Answer:
        """Return *answer*; a 500 where it does not fit its schema, if the operator wants that checked."""
        if not self._options.checks_responses:
            return answer
        problem = _response_checker(doctype).problem(answer.body)
        if problem is not None:
            raise RuntimeError(f"a response does not fit its schema: {problem}")
        return answer


def content_of(body: ParsedBody, endpoint: str) -> Any:
    """
    Return the list or the structure in the envelope of a request.

    Raises:
        RequestRefused: 400 for another form, 413 for too many items.
    """
    value = body.value
    if not isinstance(value, dict):
        raise RequestRefused(400, "the request must be a JSON object")
    name = SINGLE.get(endpoint, endpoint)
    if name not in value:
        raise RequestRefused(400, f"{name} is a required property")
    if len(value) > 1:
        raise RequestRefused(400, f"only {name} is allowed at the top level")
    content = value[name]
    if endpoint in SINGLE:
        return content
    if not isinstance(content, list):
        raise RequestRefused(400, f"{endpoint} must be a list")
    if len(content) > MAX_ITEMS:
        raise RequestRefused(413, f"more than {MAX_ITEMS} items")
    return content


@cache
def _response_checker(doctype: Doctype) -> Checker:
    return Checker(schemas.RESPONSES[doctype])


def _count_items(doctype: Doctype, counts: Mapping[ItemStatus, int]) -> None:
    for status, number in counts.items():
        metrics.fuel_items.count(str(doctype), str(status), amount=number)


def _count_leaks(leaks: Mapping[Any, int]) -> None:
    for kind, number in leaks.items():
        metrics.fuel_redactions.count(str(kind), amount=number)
