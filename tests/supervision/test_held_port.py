"""A port is reserved once, and shared only by the workers of one server."""

import socket
import threading
from contextlib import suppress

import pytest

from telemetry_server.supervision.held_port import HeldPort, PortTaken


def listener_at(address):
    worker = socket.socket()
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    worker.bind(address)
    worker.listen()
    return worker


def test_a_free_port_is_chosen_once_for_all_workers():
    """Port 0 is resolved before workers are forked."""
    port = HeldPort("127.0.0.1", 0)
    workers = [listener_at(port.addresses[0][1]) for _ in range(3)]

    assert port.port > 0
    assert {worker.getsockname()[1] for worker in workers} == {port.port}
    for worker in workers:
        worker.close()
    port.close()


@pytest.mark.parametrize("with_worker", [False, True])
def test_a_second_server_on_the_port_is_refused(with_worker):
    """Although SO_REUSEPORT would permit it; also before the workers of the first one listen."""
    first = HeldPort("127.0.0.1", 0)
    worker = listener_at(first.addresses[0][1]) if with_worker else None

    own = first.port + 1
    advice = r"choose another --port, for example --port ([0-9]+) \(with make: make run PORT=\1\)"
    with pytest.raises(PortTaken, match=f"127.0.0.1:{first.port} is in use.*{advice}") as refused:
        HeldPort("127.0.0.1", first.port, not_to_suggest=[own])
    suggested = int(str(refused.value).rpartition("=")[2].rstrip(")"))
    HeldPort("127.0.0.1", suggested).close()
    assert suggested not in (first.port, own)
    if worker is not None:
        worker.close()
    first.close()
    HeldPort("127.0.0.1", first.port).close()


def test_only_one_of_several_servers_that_start_at_once_gets_the_port():
    """If two reserved it, each would receive a part of the pings."""
    for _ in range(40):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        start = threading.Barrier(6)
        held: list[HeldPort] = []

        def take(port=port, start=start, held=held) -> None:
            start.wait()
            with suppress(PortTaken):
                held.append(HeldPort("127.0.0.1", port))

        servers = [threading.Thread(target=take) for _ in range(6)]
        for server in servers:
            server.start()
        for server in servers:
            server.join()
        for one in held:
            one.close()
        assert len(held) == 1


@pytest.mark.parametrize(
    ("host", "text"), [("203.0.113.1", "cannot listen on"), ("no.such.host.invalid", "is not an address")]
)
def test_a_host_of_another_machine_gives_a_one_line_error(host, text):
    """It says what is wrong, where, and what to do."""
    with pytest.raises(PortTaken, match=text):
        HeldPort(host, 0)
