"""Real data that lies beside the checkout, where somebody put it there."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SHARED_TRIALS = SHARED_DATA.parent / "trials"


def shared_data(*parts: str) -> Path:
    """The file or folder *parts* of the shared data; skips the test where there is none."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{'/'.join(parts)}")
    return path


def shared_trials(*parts: str) -> Path:
    """The file or folder *parts* of the inputs that once failed; skips the test where there is none."""
    path = SHARED_TRIALS.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/trials/{'/'.join(parts)}")
    return path
