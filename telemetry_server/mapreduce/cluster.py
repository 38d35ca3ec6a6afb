"""
Maps a job on a cluster of Dask, and reduces it here.

The workers are the operator's, and see the data root at the same path.  A task whose worker is lost is
run again by another.  A task's result is taken once, by its number, so that the bytes are those of one
machine.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from telemetry_server.mapreduce.cluster_worker import (
    ClusterSetup,
    FileVanished,
    TaskMapped,
    map_on_worker,
    our_version,
)
from telemetry_server.mapreduce.errors import ClusterFailed, ClusterNotInstalled, ProcessDied
from telemetry_server.mapreduce.plan import MapTask
from telemetry_server.mapreduce.run import LocalRun
from telemetry_server.mapreduce.work import Done, Failed, MapDone
from telemetry_server.terminal.output import say

CONNECT_SECONDS = 10
MAX_SECONDS_WITHOUT_WORKERS = 60
SILENT_SECONDS = 3  # of a wait for workers
LOOK_SECONDS = 2
MAX_RETRIES = 3


def require_cluster() -> None:
    """
    Check that Dask is installed, without importing it.

    Raises:
        ClusterNotInstalled: It is not.
    """
    if find_spec("distributed") is None:
        raise ClusterNotInstalled(
            "dask.distributed is not installed: pip install 'telemetry-server[cluster]'"
        )


class ClusterRun(LocalRun):
    """A run whose tasks are mapped by the workers of a cluster; use `cluster_run`."""

    client: Any  # distributed.Client, whose methods have no types

    def do_tasks(self, tasks: Sequence[MapTask], take: Callable[[Done], None]) -> None:
        """Map *tasks* on the cluster; those whose files are gone meanwhile, here."""
        finished: SimpleQueue[Any] = SimpleQueue()
        futures: dict[str, tuple[Any, MapTask]] = {}
        vanished: list[MapTask] = []
        try:
            for task in tasks:
                future = self._submitted(task)
                futures[future.key] = future, task
                future.add_done_callback(finished.put)
            for key in self._finished(finished, len(tasks)):
                future, task = futures.pop(key)
                result = self._result_of(future, task)
                if isinstance(result, FileVanished):
                    vanished.append(task)
                    continue
                take(self._stored(task, result))
        finally:
            with suppress(Exception):  # the scheduler may be gone; another error says so then
                self.client.cancel([future for future, _ in futures.values()])
        if vanished:
            super().do_tasks(vanished, take)

    def _submitted(self, task: MapTask) -> Any:
        from distributed.client import ClosedClientError

        setup = self._setup
        try:
            return self.client.submit(
                map_on_worker,
                task,
                ClusterSetup(setup.job, setup.held.root, setup.partitions, setup.budget_bytes, our_version()),
                pure=False,
                retries=MAX_RETRIES,
            )
        except ClosedClientError:
            raise ClusterFailed("the scheduler of the cluster is gone; start one, and run it again") from None

    def _finished(self, finished: "SimpleQueue[Any]", count: int) -> Iterator[str]:
        """
        Yield the keys of *count* futures as they finish.

        Raises:
            ClusterFailed: The cluster has had no worker for a while, or its scheduler is gone.
        """
        for _ in range(count):
            last_seen = monotonic()
            is_said = False
            while True:
                try:
                    yield finished.get(timeout=LOOK_SECONDS).key
                    break
                except Empty:
                    waited = monotonic() - last_seen
                    if self._has_workers():
                        last_seen = monotonic()
                        is_said = False
                    elif waited > MAX_SECONDS_WITHOUT_WORKERS:
                        raise ClusterFailed(
                            "the cluster has no workers any more; start some, and run it again"
                        ) from None
                    elif waited > SILENT_SECONDS and not is_said and self.client.status == "running":
                        is_said = True
                        say(
                            "the scheduler has no workers any more: waiting up to"
                            f" {MAX_SECONDS_WITHOUT_WORKERS} s for others, which take over"
                        )

    def _has_workers(self) -> bool:
        if self.client.status != "running":
            return False
        try:
            return bool(self.client.nthreads())
        except OSError:
            return False

    @staticmethod
    def _result_of(future: Any, task: MapTask) -> TaskMapped | FileVanished:
        from distributed import KilledWorker

        if future.status in ("cancelled", "lost"):
            raise ClusterFailed("the scheduler of the cluster is gone; start it, and run it again")
        try:
            result: Any = future.result()
        except KilledWorker:
            raise ProcessDied(f"workers were killed while they read {task.words}") from None
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            raise ClusterFailed(
                f"a worker cannot run the job ({words}); is the same telemetry-server installed there?"
            ) from None
        if isinstance(result, Failed):
            raise result.error
        found: TaskMapped | FileVanished = result
        return found

    def _stored(self, task: MapTask, result: TaskMapped) -> MapDone:
        """Write the runs of *task* to the work folder."""
        paths: list[tuple[Path, ...]] = []
        for partition, runs in enumerate(result.runs):
            of_partition = []
            for number, data in enumerate(runs):
                path = self._setup.folder / f"cluster-{task.number}-{number}-{partition}"
                path.write_bytes(data)
                of_partition.append(path)
            paths.append(tuple(of_partition))
        return MapDone(task, result.records, result.bad, tuple(paths))


@contextmanager
def _silent_logs() -> Iterator[None]:
    """
    Show nothing of Dask's logs during the block: lost work is done again, and an error says what ended a run.

    Dask gives some of its loggers a level of their own, so that the level of their parent has no effect.
    """
    names = {"distributed", *(n for n in logging.root.manager.loggerDict if n.startswith("distributed."))}
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """
    Connect to the scheduler at *address*.

    Raises:
        ClusterNotInstalled: Dask is missing.
        ClusterFailed: No scheduler answers, or it has no workers.
    """
    require_cluster()
    import distributed  # noqa: F401 - its loggers are made now

    with _silent_logs(), closing(_client(address)) as client:
        try:
            if not _has_workers_within(SILENT_SECONDS, client):
                say(
                    f"the scheduler at {address} has no workers: waiting up to"
                    f" {MAX_SECONDS_WITHOUT_WORKERS} s; dask worker {address} starts one"
                )
                if not _has_workers_within(MAX_SECONDS_WITHOUT_WORKERS - SILENT_SECONDS, client):
                    raise ClusterFailed(f"no workers at {address}; dask worker {address} starts one")
        except OSError:
            raise ClusterFailed(f"the scheduler at {address} is gone; dask scheduler starts one") from None
        yield client


def _has_workers_within(seconds: float, client: Any) -> bool:
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError:
        return False
    return True


def _client(address: str) -> Any:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ClusterFailed(
            f"no scheduler answers at {address} ({error}); dask scheduler starts one"
        ) from None
    except MemoryError:
        # The answer of another server was read as a number of bytes that no memory has.
        raise ClusterFailed(f"what answers at {address} is not a scheduler of Dask") from None
    except Exception as error:  # such as TLS without certificates in Dask's configuration
        words = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
        raise ClusterFailed(f"cannot connect to a scheduler at {address} ({words})") from None
