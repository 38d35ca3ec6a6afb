"""The command as pip installs it."""

from pathlib import Path

TEXT = """
import sys

from telemetry_server.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
"""


def console_script(folder: Path) -> Path:
    """Write it into a new *folder*: Python looks for modules there, and not in the working folder."""
    folder.mkdir()
    script = folder / "telemetry-server"
    script.write_text(TEXT)
    return script
