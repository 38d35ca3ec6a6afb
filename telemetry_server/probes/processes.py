"""In which sections of a ping a definition's ``record_in_processes`` allows it."""

from collections.abc import Iterable
from functools import lru_cache

PARENT = "parent"
CONTENT = "content"
EXTENSION = "extension"
DYNAMIC = "dynamic"
# Sections that some Firefox has sent.
KNOWN_SECTIONS = frozenset(
    {PARENT, CONTENT, EXTENSION, "gpu", DYNAMIC, "rdd", "socket", "utility", "vr", "fork_server"}
)
ALL = "all"
ALL_CHILDREN = frozenset({"all_children", "all_childs", "all_child"})
WRITTEN = frozenset({"main", "content", "gpu", "rdd", "socket", "utility", ALL, "all_children"})
HISTORICAL = frozenset({"all_childs", "all_child", "parent", "extension", "dynamic", "vr"})


@lru_cache(maxsize=1024)
def is_allowed(recorded_in: tuple[str, ...], section: str) -> bool:
    """
    Whether a metric that is recorded in the processes *recorded_in* may be in *section* of a ping.

    An empty *recorded_in* allows every section.  ``main`` is ``parent`` in a ping; an extension's process
    is a content process.
    """
    if not recorded_in or section == DYNAMIC:
        return True
    return any(_covers(process, section) for process in recorded_in)


def _covers(process: str, section: str) -> bool:
    if process == ALL:
        return True
    if process in ALL_CHILDREN:
        return section != PARENT
    if process in ("main", PARENT):
        return section == PARENT
    return section == process or (process == CONTENT and section == EXTENSION)


def known_sections(of_file: Iterable[str] = ()) -> frozenset[str]:
    """Return the sections that a ping may have, with those of the revision's Processes.yaml."""
    return KNOWN_SECTIONS.union(of_file)
