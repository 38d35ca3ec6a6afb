"""Every test here runs with and without the fast path."""

from collections.abc import Iterator

import pytest

from tests.support.edges import with_fast_lane


@pytest.fixture(scope="module", autouse=True, params=[True, False], ids=["fast-path", "aiohttp"])
def has_fast_lane(request) -> Iterator[bool]:
    """Whether edges and servers use the fast path."""
    with with_fast_lane(is_on=request.param):
        yield request.param
