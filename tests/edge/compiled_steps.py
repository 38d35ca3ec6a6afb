"""
Runs random steps through the compiled connection, queue and hand-over.

``python -m tests.edge.compiled_steps CONNECTION_LIBRARY QUEUE_LIBRARY HANDOVER_LIBRARY SECONDS`` prints how
many it ran, and fails at the first one after which the plain form differs.
"""

import sys
import time
from random import Random

from tests.edge import test_submit_connection
from tests.storage.raw import test_handover, test_submission_queue
from tests.support.compiled_modules import loaded

STEPS, HANDOVER_STEPS = 600, 20


def main() -> None:
    """Run until the time is over."""
    names = "_connection", "_queue", "_handover"
    connection, queue, handover = map(loaded, names, sys.argv[1:4])
    chance, end, count = Random(1), time.monotonic() + float(sys.argv[4]), 0
    while time.monotonic() < end:
        test_submit_connection.compare(chance, connection, STEPS)
        test_submission_queue.compare(chance, queue.Queue, STEPS)
        test_handover.compare(chance, handover.Handover, HANDOVER_STEPS)
        count += 2 * STEPS + HANDOVER_STEPS
    print(count)


if __name__ == "__main__":
    main()
