"""What the tests know about the processes of a server."""

import os
import subprocess
from threading import Thread

from tests.support.whole_server import children_of


def test_children_are_listed_while_threads_begin_and_end():
    """A list by thread lacked them about once in fifty times."""
    others = set(children_of(os.getpid()))
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            for _ in range(50):
                thread = Thread(target=str)
                thread.start()
                assert set(children_of(os.getpid())) - others == {child.pid}
                thread.join()
        finally:
            child.kill()

    assert child.pid not in children_of(os.getpid())
