"""The handlers of ``/api/v1/…``: parameters in, a query, an answer out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import orjson

from telemetry_server.access.roles import Right
from telemetry_server.observability.events import RecordsRead
from telemetry_server.reports.answers import Answer, csv_answer, json_answer, not_kept
from telemetry_server.reports.cursor import cursor_of, offset_after, texts_after
from telemetry_server.reports.models import Statement
from telemetry_server.reports.parameters import checked, days_asked
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import BadQuery, QueryError
from telemetry_server.reports.query_problems import problem_of_query
from telemetry_server.reports.route import Ask
from telemetry_server.reports.statement_result import result_as_csv

MAX_STATEMENT_LOGGED = 300
PING_COLUMNS = (
    *("received_at", "document_id", "outcome", "reason", "detail", "namespace", "doctype"),
    *("application", "version", "channel", "debug_id"),
)
QUARANTINE_COLUMNS = (
    *("document_id", "received_at", "reason", "detail", "histogram", "namespace", "doctype", "path"),
)


def require(ask: Ask, right: Right, what: str) -> None:
    """
    Check a right that only a part of a route needs.

    Raises:
        Problem: The visitor lacks it.
    """
    if not ask.visitor.may(right):
        raise not_permitted(ask, right, what)


def not_permitted(ask: Ask, right: Right, what: str) -> Problem:
    """Return the problem of a visitor without *right*."""
    from telemetry_server.access.roles import roles_with

    roles = [role.value for role in roles_with(right)]
    role = ask.visitor.role.value if ask.visitor.role else "nothing"
    detail = f"{what} needs the role {' or '.join(roles)}; yours is {role}."
    if not ask.is_api:
        detail = f"{what} is for {roles[0]}s. You are signed in as {ask.visitor.name} ({role})."
    return Problem("not-permitted", detail, members={"needs": right.value})


def note_reading(ask: Ask, what: str, of: str = "") -> None:
    """Write to the access log that records or bodies are read."""
    role = ask.visitor.role.value if ask.visitor.role else ""
    RecordsRead(ask.visitor.name, role, ask.visitor.proof.value, what, of).emit()


async def status(ask: Ask) -> Answer:
    """Answer ``/api/v1/status``."""
    found = await ask.services.ask_object("status")
    if not ask.wants_csv:
        return json_answer(found)
    days: Any = found["days"]
    columns = ("day", "received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")
    return csv_answer(columns, [[day, *[days[day][name] for name in columns[1:]]] for day in days], {})


async def pings(ask: Ask) -> Answer:
    """Answer ``/api/v1/pings``."""
    given = ask.parameters
    wanted = {
        "q": given.q.lower(),
        "namespace": given.namespace,
        "doctype": given.doctype,
        "channel": given.channel,
        "version": given.version,
        "debug_id": given.debug_id,
        "outcome": given.outcome or "",
        "reason": given.reason,
        **days_asked(given),
    }
    if len(wanted["q"]) == 36:
        document_id_of(wanted["q"])
    found = await ask.services.ask_object(
        "pings", filter=wanted, after=texts_after(given.cursor, 3), limit=given.limit
    )
    return listed(ask, found["items"], cursor_of(found["next"]), PING_COLUMNS)


async def one_ping(ask: Ask) -> Answer:
    """Answer ``/api/v1/pings/<docid>``."""
    document_id = str(document_id_of(ask.path["document_id"]))
    answer = json_answer(await explained(ask, document_id, with_body=ask.parameters.body))
    return not_kept(answer) if ask.visitor.may(Right.RECORDS) else answer


async def explained(ask: Ask, document_id: str, *, with_body: bool) -> dict[str, Any]:
    """Return what happened to a ping, as much of it as the visitor may see."""
    if with_body:
        require(ask, Right.RECORDS, "The body of a ping")
    with_records = ask.visitor.may(Right.RECORDS)
    found = await ask.services.ask_object(
        "ping", document_id=document_id, with_body=with_body, with_records=with_records
    )
    if with_records:
        note_reading(ask, "ping with body" if with_body else "ping", document_id)
    return found


def document_id_of(text: str) -> UUID:
    """
    Return *text* as a document id.

    Raises:
        Problem: It is not one.
    """
    try:
        if len(text) == 36:
            return UUID(text)
    except ValueError:
        pass
    raise Problem("not-found", "A document id has 8-4-4-4-12 hexadecimal digits; no ping has any other.")


async def submissions(ask: Ask) -> Answer:
    """Answer ``/api/v1/submissions``."""
    given = ask.parameters
    found = await ask.services.ask_object(
        "submissions", by=given.by, first=given.first or "", last=given.last or ""
    )
    return cut(ask, found["items"])


async def quarantine(ask: Ask) -> Answer:
    """Answer ``/api/v1/quarantine``."""
    given = ask.parameters
    days = days_asked(given)
    if given.bodies:
        require(ask, Right.RECORDS, "Bodies in quarantine")
        note_reading(ask, "bodies in quarantine", f"{days['first_day']} {given.reason}".strip())
    found: Any = await ask.services.ask_object(
        "quarantine",
        **days,
        reason=given.reason,
        histogram=given.histogram,
        limit=given.limit,
        after=texts_after(given.cursor, 5),
        with_bodies=given.bodies,
    )
    columns = (*QUARANTINE_COLUMNS, "body", "body_base64") if given.bodies else QUARANTINE_COLUMNS
    if not ask.visitor.may(Right.RECORDS):
        for entry in found["items"]:
            entry["path"] = None  # an odd path may hold anything, a client's id too
    more = {"counts": found["counts"]}
    answer = listed(ask, found["items"], cursor_of(found["next"]), columns, more)
    return not_kept(answer) if given.bodies else answer


async def sql(ask: Ask) -> Answer:
    """Answer ``POST /api/v1/sql``; with ``Prefer: respond-async`` by a job."""
    work = statement_result(ask, checked(Statement, _json_body(ask)).sql)
    if "respond-async" in ask.headers.get("Prefer", "").lower():
        job = ask.services.jobs.start(owner_of(ask), work)
        headers = {"Location": f"/api/v1/jobs/{job.id}", "Preference-Applied": "respond-async"}
        return json_answer(job.as_json(), status=202, headers=headers)
    body = await work
    if not ask.wants_csv:
        return not_kept(Answer(body + b"\n"))
    return await asyncio.get_running_loop().run_in_executor(None, result_as_csv, body)


async def statement_result(ask: Ask, statement: str) -> bytes:
    """
    Return the result of *statement* as JSON, and note in the access log that records are read.

    Raises:
        Problem: The statement is refused or wrong, or was stopped.
    """
    note_reading(ask, "sql", statement[:MAX_STATEMENT_LOGGED])
    try:
        return await ask.services.pool.run("statement", {"sql": statement})
    except BadQuery as error:
        raise Problem("bad-statement", str(error)) from None
    except QueryError as error:
        raise problem_of_query(error) from None


def owner_of(ask: Ask) -> tuple[str, str]:
    """Return whose a job is that the visitor starts."""
    return ask.visitor.proof.value, ask.visitor.name


def _json_body(ask: Ask) -> Mapping[str, Any]:
    kind = ask.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem("wrong-media-type", "Send the statement as JSON, with Content-Type: application/json.")
    try:
        value = orjson.loads(ask.body)
    except ValueError as error:
        raise Problem("bad-request", f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Problem("bad-request", 'The body must be an object: {"sql": "SELECT …"}')
    return value


async def job(ask: Ask) -> Answer:
    """Answer ``/api/v1/jobs/<id>``."""
    found = ask.services.jobs.find(ask.path["id"], owner_of(ask))
    answer = json_answer(found.as_json())
    return not_kept(answer)


async def openapi(ask: Ask) -> Answer:
    """Answer ``/api/openapi.json``."""
    return Answer(ask.services.openapi(), is_cacheable=True)


def cut(ask: Ask, items: Any, columns: Sequence[str] = ()) -> Answer:
    """Return a page of a list that is here whole; as CSV with *columns*, or those of its first item."""
    start = offset_after(ask.parameters.cursor)
    end = start + ask.parameters.limit
    columns = columns or (list(items[0]) if items else ())
    return listed(ask, items[start:end], cursor_of(end if end < len(items) else None), columns)


def listed(
    ask: Ask, items: Any, cursor: str | None, columns: Any, more: Mapping[str, Any] | None = None
) -> Answer:
    """Return a page of a list, as JSON or CSV."""
    headers = {} if cursor is None else {"Link": f'<{_next_target(ask.target, cursor)}>; rel="next"'}
    if ask.wants_csv:
        return csv_answer(columns, [[item.get(name) for name in columns] for item in items], headers)
    return json_answer({**(more or {}), "items": items, "next_cursor": cursor}, headers=headers)


def _next_target(target: str, cursor: str) -> str:
    path, _, query = target.partition("?")
    pairs = [(name, value) for name, value in parse_qsl(query) if name != "cursor"]
    return f"{path}?{urlencode([*pairs, ('cursor', cursor)])}"
