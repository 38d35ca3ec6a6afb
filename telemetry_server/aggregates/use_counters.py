"""Use counters: clients send only the trues, so the falses come from the number of documents."""

from collections import defaultdict
from dataclasses import replace

from telemetry_server.aggregates.query import HistogramQuery
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.sums import Found, Sums

PREFIX = "USE_COUNTER2_"
DOCUMENTS_OF = {
    "_PAGE": "TOP_LEVEL_CONTENT_DOCUMENTS_DESTROYED",
    "_DOCUMENT": "CONTENT_DOCUMENTS_DESTROYED",
}


def denominator_of(metric: str) -> str | None:
    """Return the metric that counts what a use counter is a part of; None for other metrics."""
    if not metric.startswith(PREFIX):
        return None
    return next((total for suffix, total in DOCUMENTS_OF.items() if metric.endswith(suffix)), None)


def with_falses(reader: Reader, query: HistogramQuery, found: Found) -> Found:
    """
    Return *found* with the false values of a use counter; other metrics are unchanged.

    Each document is one value, so a client with documents has values even if it never sent a true.
    """
    total = denominator_of(query.metric)
    if total is None or not found.sums:
        return found
    shape = max((sums.newest, key[2]) for key, sums in found.sums.items())[1]
    asked = reader.sums(replace(query, metric=total))
    documents: dict[str, Sums] = defaultdict(Sums)
    for (group, _, _), sums in asked.sums.items():
        documents[group].add(sums)
    for group, sums in documents.items():
        own = found.sums[group, "", shape]
        own.counts[0] = max(0, sums.sum - own.counts.get(1, 0))
        # Pings without a true have no instance of the counter.
        own.instances = own.instances or sums.instances
        own.clients |= sums.clients
        own.sealed = {**sums.sealed, **own.sealed}
    _add_falses_of_clients(found, asked, shape)
    return found


def _add_falses_of_clients(found: Found, asked: Found, shape: str) -> None:
    """Add the false values that follow from each client's documents."""
    documents: dict[tuple[str, bytes], int] = defaultdict(int)
    for (group, _, _), clients in asked.client_sums.items():
        for client, (count, _) in clients.items():
            documents[group, client] += count
    for (group, client), count in documents.items():
        own = found.by_client[group, "", shape].setdefault(client, {})
        own[0] = max(0, count - own.get(1, 0))
