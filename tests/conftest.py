"""What every test may ask for: the real data, where it lies beside the checkout."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dentline import images

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ``shared/`` beside the checkout: real photos, weights, published schemas."""
    folder = next((p / "shared" for p in ROOT.parents if (p / "shared" / "data").is_dir()), None)
    if folder is None:
        pytest.skip("the real photos and weights (shared/ beside the checkout) are not on this machine")
    return folder


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A Chromium for the pages of one test module; closed before the next begins, for its event loop ends with it."""
    from tests.browser import chromium, program

    if program() is None:
        pytest.skip("no Chromium on this machine: the pages are not tested in a browser")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def small_album() -> Callable[[Path, int], Path]:
    """Makes a small folder of photos with pits, as the benchmarks take them: (folder, seed) -> folder."""
    return _small_album


def _small_album(folder: Path, seed: int) -> Path:
    """Write 16 noisy photos of 8 parts in the benchmarks' layout; the first four parts have a pit."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    listed, centers = [], []
    for tile in range(8):
        for shot in range(2):
            photo = rng.normal(120, 6, (200, 220, 3))
            name = f"t{tile}-{shot}.png"
            if tile < 4:
                x, y = rng.uniform(60, 140, 2)
                yy, xx = np.mgrid[:200, :220] + 0.5
                photo -= 60 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 60)[..., None]
                centers.append((name, f"{x:.1f}", f"{y:.1f}"))
            (folder / "images" / name).write_bytes(images.encode_png(np.clip(photo, 0, 255).astype(np.uint8)))
            listed.append((name, "pit" if tile < 4 else "free", f"T{tile}"))
    for table, head, rows in (
        ("images.csv", ("image", "surface", "tile"), listed),
        ("centers.csv", ("image", "x", "y"), centers),
    ):
        with (folder / table).open("w", newline="") as handle:
            csv.writer(handle).writerows([head, *rows])
    return folder
