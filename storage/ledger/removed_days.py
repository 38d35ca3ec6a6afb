"""The ledger's part about days whose records are removed: what becomes of their ids."""

from storage.ledger.table_files import TableChanges

REMOVED_FOLDER = "removed"
"""Where ids that outlive their record point to; no folder of that name exists."""


class DayRemoval(TableChanges):
    """The change of `Transaction` for the ids of a day whose records are removed."""

    def forget_ids_of(self, day: str, *, remembers: bool) -> int:
        """
        Forget the ids of the records of *day* (YYYYMMDD); return how many.

        Args:
            remembers: Keep them for the rest of their time: a repeat is still a duplicate.
        """
        bounds = {"first": f"converted/{day}/", "behind": f"converted/{day}0"}
        of_day = "SELECT directory_id FROM directories WHERE directory >= :first AND directory < :behind"
        execute = self._connection.execute
        if remembers:
            removed = {"removed": f"{REMOVED_FOLDER}/{day}"}
            execute("INSERT OR IGNORE INTO directories (directory) VALUES (:removed)", removed)
            removed_id = "SELECT directory_id FROM directories WHERE directory = :removed"
            count = execute(
                f"UPDATE seen SET directory_id = ({removed_id}) WHERE directory_id IN ({of_day})",  # noqa: S608
                {**bounds, **removed},
            ).rowcount
        else:
            count = execute(f"DELETE FROM seen WHERE directory_id IN ({of_day})", bounds).rowcount  # noqa: S608
        # When the latest ping of a client came: of those that came on that day, or before it.
        execute("DELETE FROM arrivals WHERE day <= ?", (int(day),))
        execute("DELETE FROM directories WHERE directory >= :first AND directory < :behind", bounds)
        return count
