"""Metrics without an answer: defined and never sent, or sent against their definition alone."""

import orjson
import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.aggregates.histogram_answer import NoSuchMetric
from tests.aggregates.pings import REVISION, SPEC, Aggregates, Main, exp, filled
from tests.probes.glean_samples import METRICS, NAMESPACE
from tests.support.data_root import World


def _scalar(**more: object) -> dict:
    return {
        "bug_numbers": [1],
        "description": "A probe.",
        "expires": "never",
        "kind": "uint",
        "notification_emails": ["gardeners@example.org"],
        "record_in_processes": ["main"],
        "release_channel_collection": "opt-out",
        **more,
    }


SCALARS = {"garden": {"rain": _scalar(), "snow": _scalar(), "old": _scalar(expires="40")}}
PING = Main(1, "A", 20, parent=exp({8: 1}, 8), scalars={"garden.rain": 3, "garden.old": 4, "garden.mud": 5})


@pytest.fixture
async def aggregates(tmp_path):
    """One ping, with a scalar that counts and two that do not."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    folder = RevisionCache(world.root.specs).path_of(REVISION).parent
    (folder / "Scalars.yaml").write_bytes(orjson.dumps(SCALARS))  # JSON is YAML
    await filled(world, [PING])
    found = Aggregates(world)
    found.update()
    return found


ANSWERS = [
    ("SCALARS_GARDEN.RAIN", 1, None, False),
    ("SCALARS_GARDEN.SNOW", 0, "not_sent_by_this_version", False),
    ("SCALARS_GARDEN.OLD", 0, "filtered_out", True),  # expired
    ("SCALARS_GARDEN.MUD", 0, "filtered_out", True),  # not defined
    ("LIN", 0, "not_sent_by_this_version", False),
]


@pytest.mark.parametrize("weight", ["samples", "clients"])
async def test_a_defined_or_stored_metric_is_an_answer_with_its_reason(aggregates, weight):
    """An empty one, never "unknown"."""
    for metric, rows, reason, is_only_marked in ANSWERS:
        answer = aggregates.answer(metric, weight=weight)

        assert len(answer["rows"]) == rows, metric
        assert answer.get("reason") == reason, metric
        assert answer.get("only_marked", False) is is_only_marked, metric
    with pytest.raises(NoSuchMetric):
        aggregates.answer("SCALARS_GARDEN.HAIL", weight=weight)


async def test_days_that_are_not_asked_for_do_not_make_a_metric_unknown(aggregates):
    """Its values count elsewhere."""
    answer = aggregates.answer("EXP", by="day", first="20261201")

    assert answer["rows"] == []
    assert answer["reason"] == "not_sent_by_this_version"
    assert "only_marked" not in answer


async def test_a_metric_that_is_not_summed_up_yet_is_known(aggregates):
    """The next update counts it."""
    await filled(aggregates.world, [Main(2, "B", 20, parent={"NEW_MS": exp({8: 1}, 8)["EXP"]})])
    await filled(aggregates.world, [Main(3, "B", 20, scalars={"garden.mist": 1})])

    assert aggregates.answer("SCALARS_GARDEN.MIST")["reason"] == "not_aggregated_yet"


async def test_a_metric_of_a_glean_application_is_known(aggregates):
    """Its definition was imported, and no ping has it."""
    folder = aggregates.world.root.specs / "glean" / NAMESPACE / "of-today"
    folder.mkdir(parents=True)
    (folder / "metrics.yaml").write_bytes(METRICS)

    assert aggregates.answer("garden.visits")["reason"] == "not_sent_by_this_version"
    with pytest.raises(NoSuchMetric):
        aggregates.answer("gate.opened")  # an event


async def test_an_open_summary_is_read_after_another_took_its_place(aggregates):
    """An update beside a reader changes nothing for it."""
    reader = aggregates.reader
    files = {summary.path: summary for day in reader.days for summary in day.summaries}
    before = {path: summary.metrics for path, summary in files.items()}
    for path in files:
        path.unlink()

    assert {path: summary.metrics for path, summary in files.items()} == before
    assert all(summary.blocks(name) for summary in files.values() for name in summary.metrics)
    assert all(summary.is_whole() for summary in files.values())
