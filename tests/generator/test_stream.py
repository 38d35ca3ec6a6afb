"""Generated pings are realistic and reproducible, and have the right expected outcome."""

import statistics
import zlib
from datetime import date
from uuid import UUID

import orjson
import pytest

from histogram_specs.spec_file import parse_spec_file
from telemetry_server.generator.definitions import definitions_of, shipped_definitions
from telemetry_server.generator.faults import PAYLOAD_FAULTS, TRANSPORT_FAULTS, histogram_fault_names
from telemetry_server.generator.payloads import Layout
from telemetry_server.generator.sample_definitions import UNUSABLE, sample_definitions
from telemetry_server.generator.stream import CONFLICT, GOOD, REPEAT, GeneratedPing, Recipe

SHIPPED = shipped_definitions()
LAYOUTS = list(Layout)


def payload_of(ping: GeneratedPing) -> dict:
    """Return the payload in the body of a ping."""
    return orjson.loads(zlib.decompress(ping.body, 31))


def good_pings(layout: Layout, count: int = 20) -> list[GeneratedPing]:
    """Return some good pings."""
    return list(Recipe(SHIPPED, seed=5, layout=layout).pings(count))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_builds_are_of_the_three_months_before_the_newest(layout):
    """Nothing else of the pings changes."""
    newest = date(2026, 3, 1)
    recent = [
        payload_of(ping) for ping in Recipe(SHIPPED, seed=5, layout=layout, newest_build=newest).pings(20)
    ]
    usual = [payload_of(ping) for ping in good_pings(layout)]

    def build_of(payload: dict) -> str:
        return (
            payload["info"]["appBuildID"] if layout is Layout.CLASSIC else payload["application"]["buildId"]
        )

    assert {build_of(payload)[:8] for payload in recent} == {"20251207", "20260118", "20260301"}
    for one, other in zip(recent, usual, strict=True):
        text = orjson.dumps(one).replace(build_of(one).encode(), build_of(other).encode())
        assert text == orjson.dumps(other)


def test_the_shipped_definitions_equal_the_output_of_their_script():
    """The file must not be edited by hand."""
    assert SHIPPED.text.decode() == sample_definitions()


def test_the_shipped_definitions_are_of_every_kind():
    """About 250 definitions, one of them unusable on purpose."""
    kinds = {spec.kind.value for spec in parse_spec_file(SHIPPED.text)}

    assert kinds == {"boolean", "flag", "count", "enumerated", "linear", "exponential", "categorical"}
    assert 240 <= len(SHIPPED.plain) + len(SHIPPED.keyed) <= 270
    assert SHIPPED.keyed
    assert SHIPPED.unusable == (UNUSABLE,)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_ping_depends_only_on_seed_and_index(layout):
    """Pings that were generated before do not matter."""
    recipe = Recipe(SHIPPED, seed=9, malformed_rate=0.3, repeat_rate=0.2, layout=layout)
    in_order = list(recipe.pings(40))

    assert [recipe.ping_at(index) for index in reversed(range(40))] == in_order[::-1]
    assert recipe.ping_at(3) != Recipe(SHIPPED, seed=10, layout=layout).ping_at(3)


def test_classic_pings_have_the_size_and_shape_of_real_ones():
    """About 100 KB, and 200 histograms with 5 to 20 used buckets if their kind allows that."""
    pings = good_pings(Layout.CLASSIC)
    payloads = [payload_of(ping) for ping in pings]

    assert 80_000 < statistics.mean(len(orjson.dumps(payload)) for payload in payloads) < 130_000
    assert all(len(payload["histograms"]) == 200 for payload in payloads)
    in_use = [
        sum(count > 0 for count in histogram["values"].values())
        for payload in payloads
        for histogram in payload["histograms"].values()
        if histogram["histogram_type"] == 0
    ]
    assert min(in_use) >= 5
    assert max(in_use) <= 20
    assert len(set(in_use)) > 10


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_good_ping_matches_its_definitions(layout):
    """Type, range, bucket count and buckets of all histograms of all processes."""
    specs = {spec.name: spec for spec in (*SHIPPED.plain, *SHIPPED.keyed)}
    for ping in good_pings(layout, 5):
        section = payload_of(ping)
        section = section.get("payload", section)
        holders = [section, *section.get("processes", {}).values()]
        flat = [item for holder in holders for item in holder.get("histograms", {}).items()]
        keyed = [
            (name, histogram)
            for holder in holders
            for name, by_key in holder.get("keyedHistograms", {}).items()
            for histogram in by_key.values()
        ]

        assert ping.expected.histograms_kept == len(flat) + len(keyed)
        assert bool(keyed) == (layout is Layout.UNIFIED)
        for name, histogram in flat + keyed:
            spec = specs[name]
            assert histogram["histogram_type"] == spec.histogram_type
            assert histogram["bucket_count"] == spec.bucket_count
            assert tuple(histogram["range"]) == spec.range
            assert set(histogram["values"]) <= set(spec.bucket_index)
            assert all(count >= 0 for count in histogram["values"].values())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ids_are_uuids_and_are_in_the_path(layout):
    """Each ping has another id."""
    pings = good_pings(layout)

    assert len({ping.document_id for ping in pings}) == len(pings)
    for ping in pings:
        assert str(UUID(ping.document_id)) == ping.document_id
        assert f"/{ping.document_id}/" in ping.path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_fault_occurs_and_has_the_right_expected_outcome(layout):
    """The name of the fault is the reason for which pings are quarantined or histograms dropped."""
    recipe = Recipe(SHIPPED, seed=2, malformed_rate=1.0, layout=layout)
    by_kind = {ping.kind: ping for ping in recipe.pings(150)}

    whole = {*PAYLOAD_FAULTS, *TRANSPORT_FAULTS}
    assert set(by_kind) == whole | set(histogram_fault_names(SHIPPED))
    for kind, ping in by_kind.items():
        if kind in whole:
            assert (ping.expected.outcome, ping.expected.reason) == ("quarantined", kind)
        else:
            assert ping.expected.outcome == "stored"
            assert set(ping.expected.histograms_dropped) == {kind}
            assert 1 <= ping.expected.histograms_dropped[kind] <= 3
            assert ping.expected.histograms_kept > 100


def test_without_an_unusable_definition_there_is_no_unusable_spec():
    """Most real files have no such definition."""
    text = b'{"A": {"kind": "exponential", "high": 100, "n_buckets": 20}}'
    definitions = definitions_of(text)

    assert "unusable_spec" not in Recipe(definitions).kinds()
    assert Recipe(definitions).ping_at(0).expected.histograms_kept == 1


def test_repeats_have_the_id_of_an_earlier_good_ping():
    """A repeat has the same bytes, a conflict has other bytes."""
    recipe = Recipe(SHIPPED, seed=4, repeat_rate=0.5)
    first: dict[str, GeneratedPing] = {}
    kinds = set()
    for ping in recipe.pings(60):
        kinds.add(ping.kind)
        if ping.kind == GOOD:
            first[ping.document_id] = ping
            continue
        original = first[ping.document_id]
        assert (ping.body == original.body) == (ping.kind == REPEAT)
        assert ping.expected.outcome == "duplicate"
        assert ping.expected.conflict == (ping.kind == CONFLICT)

    assert kinds == {GOOD, REPEAT, CONFLICT}


def test_lines_have_no_faults_that_a_line_cannot_express():
    """A line has neither a path nor gzip."""
    kinds = {ping.kind for ping in Recipe(SHIPPED, malformed_rate=1.0, lines_only=True).pings(150)}

    assert not kinds & set(TRANSPORT_FAULTS)
    assert "invalid_json" in kinds
