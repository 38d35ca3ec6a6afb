"""Reports of probes, stores, Normandy and Fuel show nothing of too few clients, nor what it follows from."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.fuel.exports.aggregate import Aggregate
from telemetry_server.fuel.facts.small_groups import large_counts
from telemetry_server.fuel.reports.registry import _suppressed
from telemetry_server.normandy.few_reports import FewReports, enough_days
from telemetry_server.normandy.matching import EnrollmentEvent
from telemetry_server.normandy.study_report import StudyReport
from telemetry_server.normandy.uptake_report import figures_of
from telemetry_server.probes.few_clients import FewClients, sender_of

START = datetime(2026, 11, 20, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9))), st.integers(1, 5))
def test_a_count_is_small_below_so_many_clients(seen, k):
    """A repeated client counts once."""
    few = FewClients(k)
    clients = defaultdict(set)
    for count, client in seen:
        few.add((str(count),), str(client))
        clients[count].add(client)

    for count, ids in clients.items():
        assert few.is_small((str(count),)) == (len(ids) < k)


def test_a_ping_without_client_counts_as_one():
    assert sender_of({"metadata": {"document_id": "d", "client_id": "c"}}) == "c"
    assert sender_of({"metadata": {"document_id": "d"}}) == "d"


@given(
    st.lists(
        st.fixed_dictionaries({"count": st.integers(0, 20)}, optional={"installations": st.integers(0, 20)}),
        max_size=8,
    ),
    st.integers(1, 12),
)
def test_rows_of_fuel_reports_do_not_reveal_a_small_one(rows, below):
    """What is left out of a table is large enough, or all of it."""
    tables, suppressed = _suppressed(
        {"table": [{"value": str(n), **row} for n, row in enumerate(rows)]}, below
    )
    kept = tables["table"]
    left = [row for n, row in enumerate(rows) if str(n) not in {row["value"] for row in kept}]

    assert suppressed == len(left)
    if below > 1:
        sizes = [min(row.values()) for row in left]
        assert all(min(row["count"], row.get("installations", row["count"])) >= below for row in kept)
        assert not kept or not left or sum(sizes) >= below


words = st.sampled_from(["success", "apply_error", "backoff"])
reports = st.lists(st.tuples(st.sampled_from("12"), words, st.integers(0, 7)), max_size=40)


@given(reports, st.integers(1, 4))
def test_words_of_a_recipe_do_not_reveal_a_small_one(found, k):
    """A recipe of few clients is not shown; the words of another one only if all have enough."""
    counts, clients = defaultdict(int), defaultdict(set)
    for name, word, client in found:
        counts[name, word] += 1
        clients[name, word].add(client)
        clients[name, None].add(client)
    groups = [("event", "recipe", name, word, n) for (name, word), n in counts.items()]
    few = FewReports(k, {("event", "recipe", *key): len(ids) for key, ids in clients.items()})
    rows = few.shown([each.as_json() for each in figures_of(groups, [], ["event"])])

    for row in rows:
        if row["kind"] != "recipe" or k == 1:
            continue
        assert len(clients[row["name"], None]) >= k
        every = {word for name, word in counts if name == row["name"]}
        is_split = all(len(clients[row["name"], word]) >= k for word in every)
        assert bool(row["words"]) == is_split
        assert (row["strict_rate"]["numerator"] is not None) == is_split
        assert row["n"] == sum(n for (name, _), n in counts.items() if name == row["name"])


def test_days_of_few_clients_hide_the_days_of_their_word():
    rows = [("event", "20261120", "success", 9, 9), ("event", "20261121", "success", 2, 1)]
    rows.append(("event", "20261120", "apply_error", 7, 7))

    assert enough_days(rows, 2) == [("event", "20261120", "apply_error", 7)]
    assert enough_days(rows, 1) == [row[:4] for row in rows]


def event(client: int, at: int, method: str, branch: str, reason: str) -> EnrollmentEvent:
    return EnrollmentEvent(
        "event", f"client-{client}", START + timedelta(hours=at), True, method, "preference_study", "study",
        branch, reason, None, None, None, True,
    )  # fmt: skip


histories = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["enroll", "unenroll", "enrollFailed", "update"]),
        st.sampled_from(["red", "blue"]),
        st.sampled_from(["recipe-not-seen", "user-preference-changed"]),
    ),
    max_size=40,
)


@given(histories, st.integers(2, 4))
def test_counts_of_a_study_do_not_reveal_a_small_one(history, k):
    """Every number that is shown, and every part of one that follows, is 0 or of enough clients."""
    by_client = defaultdict(list)
    for at, (client, method, branch, reason) in enumerate(history):
        by_client[client].append(event(client, at, method, branch, reason))
    shown, plain = StudyReport(k), StudyReport()
    clients = defaultdict(set)
    for client, events in by_client.items():
        shown.add_all(events)
        plain.add_all(events)
        alone = StudyReport()
        alone.add_all(events)
        for study in alone.studies.values():
            for cell, count in study.cells().items():
                if count > 0:
                    clients[cell].add(client)
    for row, whole in product(shown.rows(), plain.rows()):
        assert len(by_client) >= k
        for name, cell in (
            ("enrolled", "enrolled"), ("unenrolled", "unenrolled"), ("active", "active"),
            ("enroll_failed", "enroll_failed"), ("updated", "updated"), ("orphan_unenrolled", "orphans"),
        ):  # fmt: skip
            assert row[name] in (None, whole[name])
            assert row[name] in (None, 0) or len(clients[cell, ""]) >= k
        if None not in (row["enrolled"], row["unenrolled"]):
            assert row["enrolled"] - row["unenrolled"] == 0 or len(clients["active", ""]) >= k
        for reason in row["reasons"]:
            assert len(clients["reason", reason]) >= k
        for branch in row["branches"]:
            assert branch["enrolled"] in (None, 0) or len(clients["branch", branch["branch"]]) >= k
            if branch["unenrolled"] is not None:
                stayed = branch["enrolled"] - branch["unenrolled"]
                assert stayed <= 0 or len(clients["branch_stayed", branch["branch"]]) >= k


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 20)), st.integers(1, 12))
def test_small_counts_do_not_follow_from_their_total(counts, below):
    shown = large_counts(counts, below)
    missing = sum(counts.values()) - sum(shown.values())

    assert shown.items() <= counts.items()
    if below > 1:
        assert all(count >= below for count in shown.values())
        assert not shown or missing == 0 or missing >= below


def test_the_aggregate_of_few_installations_has_no_numbers():
    """And that of more has none of small groups."""
    few, more = Aggregate(), Aggregate()
    structure = {"clusters_num": 1, "clusters": [{"status": "new"}]}
    for number in range(6):
        of_one = structure if number else {"clusters_num": 2, "clusters": [{"status": "error"}]}
        more.add(of_one)
        if number < 2:
            few.add(of_one)

    assert few.as_json(3)["installations"] == {"count": None, "environments_num": {}}
    shown = more.as_json(3)
    assert shown["installations"] == {"count": 6, "environments_num": {}}
    assert shown["environments"]["statuses"] == {}
    assert more.as_json()["environments"]["statuses"] == {"new": 5, "error": 1}
