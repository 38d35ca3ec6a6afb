"""Draws a histogram into a PNG file, with matplotlib."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from telemetry_server.settings.errors import ConfigurationError


def draw(answer: dict[str, Any], path: Path) -> None:
    """
    Draw the last row of a histogram's answer into a PNG file.

    Raises:
        ConfigurationError: matplotlib is not installed.
        OSError: The file cannot be written.
    """
    if find_spec("matplotlib") is None:
        raise ConfigurationError("matplotlib is not installed; pip install 'telemetry-server[charts]'")
    from matplotlib.figure import Figure  # type: ignore[import-not-found]

    row = answer["rows"][-1]
    labels = row.get("labels") or [str(start) for start in row["starts"]]
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(labels)), [float(count) for count in row["counts"]], width=0.9)
    step = max(1, len(labels) // 20)
    axes.set_xticks(range(0, len(labels), step), [_plain(label) for label in labels[::step]], rotation=45)
    axes.set_title(_plain(f"{answer['metric']}, {row['group']}"))
    axes.set_xlabel("bucket")
    axes.set_ylabel(answer["weight"])
    figure.savefig(path, format="png", metadata={"Software": None})


def _plain(text: str) -> str:
    """Return *text* without the signs that matplotlib takes as mathematics."""
    return text.replace("$", "\\$")
