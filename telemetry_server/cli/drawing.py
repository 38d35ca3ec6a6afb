"""Turns a chart into a PNG file."""

from importlib.util import find_spec
from pathlib import Path

from telemetry_server.settings.errors import ConfigurationError

# The chart is in pixels; twice as many are sharp on any screen.
SCALE = 2.0


def write_png(svg: str, path: Path) -> None:
    """
    Write the chart in *svg* to *path* as PNG.

    Raises:
        ConfigurationError: vl-convert is not installed.
        OSError: The file cannot be written.
    """
    if find_spec("vl_convert") is None:
        raise ConfigurationError("vl-convert is not installed; pip install 'telemetry-server[charts]'")
    import vl_convert

    path.write_bytes(vl_convert.svg_to_png(svg, scale=SCALE))
