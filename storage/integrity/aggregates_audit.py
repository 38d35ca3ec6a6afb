"""Compares the summaries of aggregates on disk with the lists of their days."""

from storage.aggregates.day_table import days_with_table, folder_of, read_day_table
from storage.aggregates.summary_file import Summary
from storage.data_root import DataRoot
from storage.errors import BrokenAggregate


def aggregate_findings(root: DataRoot) -> list[str]:
    """
    Return what is damaged or gone, one line each; aggregates that are behind the tables are not a finding.

    The server may run meanwhile: a day whose list is replaced is not reported.  `aggregate --check` also
    compares the sums.
    """
    findings = []
    for day in days_with_table(root):
        try:
            table = read_day_table(root, day)
            broken = (
                []
                if table is None
                else [
                    part.file_name
                    for part in table.parts
                    if not _is_whole(root, day, part.file_name, part.digest)
                ]
            )
            if broken and read_day_table(root, day) == table:
                findings += [f"state/aggregates/{day}/{name}: damaged or gone" for name in broken]
        except BrokenAggregate as error:
            findings.append(str(error))
    return findings


def _is_whole(root: DataRoot, day: str, name: str, digest: str) -> bool:
    try:
        summary = Summary(folder_of(root, day) / name)
        return summary.digest == digest and summary.is_whole()
    except (BrokenAggregate, FileNotFoundError):
        return False
