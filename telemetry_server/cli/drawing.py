"""Turns a chart into PNG."""

from importlib.util import find_spec

from telemetry_server.settings.errors import ConfigurationError

# The chart is in pixels; twice as many are sharp on any screen.
SCALE = 2.0


def png_of(svg: str) -> bytes:
    """
    Return the chart in *svg* as PNG.

    Raises:
        ConfigurationError: vl-convert is not installed.
    """
    if find_spec("vl_convert") is None:
        raise ConfigurationError("vl-convert is not installed; pip install 'telemetry-server[charts]'")
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=SCALE))
