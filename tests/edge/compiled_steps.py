"""
Runs random steps through the compiled connection and queue.

``python -m tests.edge.compiled_steps CONNECTION_LIBRARY QUEUE_LIBRARY SECONDS`` prints how many it ran, and
fails at the first one after which the plain form differs.
"""

import sys
import time
from random import Random

from tests.edge import test_submit_connection
from tests.storage.raw import test_submission_queue
from tests.support.compiled_modules import loaded

STEPS = 600


def main() -> None:
    """Run until the time is over."""
    connection, queue = loaded("_connection", sys.argv[1]), loaded("_queue", sys.argv[2])
    chance, end, count = Random(1), time.monotonic() + float(sys.argv[3]), 0
    while time.monotonic() < end:
        test_submit_connection.compare(chance, connection, STEPS)
        test_submission_queue.compare(chance, queue.Queue, STEPS)
        count += 2 * STEPS
    print(count)


if __name__ == "__main__":
    main()
