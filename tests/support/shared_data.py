"""Finds real data next to the checkout, if it exists."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SHARED_TRIALS = SHARED_DATA.parent / "trials"


def shared_data(*parts: str) -> Path:
    """Return the file or folder *parts* of the shared data; skip the test if it does not exist."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{'/'.join(parts)}")
    return path


def shared_trials(*parts: str) -> Path:
    """Return the file or folder *parts* of inputs that once failed; skip the test if it does not exist."""
    path = SHARED_TRIALS.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/trials/{'/'.join(parts)}")
    return path
