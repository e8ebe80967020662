"""The weights that come with Dentline: there, small, readable, with their heads."""

import numpy as np

from training import day0
from training.models import weights


def test_they_are_shipped_and_small() -> None:
    assert weights.SURFACE.is_file()
    assert weights.SURFACE.stat().st_size < 4_000_000
    found = weights.resolve("surface")
    assert found.name == "surface"
    assert all(np.isfinite(array).all() for array in found.arrays.values())


def test_their_heads_come_with_them() -> None:
    heads = day0.heads(weights.SURFACE)
    assert heads["cells2_kernel"].shape == (128, 8)
    assert heads["cells3_kernel"].shape == (256, 8)
