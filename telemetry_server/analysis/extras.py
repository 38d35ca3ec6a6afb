"""Whether the optional packages that tables and SQL need are installed."""

from importlib.util import find_spec

from storage.tables.memory import use_system_memory

PACKAGES = ("pyarrow", "duckdb")


class TablesNotInstalled(Exception):
    """A package of the extra ``tables`` is missing.  One line that says how to install it."""


def require_tables() -> None:
    """
    Check that DuckDB and PyArrow are installed, and prepare their import.

    Raises:
        TablesNotInstalled: One of them is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise TablesNotInstalled(
            f"{' and '.join(missing)} not installed: pip install 'telemetry-server[tables]'"
        )
    use_system_memory()
