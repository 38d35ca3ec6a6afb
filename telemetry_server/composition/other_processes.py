"""Reports what other processes did during a run of `convert`, to explain its counts."""

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START
from storage.raw.reader import SegmentState, scan_segment, segments
from telemetry_server.coordinator.run_summary import RunSummary
from telemetry_server.terminal.output import say


class OtherProcesses:
    """
    Prints lines on stderr about processes that convert or write during one run of `convert`.

    Args:
        explains_nothing: Whether to print why nothing was received; not needed when files are imported.
    """

    def __init__(self, *, explains_nothing: bool) -> None:
        self._explains_nothing = explains_nothing
        self._waited = False
        self._received_before = 0

    def waits(self) -> None:
        """Print once that another process has the converter's lock."""
        if not self._waited:
            self._waited = True
            say("another process is converting this data root: waiting for it")

    def begin(self, ledger: Ledger) -> None:
        """Note how much was received before this run."""
        self._received_before = ledger.received_count()

    def end(self, root: DataRoot, ledger: Ledger, tally: RunSummary) -> None:
        """Print what other processes did, why nothing was converted, and who still writes."""
        received, ended = tally.received, tally.stored + tally.duplicate + tally.quarantined.total()
        others = ledger.received_count() - self._received_before - received
        if others > 0:
            say(f"another process received {others:,} submissions during this run: they are not counted here")
        elif not (received or ended or tally.pending) and self._explains_nothing:
            say(_reason_for_nothing(root, self._received_before))
        held = _open_segments(root, ledger)
        if held:
            say(
                f"a running server still writes to {', '.join(held)}: "
                "new submissions are converted by the next convert"
            )


def _reason_for_nothing(root: DataRoot, received_before: int) -> str:
    found = sum(1 for _ in segments(root.raw))
    if not found and not received_before:
        return (
            f"nothing to convert: {root.path} has never received a submission; is it the server's data root?"
        )
    return (
        f"nothing new in {root.raw}: {found:,} segment{'' if found == 1 else 's'}, already converted; "
        f"{received_before:,} submissions were received by earlier runs"
    )


def _open_segments(root: DataRoot, ledger: Ledger) -> list[str]:
    """Return the names of the segments that a running process writes to."""
    positions = ledger.positions()
    held = []
    for segment in segments(root.raw):
        position = positions.get(segment.name, SEGMENT_START)
        if not position.finished:
            scan = scan_segment(segment.path, position.position, max_bytes=1, max_records=1)
            if scan.state is SegmentState.OPEN:
                held.append(segment.name)
    return held
