"""What every test may ask for: the real data, where it lies beside the checkout."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ``shared/`` beside the checkout: real photos, weights, published schemas."""
    folder = next((p / "shared" for p in ROOT.parents if (p / "shared" / "data").is_dir()), None)
    if folder is None:
        pytest.skip("the real photos and weights (shared/ beside the checkout) are not on this machine")
    return folder
