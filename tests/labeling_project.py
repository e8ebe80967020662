"""A small project of generated photos for the tests of the labeling page."""

from pathlib import Path

import cv2
import numpy as np

from dentline.recipe import Recipe, dumps
from dentline.workspace import Workspace


def make_project(root: Path, n_photos: int, width: int = 400, height: int = 300, seed: int = 0) -> Workspace:
    """Make a project whose photos are grey noise with a few dark spots each."""
    rng = np.random.default_rng(seed)
    root.mkdir(parents=True, exist_ok=True)
    (root / "recipe.toml").write_text(dumps(Recipe()))
    (root / "photos").mkdir()
    rows, columns = np.mgrid[0:height, 0:width]
    for number in range(n_photos):
        picture = rng.normal(130, 5, (height, width))
        for x, y in rng.uniform([40, 40], [width - 40, height - 40], (3, 2)):
            picture -= 45 * np.exp(-((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2) / (2 * 5.0**2))
        cv2.imwrite(str(root / "photos" / f"part-{number:03d}.jpg"), np.clip(picture, 0, 255).astype(np.uint8))
    return Workspace.open(root)
