"""A finding: one line of the report of ``doctor``."""

from dataclasses import dataclass

from storage.data_root import DataRoot


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    ok: bool
    detail: str
    fix: str = ""  # what to do; empty if nothing
    skipped: bool = False  # the check could not run, and the detail says why


class ForeignFile(Finding):
    """A finding that part of the data root is not accessible for this user."""


def foreign_file(root: DataRoot, detail: str, check: str = "data root") -> ForeignFile:
    """Return the finding for a part of *root* that is not accessible for this user."""
    fix = f"run it as the server's user, or chown -R $(id -un) {root.path}"
    return ForeignFile(check, False, detail, fix)
