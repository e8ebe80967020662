"""A project of patches that can be learnt in seconds: grey noise, dark pits, several exposures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline import recipe as recipes
from dentline.files import write_text
from dentline.geometry import CONTEXT_PX
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from labeling import patches
from labeling.patches import Patch

SIZES = {"train": 24, "validation": 12, "test": 12}


def context(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return grey noise under some exposure, with a dark pit in the middle for a dent."""
    picture = rng.normal(0, 6, (CONTEXT_PX, CONTEXT_PX)) + 140
    if label:
        y, x = np.mgrid[:CONTEXT_PX, :CONTEXT_PX] - (CONTEXT_PX - 1) / 2
        picture -= 90 * np.exp(-(x**2 + y**2) / 60)
    picture *= rng.uniform(0.6, 1.2)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def write(folder: Path, recipe: Recipe, sizes: dict[str, int] = SIZES) -> Workspace:
    """Write a project whose patches are cut: two a photo, four a group, as many dents as not."""
    made = Workspace(folder)
    write_text(made.recipe, recipes.dumps(recipe))
    rng = np.random.default_rng(0)
    rows = [
        Patch(f"{split}-{i}", f"{split}-{i // 2}.png", f"{split}-{i // 4}", split, 80.0, 80.0, i % 2, 0, "center")
        for split, n in sizes.items()
        for i in range(n)
    ]
    drawn = {patch.patch_id: context(patch.label, rng) for patch in rows}
    order = iter(rows)

    def cut(photo_id: str, centers: NDArray[np.float64]) -> NDArray[np.uint8]:
        return np.stack([drawn[next(order).patch_id] for _ in centers])

    patches.write(made.patches, rows, cut, images.encode_png)
    pairs = dict.fromkeys((p.photo_id, p.group, p.split) for p in rows)
    write_text(made.split, "photo_id,group,split\n" + "".join(",".join(pair) + "\n" for pair in pairs))
    return made
