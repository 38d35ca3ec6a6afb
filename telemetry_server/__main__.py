"""``python -m telemetry_server`` is ``telemetry-server``."""

import sys

from telemetry_server.cli.start import run_program

sys.exit(run_program())
