"""Ctrl-C while a command imports compiled modules."""

import subprocess
import sys

INTERRUPTED_IMPORT = """
import os, signal
from importlib.machinery import ExtensionFileLoader
from telemetry_server.cli.extension_imports import hold_interrupts_while_they_load

steps = []
create = ExtensionFileLoader.create_module

def create_interrupted(loader, spec):
    os.kill(os.getpid(), signal.SIGINT)
    steps.append("goes on")
    return create(loader, spec)

ExtensionFileLoader.create_module = create_interrupted
hold_interrupts_while_they_load()
try:
    import _lsprof
except KeyboardInterrupt:
    steps.append("ends in the usual way")
print(*steps, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


def test_ctrl_c_waits_until_a_compiled_module_is_imported():
    """Some modules do not expect that imports of their own are interrupted."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], timeout=60, check=True, capture_output=True, text=True
    )

    assert ended.stdout == "goes on ends in the usual way False\n"


def test_a_compiled_module_is_imported_as_before():
    """Where nothing interrupts it."""
    program = (
        "from telemetry_server.cli.extension_imports import hold_interrupts_while_they_load;"
        "hold_interrupts_while_they_load();"
        "import orjson;"
        "print(orjson.loads(b'1'))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], timeout=60, check=True, capture_output=True, text=True
    )

    assert ended.stdout == "1\n"
