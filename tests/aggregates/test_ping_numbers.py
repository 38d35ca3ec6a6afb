"""Facts name their ping by its place among the pings of a day."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.aggregates.facts import Pings

KEYS = st.integers(-(2**40), 2**40)
NEAR_KEYS = st.integers(0, 60)
ARRIVAL = datetime(2026, 11, 20, tzinfo=UTC).replace(tzinfo=None)  # tables hold UTC without a zone


def pings_of(keys: list[int], size: int) -> Pings:
    """Return pings with *keys* that come in batches of *size*."""
    count = len(keys)
    columns = {name: pa.nulls(count, pa.string()) for name in Pings.PING_COLUMNS}
    columns["ping"] = pa.array(keys, pa.int64())
    columns["submission_timestamp"] = pa.array(
        [datetime(2026, 11, 20, tzinfo=UTC).replace(tzinfo=None)] * count
    )
    columns["client_id"] = pa.array([f"client {key % 3}" for key in keys])
    columns["version"] = pa.array([f"{key % 2}.0" for key in keys])
    rows = pa.table(columns)
    return Pings(rows.slice(start, size) for start in range(0, count, size))


@given(st.lists(st.one_of(KEYS, NEAR_KEYS), unique=True, min_size=1, max_size=40), st.integers(1, 9))
def test_the_number_of_a_ping_is_its_place(keys, size):
    """Whether keys are near each other or far apart; a key without a ping has none."""
    pings = pings_of(keys, size)
    wanted = [*keys, min(keys) - 1, max(keys) + 1, keys[0] + 1]

    expected = [keys.index(key) if key in keys else None for key in wanted]
    assert pings.places_of(pa.array(wanted, pa.int64())).to_pylist() == expected


@given(st.lists(NEAR_KEYS, unique=True, min_size=1, max_size=40), st.integers(1, 9))
def test_batches_do_not_change_what_pings_have(keys, size):
    """Clients, dimensions and the newest arrival are those of one batch."""
    pings, whole = pings_of(keys, size), pings_of(keys, len(keys))

    assert pings.dimensions == whole.dimensions
    assert pings.numbers.to_pylist() == whole.numbers.to_pylist()
    assert [pings.dimensions[number].version for number in pings.numbers.to_pylist()] == [
        str(key % 2) for key in keys
    ]
    names = pc.take(pings.client_ids, pings.clients).to_pylist()
    assert names == [f"client {key % 3}" for key in keys]
    assert pings.as_of == whole.as_of == "2026-11-20T00:00:00.000000Z"
