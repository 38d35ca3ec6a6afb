"""Questions for aggregates: histograms, clients, and those of the old service."""

from collections.abc import Callable
from typing import Any

import orjson

from telemetry_server.aggregates.checked_sums import SumTooLarge
from telemetry_server.aggregates.clients_answer import clients_answer
from telemetry_server.aggregates.definitions import CachedDefinitions
from telemetry_server.aggregates.histogram_answer import NoSuchMetric, histogram_answer
from telemetry_server.aggregates.metric_view import metric_view
from telemetry_server.aggregates.old_service import OldQuery, OldService
from telemetry_server.aggregates.pings_behind import PingsAsked, pings_behind
from telemetry_server.aggregates.query import PING, HistogramQuery, Selection, selection_of
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stamps import stamp_of
from telemetry_server.aggregates.summary_sums import VIEWS
from telemetry_server.reports.queries.errors import QueryStopped
from telemetry_server.reports.queries.source import Source

MAX_REMEMBERED = 32  # answers


def reader_of(source: Source, through: str = "", *, is_public: bool = False) -> Reader:
    """
    Return the reader of the aggregates.

    Args:
        through: Only arrivals up to that day.
        is_public: Everyone may see the answer, so more groups are too small to be shown.
    """
    setup = source.setup
    suppress_below = setup.public_suppress_below if is_public else setup.suppress_below
    return Reader(source.root, CachedDefinitions(setup.specs), suppress_below, through)


def _asked(work: Callable[[], Any]) -> Any:
    """Return what *work* does; what no repeat helps against is said in one line."""
    try:
        return work()
    except SumTooLarge as error:
        raise QueryStopped(f"The query was stopped: {error}.") from None


def _remembered(
    source: Source, query: str, arguments: dict[str, Any], work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """
    Return what *work* does, or what it did before if no aggregate has changed since.

    Pages that many readers load again and again cost little then.  An answer without rows may depend on
    more than aggregates, so it is not remembered.
    """
    key = orjson.dumps([query, arguments], option=orjson.OPT_SORT_KEYS)
    stamp = stamp_of(source.root)
    known = source.answers.get(key)
    if known is not None and known[0] == stamp:
        source.answers.move_to_end(key)
        return known[1]
    found: dict[str, Any] = _asked(work)
    if found.get("rows", True):
        source.answers[key] = stamp, found
        while len(source.answers) > MAX_REMEMBERED:
            source.answers.popitem(last=False)
    return found


def histogram_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/histogram``, or ``{"unknown": why}``."""
    query = _histogram_query(arguments)
    try:
        return _remembered(
            source,
            "histogram",
            arguments,
            lambda: histogram_answer(
                reader_of(source, arguments["as_of"], is_public=arguments["is_public"]), query
            ),
        )
    except NoSuchMetric as error:
        return {"unknown": str(error)}


def _histogram_query(arguments: dict[str, Any]) -> HistogramQuery:
    return HistogramQuery(
        metric=arguments["metric"],
        by=arguments["by"],
        selection=selection_of(
            arguments["dimensions"], process=arguments["process"], label=arguments["label"]
        ),
        experiment=arguments["experiment"],
        first=arguments["first"],
        last=arguments["last"],
        weight=arguments["weight"],
        percentiles=tuple(arguments["percentiles"]),
        compare=arguments["compare"],
        merges=arguments["merges"],
        is_smoothed=arguments["is_smoothed"],
        is_total=arguments["is_total"],
    )


def metric_view_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of one metric offers: values to filter by, groups, changes of the definition."""
    query = _histogram_query(arguments)
    reader = reader_of(source, arguments["as_of"], is_public=arguments["is_public"])
    return _remembered(source, "metric_view", arguments, lambda: metric_view(reader, query))


def pings_behind_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``items``, the pings behind a number, and ``next``, the key of the last one if more follow."""
    asked = PingsAsked(
        _histogram_query(arguments["histogram"]),
        arguments["group"],
        arguments["bucket"],
        _after(arguments),
        arguments["limit"],
    )
    return _page_of_pings(reader_of(source, arguments["histogram"]["as_of"]), asked)


def pings_of_clients_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the same for a count of clients."""
    filters = {name: frozenset({value}) for name, value in arguments["dimensions"].items() if value}
    query = HistogramQuery(PING, "day", Selection(filters), first=arguments["first"], last=arguments["last"])
    asked = PingsAsked(query, after=_after(arguments), limit=arguments["limit"], leaves_out=VIEWS[1])
    return _page_of_pings(reader_of(source), asked)


def _after(arguments: dict[str, Any]) -> tuple[str, str] | None:
    after = arguments["after"]
    return (after[0], after[1]) if after else None


def _page_of_pings(reader: Reader, asked: PingsAsked) -> dict[str, Any]:
    limit = asked.limit
    items: list[dict[str, Any]] = _asked(lambda: pings_behind(reader, asked))
    last = items[limit - 1] if len(items) > limit else None
    return {
        "items": items[:limit],
        "next": None if last is None else [last["received_at"], last["document_id"]],
    }


def clients_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/clients``."""
    by, first, last = tuple(arguments["by"]), arguments["first"], arguments["last"]
    totals_by = arguments["totals_by"]
    return _remembered(
        source,
        "clients",
        arguments,
        lambda: clients_answer(
            reader_of(source, is_public=arguments["is_public"]),
            by,
            first,
            last,
            totals_by=None if totals_by is None else tuple(totals_by),
        ),
    )


def old_service_query(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"answer": …}`` of the old service; null where it has nothing."""
    reader = reader_of(source, is_public=arguments["is_public"])
    service = OldService(reader, source.setup.aggregates_hidden)
    return {"answer": _asked(lambda: _old_answer(service, arguments))}


def _old_answer(service: OldService, arguments: dict[str, Any]) -> Any:
    what = arguments["what"]
    if what == "channels":
        return service.channels()
    if what == "dates":
        return service.dates(arguments["by"], arguments["channel"])
    if what == "filters":
        return service.filters(arguments["channel"], arguments["version"])
    return service.histograms(
        OldQuery(
            by=arguments["by"],
            channel=arguments["channel"],
            version=arguments["version"],
            dates=frozenset(arguments["dates"]),
            metric=arguments["metric"],
            filters=arguments["filters"],
        )
    )
