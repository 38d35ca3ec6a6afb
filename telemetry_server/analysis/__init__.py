"""SQL over the committed tables.  For notebooks: ``telemetry_server.analysis.connect("./data")``."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_server.analysis.notebook import AnalysisConnection

__all__ = ["connect"]


def connect(
    data_dir: str | Path,
    *,
    memory_bytes: int | None = None,
    threads: int | None = None,
    specs_dir: str | Path | None = None,
) -> "AnalysisConnection":
    """
    Open a DuckDB session over what is committed in *data_dir* now.

    Args:
        memory_bytes: How much memory DuckDB may use; 80 % of the machine's by default.
        threads: How many threads DuckDB may use; one for each core by default.
        specs_dir: The revision cache that ``definitions`` lists; ``<data_dir>/specs`` by default.

    Raises:
        NoDataRoot: *data_dir* is not a data root.
        TablesNotInstalled: DuckDB or PyArrow is missing.
    """
    from telemetry_server.analysis.notebook import open_connection

    specs = None if specs_dir is None else Path(specs_dir)
    return open_connection(Path(data_dir), memory_bytes, threads, specs)
