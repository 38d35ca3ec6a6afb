"""``python -m telemetry_server`` is ``telemetry-server``."""

import sys

from telemetry_server.cli.main import main

sys.exit(main())
