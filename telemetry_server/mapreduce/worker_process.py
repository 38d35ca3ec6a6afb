"""What a worker process does: one piece of work after another, until its connection closes."""

import gc
import multiprocessing
import os
import pickle
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Thread

from storage.errors import NO_ROOM, StorageFull
from telemetry_server.mapreduce.fork_server import restore_environment, take_interrupts
from telemetry_server.mapreduce.one_work import do_work
from telemetry_server.mapreduce.work import Failed, FileStarted, Work, WorkSetup


def serve_work(connection: "Connection[object, object]", setup: WorkSetup) -> None:
    """Do what arrives on *connection*, and send the results."""
    # Its own group: Ctrl-C goes to the parent alone, which ends this process and its children.
    os.setsid()
    take_interrupts()
    os.dup2(sys.stderr.fileno(), 1)  # what a job prints is not a result
    sys.dont_write_bytecode = True
    restore_environment()
    Thread(target=_leave_with_parent, name="lifeline", daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(connection, setup)
    # Without the cleaning up of an interpreter: there is nothing to clean.
    sys.stderr.flush()
    os._exit(0)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _serve(connection: "Connection[object, object]", setup: WorkSetup) -> None:
    try:
        runner = setup.job.runner()
    except Exception as error:
        connection.send(Failed(_sendable(error)))
        return
    gc.freeze()
    while True:
        work = connection.recv()
        try:
            assert isinstance(work, Work)
            done = do_work(work, setup, runner, lambda order: connection.send(FileStarted(order)))
        except OSError as error:
            if error.errno in NO_ROOM:
                connection.send(Failed(StorageFull(f"work folder {setup.folder.parent}: {error.strerror}")))
            else:
                connection.send(Failed(_sendable(error)))
        except Exception as error:
            connection.send(Failed(_sendable(error)))
        else:
            connection.send(done)


def _sendable(error: Exception) -> Exception:
    """Return *error*, or one with the same words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
