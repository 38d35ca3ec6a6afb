"""The checksum: compiled, it is that of the package crc32c."""

import subprocess
import sys
from random import Random

import pytest
from crc32c import crc32c as reference

from storage.checksums.checksum import crc32c

compiled = pytest.importorskip("storage.checksums._crc32c")


def test_the_compiled_checksum_is_in_use():
    """Where it was compiled."""
    assert crc32c is compiled.crc32c


def test_every_length_and_alignment_has_the_checksum_of_the_package():
    """Around the lengths at which the compiled form changes its steps, and where it gives up the lock."""
    data, before = Random(1).randbytes(40_000), reference(b"before")
    lengths = [
        *range(70),
        *(edge + more for edge in (1536, 12_288, 24_576, 16_384) for more in range(-9, 10)),
        39_000,
    ]
    for length in lengths:
        for start in (0, 3):
            part = data[start : start + length]
            assert compiled.crc32c(part) == reference(part), length
            assert compiled.crc32c(part, before) == reference(part, before), length


def test_any_buffer_has_a_checksum():
    """Bodies are views, and tails are gathered in byte arrays."""
    for form in (bytes, bytearray, memoryview):
        assert compiled.crc32c(form(b"123456789")) == 0xE3069283


@pytest.mark.parametrize("arguments", [(), ("text",), (b"", "text"), (b"", 0, 0)])
def test_other_arguments_are_refused(arguments):
    """As by the package."""
    with pytest.raises(TypeError):
        compiled.crc32c(*arguments)


def test_without_the_compiled_form_the_package_is_used():
    """On other processors, and where there was no compiler."""
    code = (
        "import sys; sys.modules['storage.checksums._crc32c'] = None\n"
        "from storage.checksums.checksum import crc32c; print(crc32c.__module__, crc32c(b'123456789'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["crc32c._crc32c", str(0xE3069283)]
