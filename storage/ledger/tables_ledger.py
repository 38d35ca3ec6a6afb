"""The ledger with its queries about tables only; it imports a third of what `Ledger` imports."""

from storage.ledger.ledger_file import LedgerFile
from storage.ledger.table_files import TableQueries


class TablesLedger(LedgerFile, TableQueries):
    """The ledger of one data root, with its queries about the tables."""
