"""What decides on a part: probabilities calibrated on the validation photos, and the threshold held against them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dentline.recipe import Recipe
from deployment.calibration import Calibration
from training import cost, places
from training.photos import Looked


@dataclass(frozen=True)
class Decision:
    """How places become verdicts.

    Attributes:
        threshold: on calibrated probabilities.
        told: what places.json holds of it.
    """

    calibration: Calibration
    threshold: float
    told: dict[str, Any]


def decide(validation: Looked, recipe: Recipe, rng: np.random.Generator) -> Decision:
    """Calibrate on photos, and choose the threshold on parts: a part is as bad as its worst photo.

    Args:
        validation: photos that the model did not learn from.
    """
    seen = validation.places
    dented = (seen.n_centers > 0).astype(np.int8)
    calibration = cost.calibrate(dented, seen.photo_p)
    after = validation.calibrated(calibration).places
    parts = after.parts()
    prices = recipe.dashboard
    costs = cost.Costs(prices.cost_escape, prices.cost_false_reject, recipe.scan.parts_per_day, recipe.scan.defect_rate)
    choice = cost.choose(parts.dented.astype(np.int8), parts.p, parts.group, costs, rng)
    threshold = choice.threshold.value
    if recipe.scan.threshold == "alarms":
        fewest = 1 / len(after.n_centers)  # a rate below one alarm cannot be seen on so few photos
        threshold = places.threshold_at(after, max(recipe.scan.alarms_per_photo, fewest))
    told = {
        "by": recipe.scan.threshold,
        "threshold": asdict(choice.threshold),
        "cost_per_day": asdict(choice.cost_per_day),
        "curve": {"x": np.round(choice.thresholds, 6).tolist(), "y": np.round(choice.costs_per_day, 4).tolist()},
        "missed": choice.missed,
        "n_defective": choice.n_defective,
        "false_rejects": choice.false_rejects,
        "n_good": choice.n_good,
        "warning": choice.warning,
        "currency": prices.currency,
        "calibration": [calibration.slope, calibration.intercept],
    }
    return Decision(calibration, threshold, told)


def trusted(looked: Looked, calibration: Calibration) -> dict[str, Any]:
    """Return how far the probabilities of photos can be believed, before and after calibration.

    Args:
        looked: with the scores as the model gives them; test photos, which chose nothing.
    """
    seen = looked.places
    dented = (seen.n_centers > 0).astype(np.int8)
    told = {}
    for name, p in (("before", seen.photo_p), ("after", calibration.p(seen.photo_p))):
        mean, share, count = cost.reliability(dented, p, n_bins=5)
        told[name] = {
            "brier": cost.brier(dented, p),
            "mean": np.round(mean, 4).tolist(),
            "share": np.round(share, 4).tolist(),
            "n": count.tolist(),
        }
    return told
