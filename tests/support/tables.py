"""Reads the tables of a data root in tests."""

from storage.data_root import DataRoot
from telemetry_server.analysis.catalogue import catalogue_of


class Tables:
    """The tables of one data root."""

    def __init__(self, root: DataRoot) -> None:
        self.catalogue = catalogue_of(root)
