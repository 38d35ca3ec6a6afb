"""Brokers for the tests of queues."""

from collections.abc import Iterator

import pytest

from tests.support.brokers import MockKafka, NatsServer


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory) -> Iterator[NatsServer]:
    """One NATS server for all tests that do not kill it."""
    with NatsServer(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def nats(shared_nats) -> NatsServer:
    """A NATS server whose stream is empty."""
    shared_nats.add_stream()
    return shared_nats


@pytest.fixture
def kafka() -> MockKafka:
    """A mock cluster whose topic is empty."""
    return MockKafka()


@pytest.fixture(params=["nats", "kafka"])
def broker(request):
    """Each broker in turn."""
    return request.getfixturevalue(request.param)
