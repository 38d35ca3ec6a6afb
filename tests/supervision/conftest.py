"""Every test here runs with the fast path, and the quick ones also without it."""

from collections.abc import Iterator

import pytest

from tests.support.edges import with_fast_lane


@pytest.fixture(
    scope="module",
    autouse=True,
    params=[True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["fast-path", "aiohttp"],
)
def has_fast_lane(request) -> Iterator[bool]:
    """Whether edges and servers use the fast path."""
    with with_fast_lane(is_on=request.param):
        yield request.param
