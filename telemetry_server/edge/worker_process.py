"""
What a worker asks of the system for its process.

ctypes is imported when it is needed: the supervisor, which does not need it, imports this module, too.
"""

import os
import platform
import resource
from contextlib import suppress
from struct import Struct

KEPT_FREE_BYTES = 4 << 20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
SLICE_NANOSECONDS = 100_000  # the least that the kernel takes
SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # number of the system call, by machine
# struct sched_attr, first version: size, policy, flags, nice, priority, runtime, deadline, period.
ATTRIBUTES = Struct("=IIQiIQQQ")


def allow_open_files(wanted: int) -> None:
    """Raise the limit of open descriptors to *wanted*, or as far as permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def keep_freed_memory() -> None:
    """Have the C library keep some freed memory for the next bodies: a page given back faults again."""
    import ctypes

    with suppress(OSError, AttributeError):  # a C library without it
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_FREE_BYTES)


def shorten_time_slices() -> bool:
    """
    Ask the scheduler for slices of 0.1 ms for this thread, and the threads that it starts from now on.

    From 6.12 on, Linux lets a thread with a shorter slice take the core from the running one: see
    sched_setattr(2), and Documentation/scheduler/sched-eevdf.rst of the kernel.  Beside a converter that
    keeps all cores busy, p99 of submissions is lower (bench/RESULTS.md).

    Returns:
        Whether the kernel took the request; kernels before 6.12 take it and ignore it.
    """
    import ctypes

    number = SCHED_SETATTR.get(platform.machine())
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = ATTRIBUTES.pack(ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, SLICE_NANOSECONDS, 0, 0)
    try:
        return bool(ctypes.CDLL(None).syscall(number, 0, attributes, 0) == 0)
    except (OSError, AttributeError):  # a C library without it
        return False
