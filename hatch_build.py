"""
Compiles the inner loops of conversion, tables, aggregates and receiving, where there is a C compiler.

Where there is none, or it fails, the package is built without: it does the same, slower.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("telemetry_server/convert/compiled/_text.c")
SOURCES = (
    SOURCE,
    Path("telemetry_server/aggregates/compiled/_sums.c"),
    Path("telemetry_server/tables/_fields.c"),
    Path("telemetry_server/tables/_metrics.c"),
    Path("telemetry_server/tables/_scalars.c"),
    Path("storage/tables/compiled/_lists.c"),
    Path("storage/tables/compiled/_pages.c"),
    Path("telemetry_server/edge/_head.c"),
    Path("telemetry_server/edge/_connection.c"),
    Path("storage/checksums/_crc32c.c"),
    Path("storage/raw/_records.c"),
    Path("storage/raw/_queue.c"),
    Path("storage/raw/_handover.c"),
)


class CompileInnerLoop(BuildHookInterface[Any]):
    """A build hook of hatchling."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile for wheels, editable ones too; a source archive has none of it."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        for source in SOURCES:
            library = root / source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
            if not compiled(root / source, library):
                library.unlink(missing_ok=True)
                continue
            build_data["infer_tag"] = True
            build_data["pure_python"] = False
            if version != "editable":
                build_data["force_include"][str(library)] = str(library.relative_to(root))


def compiled(source: Path, library: Path) -> bool:
    """Make *library* of *source*, whole or not at all; whether that worked."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    shared = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
    unfinished = library.with_suffix(f".{os.getpid()}.new")
    command = [*compiler, "-O3", "-fPIC", *shared, f"-I{sysconfig.get_path('include')}", str(source)]
    try:
        subprocess.run([*command, "-o", str(unfinished)], check=True, capture_output=True, text=True)  # noqa: S603
        unfinished.replace(library)
    except (OSError, subprocess.CalledProcessError) as error:
        unfinished.unlink(missing_ok=True)
        print(f"built without the compiled inner loop: {getattr(error, 'stderr', '') or error}")
        return False
    return True
