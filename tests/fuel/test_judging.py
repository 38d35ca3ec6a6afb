"""Items of any form are judged without an exception, and what is stored fits both databases."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.request_body import inflated, parsed
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS, OSTF_RUNS, OSWL_STATS
from telemetry_server.fuel.documents.judging import judge_items
from telemetry_server.fuel.documents.values import storable
from tests.fuel.documents import a_run, a_task, a_workload

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3), max_leaves=8
)
GOOD = {ACTION_LOGS: a_task(1), OSWL_STATS: a_workload(1), OSTF_RUNS: a_run(1)}


@st.composite
def mutated(draw, good):
    """Draw a good item with one value replaced, or a value of any form."""
    item = json.loads(json.dumps(good))
    inner = item
    for _ in range(draw(st.integers(0, 3))):
        objects = [value for value in inner.values() if isinstance(value, dict) and value]
        if not objects:
            break
        inner = draw(st.sampled_from(objects))
    inner[draw(st.sampled_from(sorted(inner)) | st.text())] = draw(VALUES)
    return draw(st.just(item) | VALUES)


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_any_item_becomes_a_row_or_is_refused(data):
    form = data.draw(st.sampled_from(list(GOOD)))
    item = data.draw(mutated(GOOD[form]))
    judged = judge_items(form, [item], is_plain=False)

    assert len(judged.rows) + len(judged.refused) == 1
    for row in judged.rows.values():
        assert storable([getattr(row, name) for name in row.__slots__]) is None
    for refused in judged.refused:
        assert storable([*refused.key, refused.reason, refused.item]) is None
        json.loads(refused.item)
        assert refused.reason


@settings(derandomize=True, deadline=None)
@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_parsed_or_refused(body):
    try:
        parsed(body)
    except RequestRefused as refused:
        assert refused.status == 400
    try:
        assert len(inflated(body, "gzip", 1000)) <= 1000
    except RequestRefused as refused:
        assert refused.status in (400, 413)
