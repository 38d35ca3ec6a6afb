"""The compiled walk stays within its text, and without it the same is stored."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import hatch_build
from telemetry_server.convert.pipeline import convert
from tests.convert.payloads.samples import a_context, a_submission, classic, stored
from tests.support.sanitizers import checked_runs
from tests.support.sizes import size

ROOT = Path(__file__).resolve().parents[3]
SECONDS = size(2, 12)

WITHOUT = """
import sys
sys.modules["telemetry_server.convert.compiled._text"] = None
from pathlib import Path
from tests.convert.payloads.samples import a_context, a_submission, classic, stored
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.compiled.ping_text import IS_COMPILED
assert not IS_COMPILED
outcome = convert(a_submission(classic()), a_context(Path(sys.argv[1])))
sys.stdout.buffer.write(stored(outcome).record)
"""


def test_without_the_compiled_walk_the_same_is_stored(tmp_path):
    """The package may be built without a compiler."""
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "without")]
    without = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout

    with_it = convert(a_submission(orjson.dumps(classic())), a_context(tmp_path / "with"))

    assert without == stored(with_it).record


def test_a_build_without_a_compiler_omits_the_compiled_walk(tmp_path, monkeypatch, capsys):
    """The build says so, and leaves no partial file."""
    monkeypatch.setenv("CC", str(tmp_path / "no-such-compiler"))

    assert not hatch_build.compiled(ROOT / hatch_build.SOURCE, tmp_path / "walk.so")

    assert list(tmp_path.iterdir()) == []
    assert "without the compiled inner loop" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["-U__SSE2__"]], ids=["16 bytes at a time", "byte by byte"])
def test_no_text_leads_the_walk_out_of_its_memory(tmp_path, flags):
    """
    Under the compiler's own checks of addresses and of undefined behaviour.

    The loops for machines without SSE2, which read a byte at a time, give the same results.
    """
    module = "tests.convert.compiled.mutations"
    assert checked_runs(tmp_path, module, [str(hatch_build.SOURCE)], SECONDS, flags) > 1000
