"""Removes the bytes of deleted submissions from the segments of raw/."""

import time
from collections.abc import Callable

from storage.raw.removal import SegmentInUse, remove_submissions
from storage.raw.segment_file import ask_to_seal
from telemetry_server.privacy.places import Forgetting

LOOK_AGAIN_SECONDS = 0.5


def forget_raw(
    context: Forgetting, wait_seconds: float, on_wait: Callable[[str], None] = lambda _: None
) -> tuple[int, list[str]]:
    """
    Remove the bytes of all deleted submissions.

    A segment that a server still writes to cannot be changed: the server is asked to begin another.

    Args:
        wait_seconds: How long to wait for that.
        on_wait: Called once with the path of a segment that is waited for.

    Returns:
        How many submissions were removed, and the segments that are still written to.

    Raises:
        OSError, StorageError: The disk refuses; what was removed stays so.
    """
    deadline = time.monotonic() + wait_seconds
    removed, in_use = _remove_all(context)
    if in_use and wait_seconds:
        ask_to_seal(context.root.raw, context.disk)
        on_wait(in_use[0])
    while in_use and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_SECONDS)
        more, in_use = _remove_all(context)
        removed += more
    return removed, in_use


def _remove_all(context: Forgetting) -> tuple[int, list[str]]:
    removed = 0
    in_use = []
    for segment, offsets in context.ledger.removals().items():
        with context.lock.held():
            try:
                removed += remove_submissions(context.root.raw / segment, offsets, context.disk)
            except SegmentInUse:
                in_use.append(f"raw/{segment}")
                continue
            except FileNotFoundError:
                pass  # removed after its retention
            with context.ledger.transaction() as transaction:
                transaction.removed(segment, offsets)
    return removed, in_use
