"""How whole photos take part in a training: their blobs and false alarms are learnt, and they set the verdict."""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from dentline.progress import Progress
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from labeling.patches import PatchSet
from training import metrics, nodes, photos
from training.data import Examples, dumps, join, loads
from training.decision import decide, trusted
from training.fit import predict

DOUBTFUL = 0.3
"""A place this likely to be a dent is learnt as none where none is, though it would not be called one: so one round
does the work of two."""


def of_model(recipe: Recipe, model: str) -> Recipe:
    """Return the recipe as it holds for one model: without proposals where the model is to know patches alone."""
    return recipe if model in recipe.scan.models else replace(recipe, scan=replace(recipe.scan, proposals=0))


def with_blobs(workspace: Workspace, recipe: Recipe, found: PatchSet, learnt: Examples, progress: Progress) -> Examples:
    """Return the training patches and, as negatives, the blobs of their photos that show no dent."""
    if not recipe.scan.proposals or recipe.scan.source == "scan":
        return learnt
    wrong = photos.blobs(workspace, photos.marked(found, "train"), recipe.scan.proposals, progress)
    return join([learnt, wrong]) if wrong else learnt


def rounds(recipe: Recipe) -> int:
    """Return the rounds of hard negatives; none where photos are not looked at, or by their blobs alone."""
    return recipe.scan.hard_negatives if recipe.scan.proposals and recipe.scan.source != "blobs" else 0


def false_alarms(
    model: keras.Model, workspace: Workspace, recipe: Recipe, found: PatchSet, judged: Examples, progress: Progress
) -> Examples | None:
    """Return what the model takes for a dent, or nearly so, when it scans the training photos; None where nothing.

    Args:
        judged: validation patches, which say what is called a dent.
    """
    threshold = min(metrics.best_threshold(judged.label, predict(model, judged.fields())), DOUBTFUL)
    scanned = photos.marked(found, "train")

    def alarms() -> Examples | None:
        return photos.false_alarms(model, workspace, scanned, recipe.scan.proposals, threshold, progress)

    # one machine looks, so that all learn from the same places to the last bit
    return loads(nodes.join().told(lambda: dumps(alarms())))


@dataclass(frozen=True)
class Seen:
    """What came of the whole photos: fields of the contract, and places.json; both empty where none were looked at."""

    contract: dict[str, Any]
    told: dict[str, Any]


def judge(model: keras.Model, workspace: Workspace, recipe: Recipe, found: PatchSet, progress: Progress) -> Seen:
    """Choose source, calibration and threshold on the validation photos; judge validation and test by them."""
    scan = recipe.scan
    if not scan.proposals:
        return Seen({}, {})
    rng = np.random.default_rng(recipe.train.seed)
    validation, test = (photos.marked(found, split) for split in ("validation", "test"))
    source, looked = photos.choose(model, workspace, validation, scan.source, scan.proposals, progress)
    decision = decide(looked, recipe, rng)
    judged = {"validation": looked, "test": photos.look(model, workspace, test, source, scan.proposals, progress)}
    told: dict[str, Any] = {
        split: photos.told(one.calibrated(decision.calibration), decision.threshold, rng)
        for split, one in judged.items()
    }
    told |= {"source": source, "cost": decision.told, "trust": trusted(judged["test"], decision.calibration)}
    return Seen(
        {
            "scan_threshold": decision.threshold,
            "source": source,
            "n_proposals": scan.proposals,
            "calibration": (decision.calibration.slope, decision.calibration.intercept),
        },
        told,
    )
