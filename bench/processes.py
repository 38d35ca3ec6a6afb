"""CPU time and memory of other processes, from /proc."""

import os
from collections.abc import Collection
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name in parentheses: parent, user and system time.
PARENT, USER_TICKS, SYSTEM_TICKS = 1, 11, 12
STOLEN_TICKS = 7  # of the line of a core in /proc/stat


def _fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name may contain spaces and parentheses; it ends at the last parenthesis.
    return text.rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """Return *pid* and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))) is not None:
            children.setdefault(int(fields[PARENT]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def cpu_seconds(pid: int, *, alone: bool = False) -> float:
    """Return user plus system time in seconds of *pid* and, unless *alone*, its living descendants."""
    ticks = 0
    for member in [pid] if alone else family(pid):
        fields = _fields(member)
        if fields is not None:
            ticks += int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])
    return ticks / TICKS_PER_SECOND


def stolen_seconds(cores: Collection[int]) -> float:
    """Return the seconds that the host took from *cores* for other machines (proc(5), "steal")."""
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            ticks += int(fields[STOLEN_TICKS])
    return ticks / TICKS_PER_SECOND


def peak_bytes(pid: int) -> int:
    """Return the peak memory of *pid*; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return int(peak) << 10


def shared_out_bytes(pid: int) -> int:
    """Return the memory of *pid*, pages of several processes divided among them; 0 if it has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    pss = next((line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")), "0")
    return int(pss) << 10
