"""What cross-validation learns from, for every task alike: rows with their groups, and what scores unseen ones.

Only the training side is dealt to folds; the validation side stops a training early, as it does in a run; the
test side is used for nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.progress import silent
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from training import data, pictures
from training.data import Examples
from training.pictures import Pictures

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Material:
    """The training side of a project.

    Attributes:
        row_id, group: (n,) str, of each patch or photo.
        label: (n,) int8, 1 for a dent or a marked photo; all 0 where corners are learnt.
        fingerprint: of all that is learnt from.
        learn: (model, rows to learn from, rows to score, folder for checkpoints) -> (k,) float64: the
            probability of each scored row, or how far its corners were missed on average, in photo px.
    """

    row_id: NDArray[np.str_]
    group: NDArray[np.str_]
    label: NDArray[np.int8]
    fingerprint: str
    learn: Callable[[str, Rows, Rows, Path], NDArray[np.float64]]

    def dealt(self, n_folds: int, seed: int) -> Rows:
        """Deal whole groups to folds; return (n,) fold numbers.

        Raises:
            DentlineError: there are too few groups with a dent, or without, to learn from in every fold.
        """
        kinds = [k for k in (0, 1) if self.label.any() or k == 0]
        fewest = min(len(np.unique(self.group[self.label == k])) for k in kinds)
        if fewest < n_folds:
            raise DentlineError(
                f"--folds {n_folds}", f"the training side has {fewest} groups of one kind", "take fewer, or mark more"
            )
        return data.folds(self.label, self.group, n_folds, np.random.default_rng(seed))


def material(workspace: Workspace, recipe: Recipe, model: str) -> Material:
    """Read what a model of a recipe learns from.

    Raises:
        DentlineError: there are no patches or labelled photos, or a side lacks a class.
    """
    if recipe.task == "patch":
        return _of_patches(workspace, recipe)
    return _of_pictures(workspace, recipe, model)


def _of_patches(workspace: Workspace, recipe: Recipe) -> Material:
    train, validation = _examples(workspace.patches, (workspace.patches / "manifest.csv").stat().st_mtime_ns)

    def learn(model: str, kept: Rows, out: Rows, folder: Path) -> NDArray[np.float64]:
        from training.fit import predict
        from training.trainers import MODELS

        _known(model, MODELS)
        fitted = MODELS[model](recipe, train.take(kept), validation, folder, silent)
        return predict(fitted.model, train.take(out).fields())

    return Material(train.patch_id, train.group, train.label, data.fingerprint([train, validation]), learn)


@lru_cache(maxsize=1)
def _examples(folder: Path, changed_ns: int) -> tuple[Examples, Examples]:
    from labeling import patches

    found = patches.read(folder)
    return Examples.of(found, "train"), Examples.of(found, "validation")


def _of_pictures(workspace: Workspace, recipe: Recipe, model: str) -> Material:
    from training.whole_trainers import sized

    recipe = sized(recipe, model)
    sides = pictures.read(workspace, recipe)
    train, validation = sides["train"], sides["validation"]

    def learn(model: str, kept: Rows, out: Rows, folder: Path) -> NDArray[np.float64]:
        from training.whole_trainers import MODELS, Folders

        _known(model, MODELS[recipe.task])
        places = Folders(folder, runs=workspace.runs)
        fitted = MODELS[recipe.task][model](model, recipe, _take(train, kept), validation, places)
        found = fitted.predict(train.inputs[out])
        if recipe.task == "image":
            return found[:, 0]
        off = (found - train.target[out]).reshape(-1, 4, 2) * train.scale_px[out][:, None, :]
        error_px: NDArray[np.float64] = np.linalg.norm(off, axis=2).mean(axis=1)
        return error_px

    image = recipe.task == "image"
    label = (train.target[:, 0] > 0.5).astype(np.int8) if image else np.zeros(len(train), np.int8)
    seen = hashlib.sha256(pictures.fingerprint({"train": train, "validation": validation}).encode()).hexdigest()
    return Material(train.photo_id, train.group, label, seen, learn)


def _take(found: Pictures, rows: Rows) -> Pictures:
    columns = {f.name: getattr(found, f.name)[rows] for f in fields(found) if f.name != "photos"}
    return replace(found, **columns)


def _known(model: str, models: object) -> None:
    names = list(models) if hasattr(models, "__iter__") else []
    if model not in names:
        raise DentlineError(f"--model {model}", "is no model of this task", f"known are: {', '.join(names)}")
