"""What `convert` says of other processes at work on its data root, so that a small count is no riddle."""

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START
from storage.raw.reader import SegmentState, scan_segment, segments
from telemetry_server.coordinator.run_summary import RunSummary
from telemetry_server.terminal.output import say


class Company:
    """
    Others that convert or write beside one run of `convert`; lines on stderr.

    Args:
        explains_nothing: Whether to say why nothing was received; a run that imports files says enough.
    """

    def __init__(self, *, explains_nothing: bool) -> None:
        self._explains_nothing = explains_nothing
        self._waited = False
        self._received_before = 0

    def waits(self) -> None:
        """Another process has the converter's lock."""
        if not self._waited:
            self._waited = True
            say("another process converts this data root: waiting for its turn to end")

    def begin(self, ledger: Ledger) -> None:
        """Note what was received before this run."""
        self._received_before = ledger.received_count()

    def end(self, root: DataRoot, ledger: Ledger, tally: RunSummary) -> None:
        """Say what others did meanwhile, why nothing was done, and who still writes."""
        received, ended = tally.received, tally.stored + tally.duplicate + tally.quarantined.total()
        others = ledger.received_count() - self._received_before - received
        if others > 0:
            say(f"another process received {others:,} submissions meanwhile: they are not counted here")
        elif not (received or ended or tally.pending) and self._explains_nothing:
            say(_nothing(root, self._received_before))
        held = _held(root, ledger)
        if held:
            say(
                f"a running server still writes to {', '.join(held)}: "
                "what it takes from now on is for the next convert"
            )


def _nothing(root: DataRoot, received_before: int) -> str:
    found = sum(1 for _ in segments(root.raw))
    if not found and not received_before:
        return f"nothing to convert: no submission ever came to {root.path}; is that the server's data root?"
    return (
        f"nothing new in {root.raw}: {found:,} segment{'' if found == 1 else 's'}, read before; "
        f"{received_before:,} submissions were received by earlier runs"
    )


def _held(root: DataRoot, ledger: Ledger) -> list[str]:
    """The segments that a live process holds."""
    positions = ledger.positions()
    held = []
    for segment in segments(root.raw):
        position = positions.get(segment.name, SEGMENT_START)
        if not position.finished:
            scan = scan_segment(segment.path, position.position, max_bytes=1, max_records=1)
            if scan.state is SegmentState.OPEN:
                held.append(segment.name)
    return held
