"""Whether the optional packages that tables and SQL need are installed."""

from importlib.util import find_spec

PACKAGES = ("pyarrow", "duckdb")


class TablesNotInstalled(Exception):
    """A package of the extra ``tables`` is missing.  One line that says how to install it."""


def require_tables() -> None:
    """
    Check that DuckDB and PyArrow are installed, without importing them.

    Raises:
        TablesNotInstalled: One of them is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise TablesNotInstalled(
            f"{' and '.join(missing)} not installed: pip install 'telemetry-server[tables]'"
        )
