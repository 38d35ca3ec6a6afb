"""The history without a server: storing it and querying it."""

import logging
import multiprocessing
import os
from datetime import UTC, datetime

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.errors import HistoryError
from histogram_specs.history.history import History
from histogram_specs.history.prefetch import PrefetchRequest, prefetch
from histogram_specs.history.resolver import Resolver, RevisionSource
from histogram_specs.history.store import FileVersion, HistoryStore, LoggedChangeset, history_path
from histogram_specs.history.timeline import eras
from histogram_specs.revision import Revision
from tests.histogram_specs.hostile_server import hang_up, serving, status
from tests.histogram_specs.samples import a_text, text_of

CENTRAL = "mozilla-central"
# A head, but a log without changesets.
NO_LOG = b'{"node": "%s", "changeset_count": 3, "changesets": []}' % (b"a" * 40)


def node_of(number):
    return bytes([number]) * 20


def day(month, number=1):
    return int(datetime(2013, month, number, tzinfo=UTC).timestamp())


def write_history(directory, texts, name=CENTRAL, known_from=None):
    """A repository with one version a month, each followed by a changeset that did not change the file."""
    store = HistoryStore(directory)
    repository = store.repository(name)
    changesets, versions = [], []
    for month, _ in enumerate(texts, start=1):
        parent = (node_of(2 * month - 1),) if month > 1 else ()
        changesets += [
            LoggedChangeset(node_of(2 * month), parent),
            LoggedChangeset(node_of(2 * month + 1), (node_of(2 * month),)),
        ]
        versions.append(FileVersion(node_of(2 * month), day(month), "default"))
    store.add_changesets(repository.id, len(changesets), changesets)
    store.add_versions(repository.id, versions)
    ids = store.versions(repository.id)
    decided = {node_of(number): ids[node_of(number // 2 * 2)] for number in range(2, 2 * len(texts) + 2)}
    store.decide(repository.id, decided.items())
    for (version_id, _), text in zip(store.without_text(repository.id), texts, strict=True):
        store.add_text(version_id, text)
    store.finish(repository.id, known_from, day(12))
    store.close()


def test_a_history_is_noticed_when_it_appears(tmp_path):
    """A process that started before the first prefetch does not need a restart."""
    history = History(tmp_path)
    revision = Revision(CENTRAL, node_of(3).hex())
    assert history.at_revision(revision) is None
    assert history.at_build("nightly", "20130215000000", None) is None
    assert history.repositories() == history.versions(CENTRAL) == []
    assert not history_path(tmp_path).exists()

    write_history(tmp_path, [a_text(1), a_text(2)])

    assert history.at_revision(revision).revision.changeset == node_of(2).hex()
    assert history.at_build("nightly", "20130215000000", None).revision.changeset == node_of(4).hex()


def test_each_distinct_text_is_stored_once(tmp_path):
    """Three versions, two texts."""
    store = HistoryStore(tmp_path)
    repository = store.repository(CENTRAL)
    store.add_versions(
        repository.id, [FileVersion(node_of(number), day(number), "default") for number in (1, 2, 3)]
    )
    added = [
        store.add_text(version_id, a_text(version_id % 2))
        for version_id, _ in store.without_text(repository.id)
    ]
    store.close()

    assert added == [True, True, False]
    one, two, three = History(tmp_path).versions(CENTRAL)
    assert one.digest == three.digest != two.digest
    assert History(tmp_path).spec_text(one.digest) == a_text(1)


def test_an_ambiguous_abbreviation_finds_no_changeset(tmp_path):
    """Abbreviations of less than 12 digits are not looked up."""
    store = HistoryStore(tmp_path)
    repository = store.repository(CENTRAL)
    twins = [bytes.fromhex("ab" * 6 + "00" * 14), bytes.fromhex("ab" * 6 + "11" * 14)]
    store.add_changesets(repository.id, 2, [LoggedChangeset(twin, ()) for twin in twins])
    store.add_versions(repository.id, [FileVersion(twins[0], day(1), "default")])
    ((version_id, _),) = store.without_text(repository.id)
    store.add_text(version_id, a_text())
    store.decide(repository.id, [(twin, version_id) for twin in twins])
    store.close()
    history = History(tmp_path)

    assert history.at_revision(Revision(CENTRAL, "ab" * 6)) is None
    assert history.at_revision(Revision(CENTRAL, "ab" * 6 + "0")) is not None
    assert history.at_revision(Revision(CENTRAL, "ab" * 5)) is None


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b""])
def test_a_damaged_history_is_logged_once_and_finds_nothing(tmp_path, caplog, damage):
    """Pings then wait for the server, as without a history."""
    history_path(tmp_path).parent.mkdir(parents=True)
    history_path(tmp_path).write_bytes(damage)
    history = History(tmp_path)

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert history.at_revision(Revision(CENTRAL, "ab" * 20)) is None

    assert len(caplog.records) == (1 if damage else 0)


def test_a_history_of_another_format_is_refused(tmp_path):
    """The message says what to do."""
    store = HistoryStore(tmp_path)
    store.database.execute("PRAGMA user_version = 99")
    store.close()

    with pytest.raises(HistoryError, match="remove it and prefetch again"):
        HistoryStore(tmp_path)


def test_after_a_damaged_text_the_next_rule_is_used(tmp_path, caplog):
    """One line in the log, no traceback."""
    write_history(tmp_path, [a_text(1)])
    store = HistoryStore(tmp_path)
    store.database.execute("UPDATE texts SET packed = x'00'")
    store.close()
    resolver = Resolver(RevisionCache(tmp_path), History(tmp_path), offline=True)

    answer = resolver.resolve(
        Revision(CENTRAL, node_of(3).hex()), channel="nightly", build_id="20130201", version=None
    )

    assert answer.reason == "unknown_revision"
    assert "damaged" in caplog.text


def test_a_forked_process_opens_the_history_again(tmp_path):
    """An open file of the parent is not used after a fork."""
    write_history(tmp_path, [a_text(1)])
    history = History(tmp_path)
    revision = Revision(CENTRAL, node_of(3).hex())
    assert history.at_revision(revision)

    def ask(connection):
        connection.send(history.at_revision(revision).digest)
        connection.close()
        os._exit(0)

    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=ask, args=(there,))
    process.start()
    assert here.poll(10)
    assert here.recv() == history.at_revision(revision).digest
    process.join()
    here.close()
    there.close()


def test_a_whole_history_resolves_through_the_cache(tmp_path):
    """All rules give the same specs; the text is parsed once."""
    write_history(tmp_path, [a_text(1), a_text(2)])
    resolver = Resolver(RevisionCache(tmp_path), History(tmp_path), offline=True)
    by_revision = resolver.resolve(
        Revision(CENTRAL, node_of(5).hex()), channel=None, build_id=None, version=None
    )
    by_date = resolver.resolve(None, channel="nightly", build_id="20130301000000", version=None)

    assert by_revision.source is RevisionSource.HISTORY
    assert by_date.source is RevisionSource.BUILD_DATE
    assert by_date.spec_file is by_revision.spec_file
    assert resolver.text_of(Revision(CENTRAL, node_of(5).hex())) == a_text(2)
    assert resolver.text_of(Revision(CENTRAL, "ee" * 20)) is None
    assert by_date.revision == Revision(CENTRAL, node_of(4).hex())


def test_an_era_lasts_until_its_definition_changes(tmp_path):
    """Other changes of the file do not matter; missing and unusable definitions are eras too."""
    texts = [
        text_of(OTHER={"kind": "flag"}),
        text_of(OTHER={"kind": "flag"}, DNS={"kind": "enumerated", "n_values": 4}),
        text_of(OTHER={"kind": "boolean"}, DNS={"kind": "enumerated", "n_values": "2 + 2"}),
        text_of(OTHER={"kind": "flag"}, DNS={"kind": "enumerated", "n_values": 9}),
        text_of(OTHER={"kind": "flag"}, DNS={"kind": "enumerated"}),
    ]
    write_history(tmp_path, texts)
    history, cache = History(tmp_path), RevisionCache(tmp_path)
    found = list(
        eras("STARTUP_DNS", history.versions(CENTRAL), lambda digest: cache.shared(digest, history.spec_text))
    )

    assert [(era.since.month, era.until.month if era.until else None) for era in found] == [
        (1, 2),
        (2, 4),
        (4, 5),
        (5, None),
    ]
    assert found[0].definition is None
    assert [era.definition.bucket_count for era in found[1:3]] == [5, 10]
    assert "n_values" in found[3].definition.detail


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (status(404), "does not have this repository"),
        (status(500), "answers 500"),
        (status(200, b"<html>hi</html>"), "is this a Mercurial server?"),
        (status(200, b"[1, 2]"), "not an answer of Mercurial"),
        (status(200, b"{}"), "does not have 'node'"),
        (status(200, b'{"node": "../../etc", "changeset_count": 1}'), "is not a changeset"),
        (status(200, NO_LOG), "no changeset"),
        (hang_up, ""),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_server_that_is_not_mercurial_is_reported_in_one_line(tmp_path, answer, problem, dry_run):
    """The next repository is tried, and nothing counts as known."""
    async with serving(answer) as server:
        request = PrefetchRequest(server.url, ["a", "b"], tmp_path, dry_run=dry_run, most_per_second=1000)
        reports = [report async for report in prefetch(request, now=datetime.now(UTC))]

    assert [report.repository for report in reports] == ["a", "b"]
    for report in reports:
        assert report.problem
        # A dry run does not read the log of changesets, so it fails at the next page.
        assert problem in report.problem or dry_run
        assert "\n" not in report.problem
        assert report.broke_off == ("this repository" not in report.problem)
    assert all(one.known_until is None for one in History(tmp_path).repositories())
