"""A conversion process goes on while the coordinator receives its results."""

import socket
import threading

from telemetry_server.coordinator.conversion_process import _Sender

LARGE = 16 << 20  # more than the buffers of a socket hold


def received(connection, count):
    parts = bytearray()
    while len(parts) < count:
        parts += connection.recv(1 << 20)
    return bytes(parts)


def test_results_are_sent_in_order_while_the_process_works():
    """Two are on their way; with a third the process waits until the first was received."""
    here, there = socket.socketpair()
    results = [bytes([number]) * LARGE for number in range(3)]
    is_sent = threading.Event()

    def send_third():
        sender.send([results[2]])
        is_sent.set()

    with here, there, _Sender(there) as sender:
        sender.send([results[0]])
        sender.send([results[1][:5], results[1][5:]])
        third = threading.Thread(target=send_third)
        third.start()
        assert not is_sent.wait(0.1)

        assert received(here, 3 * LARGE) == b"".join(results)
        third.join()


def test_a_process_ends_when_the_coordinator_is_gone():
    """What it still sends is lost; the tasks are converted again."""
    here, there = socket.socketpair()
    with there, _Sender(there) as sender:
        sender.send([bytes(LARGE)])
        here.close()
        for _ in range(4):
            sender.send([bytes(LARGE)])
