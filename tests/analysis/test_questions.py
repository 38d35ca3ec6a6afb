"""The questions of docs/sql.md, answered by SQL and by plain Python over ``cat converted``."""

import itertools
import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from tests.analysis.plain_reading import Reading, added, grouped, percentile, read

PAGE = (Path(__file__).resolve().parents[2] / "docs/sql.md").read_text(encoding="utf-8")
QUESTIONS = {
    int(number): statement
    for number, statement in re.findall(r"^### (\d+)\. .*?```sql\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
}
FURTHER = re.findall(r"```sql\n(.*?)```", PAGE.split("### What the tables do not hold")[1], re.DOTALL)


@pytest.fixture(scope="session")
def reading(table_world) -> Reading:
    """The records, read by plain Python."""
    return read(table_world.root, table_world.records())


def of(reading: Reading, metric: str, process: str | None = None) -> list:
    """The histograms of *metric*."""
    return [h for h in reading.histograms if h.metric == metric and process in (None, h.process)]


def numbers(reading: Reading, metric: str, process: str | None = None) -> list:
    """The scalars of *metric*."""
    return [s for s in reading.scalars if s[1] == metric and process in (None, s[2])]


def clients_in(pings) -> int:
    return len({ping["client_id"] for ping in pings} - {None})


def pings_by_day_and_doctype(r: Reading):
    return [
        [*key, len(found)] for key, found in grouped(r.pings, lambda p: (p["date"], p["doctype"])).items()
    ]


def versions_by_channel(r: Reading):
    firefox = [ping for ping in r.pings if ping["application"] == "Firefox"]
    return [[*key, len(p)] for key, p in grouped(firefox, lambda p: (p["channel"], p["version"])).items()]


def clients_by_day(r: Reading):
    return [
        [day, clients_in(found), sum(ping["client_id"] is None for ping in found)]
        for day, found in grouped(r.pings, lambda p: p["date"]).items()
    ]


def quartiles_by_build(r: Reading):
    rows = []
    for build, found in grouped(of(r, "NET_CONNECT_MS", "parent"), lambda h: h.ping["build_id"][:8]).items():
        total = added(found)
        rows.append([build, *(percentile(total, q) for q in (25, 50, 75)), sum(total.values())])
    return rows


def distribution_by_process(r: Reading):
    return [
        [process, start, count]
        for process, found in grouped(of(r, "STORE_OPEN_RESULT"), lambda h: h.process).items()
        for start, count in sorted(added(found).items())
    ]


def two_weightings(r: Reading):
    found = of(r, "TABS_OPEN_MS", "parent")
    weights: dict[int, Fraction] = {}
    clients = 0
    for of_client in grouped(found, lambda h: h.ping["client_id"]).values():
        total = added(of_client)
        all_counts = sum(total.values())
        clients += bool(all_counts)
        for start, count in total.items():
            weights[start] = weights.get(start, Fraction()) + Fraction(count, all_counts)
    return [[percentile(added(found), 50), percentile(weights, 50), clients]]


def mean_by_channel(r: Reading):
    rows = []
    with_sum = [h for h in of(r, "NET_CONNECT_MS") if h.sum is not None]
    for channel, found in grouped(with_sum, lambda h: h.ping["channel"]).items():
        samples = sum(added(found).values())
        rows.append([channel, round(sum(h.sum for h in found) / samples, 3), samples])
    return rows


def samples_by_key(r: Reading):
    rows = []
    for label, found in grouped(of(r, "NET_MS_BY_CALLER"), lambda h: h.label).items():
        filled = {h.ping["document_id"] for h in found if h.buckets}
        rows.append([label, sum(added(found).values()), len(filled)])
    return rows


def changed_histograms(r: Reading):
    rows = []
    for metric, found in grouped([h for h in r.histograms if h.all_starts], lambda h: h.metric).items():
        layouts = {h.all_starts for h in found}
        if len(layouts) > 1:
            rows.append([metric, len(layouts), sorted(len(starts) for starts in layouts)])
    return rows


def share_of_flag(r: Reading):
    return [
        [version, round(sum(1 in h.buckets for h in found) / len(found), 4), len(found)]
        for version, found in grouped(
            of(r, "ADDONS_EVER_USED", "parent"), lambda h: h.ping["version"]
        ).items()
    ]


def labels_of_categorical(r: Reading):
    total: Counter[str] = Counter()
    for histogram in of(r, "SYNC_OUTCOME"):
        for start, count in histogram.buckets.items():
            is_named = start < len(histogram.labels)
            total[histogram.labels[start] if is_named else "none of them"] += count
    return [[label, count] for label, count in sorted(total.items(), key=lambda item: (-item[1], item[0]))]


def mean_scalar(r: Reading):
    found = numbers(r, "browser.engagement.total_uri_count", "parent")
    return [
        [version, round(sum(s[4] for s in of_version) / len(of_version), 3), len(of_version)]
        for version, of_version in grouped(found, lambda s: s[0]["version"]).items()
    ]


def keyed_scalar(r: Reading):
    return [
        [label, sum(s[4] for s in found)]
        for label, found in grouped(numbers(r, "search.counts"), lambda s: s[3]).items()
    ]


def first_paint(r: Reading):
    rows = []
    for os, found in grouped(numbers(r, "simpleMeasurements.firstPaint"), lambda s: s[0]["os"]).items():
        values = sorted(s[4] for s in found)
        rows.append([os, values[(len(values) + 1) // 2 - 1], values[-1]])
    return rows


def event_counts(r: Reading):
    return [
        [*key, len(found), len({event[0]["document_id"] for event in found})]
        for key, found in grouped(r.events, lambda e: (e[2], e[3], e[4])).items()
    ]


def lost_subsessions(r: Reading):
    rows = []
    with_counter = [ping for ping in r.pings if ping["counter"] is not None]
    for client, found in grouped(with_counter, lambda p: p["client_id"]).items():
        counters = sorted(ping["counter"] for ping in found)
        lost = sum(b - a - 1 for a, b in itertools.pairwise(counters))
        rows.append([client, len(found), lost])
    return rows


def branches(r: Reading):
    found = [s for s in numbers(r, "browser.engagement.total_uri_count") if s[0]["branch"]]
    return [
        [
            branch,
            clients_in([s[0] for s in of_branch]),
            round(sum(s[4] for s in of_branch) / len(of_branch), 3),
        ]
        for branch, of_branch in grouped(found, lambda s: s[0]["branch"]).items()
    ]


def glean_numbers(r: Reading):
    errors = [
        ["errors", label, sum(s[4] for s in found), None]
        for label, found in grouped(numbers(r, "errors"), lambda s: s[3]).items()
    ]
    load = added(of(r, "page.load"))
    return [*errors, ["page.load", "", sum(load.values()), percentile(load, 95)]]


def clients_by_system(r: Reading):
    counts = Counter({os: clients_in(found) for os, found in grouped(r.pings, lambda p: p["os"]).items()})
    return sorted(counts.items())


ANSWERS = {
    1: pings_by_day_and_doctype,
    2: versions_by_channel,
    3: clients_by_day,
    5: quartiles_by_build,
    6: distribution_by_process,
    7: two_weightings,
    8: mean_by_channel,
    9: samples_by_key,
    10: changed_histograms,
    11: share_of_flag,
    12: labels_of_categorical,
    13: mean_scalar,
    14: keyed_scalar,
    15: first_paint,
    17: lost_subsessions,
    18: branches,
    19: glean_numbers,
}


@pytest.mark.parametrize("number", sorted(ANSWERS))
def test_sql_answers_a_question_as_plain_python_does(rows_of, reading, number):
    """Every row, in its order."""
    rows = [list(row.values()) for row in rows_of(QUESTIONS[number])]

    assert rows
    assert rows == ANSWERS[number](reading)


def test_question_4_counts_clients_by_system(rows_of, reading):
    """No client of these pings has two systems, so versions of one system add up."""
    total: Counter[str] = Counter()
    for row in rows_of(QUESTIONS[4]):
        total[row["os"]] += row["clients"]

    assert sorted(total.items()) == clients_by_system(reading)


def test_question_16_counts_events(rows_of, reading):
    """Firefox's events and Glean's; only Glean's have a place."""
    rows = [list(row.values()) for row in rows_of(QUESTIONS[16])]

    assert [row[:5] for row in rows] == event_counts(reading)
    assert {row[0]: row[5] for row in rows} == {"navigation": 0, "ui": 2}


def test_question_20_has_the_books_of_audit(rows_of, table_world):
    """Day by day, with the reasons of quarantine."""
    books = table_world.world.audit().days

    assert [list(row.values()) for row in rows_of(QUESTIONS[20])] == [
        [day, of_day.received, True, dict(sorted(of_day.reasons.items()))] for day, of_day in books.items()
    ]


def test_the_page_has_twenty_questions():
    """Each of them is asked above."""
    assert sorted(QUESTIONS) == list(range(1, 21))
    assert set(QUESTIONS) == set(ANSWERS) | {4, 16, 20}


def test_records_and_definitions_answer_what_the_tables_do_not_hold(rows_of, table_world):
    """By the JSON of each record, and by the revision that it names."""
    slow = [
        entry
        for record in table_world.records()
        for entry in record.get("slowSQL", {}).get("otherThreads", {}).values()
    ]
    assert rows_of(FURTHER[0]) == [{"statements": len(slow), "slowest_ms": max(entry[1] for entry in slow)}]

    cache = RevisionCache(table_world.root.specs)
    defined = {
        (len(spec.bucket_starts), str(json.loads(file.text)["LAYOUT_REFLOW_MS"]["high"]))
        for cached in cache.list()
        if (file := cache.load(cached.revision)) and (spec := file.find("LAYOUT_REFLOW_MS"))
    }
    assert {(row["buckets"], row["high"]) for row in rows_of(FURTHER[1])} == defined


ANSWER = re.compile(r"^### (\d+)\. [^#]*?```text\n(.*?)```", re.DOTALL | re.MULTILINE)
ANSWER_LINES = 6  # of names, of dashes, and of rows


@pytest.mark.parametrize("number", range(1, 21))
def test_the_page_shows_the_answer(sql, number):
    """As ``sql`` prints it, to the fourth row."""
    lines = sql(QUESTIONS[number])[0].splitlines()[:ANSWER_LINES]

    assert dict(ANSWER.findall(PAGE))[str(number)].splitlines() == lines
