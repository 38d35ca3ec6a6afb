"""Use counters: clients send only the trues, so the falses come from the number of documents."""

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
    """Return *found* with the falses of a use counter; what is found of other metrics is unchanged."""
    total = denominator_of(query.metric)
    if total is None or not found.sums:
        return found
    shape = max((sums.newest, key[2]) for key, sums in found.sums.items())[1]
    documents: dict[str, Sums] = {}
    for (group, _, _), sums in reader.sums(replace(query, metric=total)).sums.items():
        documents.setdefault(group, Sums()).sum += sums.sum
        documents[group].instances += sums.instances
    for group, sums in documents.items():
        own = found.sums[group, "", shape]
        own.counts[0] = max(0, sums.sum - own.counts.get(1, 0))
        # Pings without a true have no instance of the counter.
        own.instances = own.instances or sums.instances
    return found
