"""What is cut, from the annotations: a positive at each centre, negatives beside, the split inherited."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from dentline import images, recipe
from dentline.errors import DentlineError
from dentline.geometry import PATCH_PX
from dentline.progress import Progress, silent
from labeling import negatives, patches
from labeling.annotation import Annotation
from labeling.hard import HardPlace
from labeling.patches import Origin, Patch, Pixels
from labeling.split import Assignment

REVIEWED = ("marked", "clean")
"""A photo that nobody has looked through gives no patches: its dents would count as none."""


def plan(
    annotations: Iterable[Annotation],
    assignments: Mapping[str, Assignment],
    wanted: recipe.Patches,
    hard: Iterable[HardPlace] = (),
) -> list[Patch]:
    """Say what to cut, photo by photo, without looking at a pixel.

    A photo's negatives depend on the seed and the photo alone: another photo more or less moves none.

    Args:
        hard: places without a dent that a model called one; cut unless a dent was marked near by since.

    Raises:
        DentlineError: a reviewed photo is not in the split.
    """
    planned: list[Patch] = []
    called: dict[str, list[HardPlace]] = defaultdict(list)
    for place in hard:
        called[place.photo_id].append(place)
    for annotation in annotations:
        if annotation.status not in REVIEWED:
            continue
        assignment = assignments.get(annotation.photo_id)
        if assignment is None:
            raise DentlineError(f"photo {annotation.photo_id}", "is not in the split", "deal it with: dentline split")
        digest = hashlib.sha256(annotation.photo_id.encode()).digest()
        rng = np.random.default_rng([wanted.seed, *np.frombuffer(digest, np.uint32)])
        positive: list[tuple[float, float, Origin]] = [(c.x, c.y, "center") for c in annotation.centers]
        wrong = negatives.apart(annotation, called[annotation.photo_id], wanted.negative_distance_px)
        places = positive + wrong + negatives.sample(annotation, wanted, rng)
        cut_here = {p.patch_id: p for p in (_patch(annotation, assignment, *place) for place in reversed(places))}
        planned += reversed(cut_here.values())  # two centres at one corner are one patch
    return planned


def pictures(planned: list[Patch], photos: Mapping[str, Path], progress: Progress = silent) -> Pixels:
    """Return (n, 64, 64, 3) uint8 RGB, what a person sees of each planned patch, in memory."""
    cut_out: list[Pixels] = []
    n_photos = len({patch.photo_id for patch in planned})
    for photo_id, rows in patches.by_photo(planned):
        progress("cutting photos", len(cut_out) + 1, n_photos)
        xy = np.array([(patch.x, patch.y) for patch in rows])
        cut_out.append(patches.cut_contexts(images.read(photos[photo_id]), xy, PATCH_PX)[0])
    return np.concatenate(cut_out) if cut_out else np.empty((0, PATCH_PX, PATCH_PX, 3), np.uint8)


def _patch(annotation: Annotation, assignment: Assignment, x: float, y: float, origin: Origin) -> Patch:
    photo_id = annotation.photo_id
    column, row = patches.corners(np.array([[x, y]]))[0]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", Path(photo_id).stem).strip("-")[:60]
    mark = hashlib.sha256(photo_id.encode()).hexdigest()[:8]
    edge = patches.leaves_photo(column, row, annotation.width, annotation.height)
    label = int(origin == "center")
    patch_id = "-".join(part for part in (readable, mark, str(column), str(row)) if part)
    return Patch(patch_id, photo_id, assignment.group, assignment.split, x, y, label, int(edge), origin)
