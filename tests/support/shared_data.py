"""Real data that lies beside the checkout, where somebody put it there."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """The file or folder *parts* of the shared data; skips the test where there is none."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{'/'.join(parts)}")
    return path


def shared_trial(name: str) -> Path:
    """A small input that once failed; skips the test where it is not there."""
    path = SHARED_DATA.with_name("trials") / name
    if not path.exists():
        pytest.skip(f"needs ../shared/trials/{name}")
    return path
