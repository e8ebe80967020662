"""What 8-bit integers cost on real patches: the recipe's vgg16 learnt on one half of the parts, judged on the other.

``python -m benchmarks.precision --data DIR [--most 1000] [--json OUT]``; the folder's layout is told in
benchmarks/album.py. The precision is chosen as ``dentline train --precision auto`` does, on validation parts
taken from the first half; both precisions are then judged on the second half, which had no say. Takes about
two minutes.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import album
from dentline import recipe
from dentline.files import write_text
from dentline.intervals import interval, resample
from dentline.progress import silent
from deployment.engine import OnnxEngine
from training import export, linear, metrics, precision, trainers
from training.data import Examples, folds
from training.models import vgg16, weights


def run(examples: Examples, rng: np.random.Generator) -> dict[str, Any]:
    """Return the contract's record of the choice, and both precisions on parts kept apart."""
    side = folds(examples.label, examples.group, 4, rng)
    learnt, validation, apart = (examples.take(np.isin(side, which)) for which in ((0,), (1,), (2, 3)))
    taken = weights.resolve("auto")
    network = vgg16.features(taken.arrays)
    found = trainers.features(network, learnt.fields(), silent)
    head = linear.crossfit(found, learnt.label, learnt.group, rng)
    threshold = metrics.best_threshold(learnt.label, head.p)
    model = vgg16.with_head(network, head.head.kernel, head.head.bias)
    floats = export.onnx(model)
    golden = export.golden(model, validation, threshold)
    calibration = learnt.take(precision.spread(learnt.label, precision.N_CALIBRATION)).fields()
    seen = precision.Material(calibration, validation.fields(), validation.label, golden.images, golden.p)
    served, chosen = precision.choose("auto", floats, threshold, seen)
    integers = served if chosen.name == "int8" else precision.quantised(floats, calibration)
    assert integers is not None
    p = {name: _answers(OnnxEngine(one), apart.fields()) for name, one in (("fp32", floats), ("int8", integers))}
    truth = apart.label.astype(bool)
    drawn = resample(apart.group, truth, rng)
    auc = {name: metrics.auc(truth, score, drawn) for name, score in p.items()}
    loss = interval(
        metrics.auc(truth, p["fp32"]) - metrics.auc(truth, p["int8"]), auc["fp32"] - auc["int8"], len(truth)
    )
    return {
        "weights": taken.name,
        "served": chosen.name,
        "tolerance": chosen.tolerance,
        "tried": [asdict(one) for one in chosen.tried],
        "apart": {
            "n": len(truth),
            "n_dents": int(truth.sum()),
            "n_parts": len(np.unique(apart.group)),
            "auc": {name: float(metrics.auc(truth, score)[0]) for name, score in p.items()},
            "auc_lost": asdict(loss),
            "verdicts_changed": int(np.sum((p["fp32"] >= threshold) != (p["int8"] >= threshold))),
            "largest_difference": float(np.abs(p["fp32"] - p["int8"]).max()),
        },
    }


def _answers(engine: OnnxEngine, fields: NDArray[np.uint8]) -> NDArray[np.float64]:
    parts = [engine.run(fields[i : i + 8]).reshape(-1) for i in range(0, len(fields), 8)]
    return np.concatenate(parts).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1000, help="patches, all dents among them; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    rng = np.random.default_rng(given.seed)
    examples = album.examples(album.read(given.data), recipe.Patches())
    if given.most:
        clean = rng.permutation(np.flatnonzero(examples.label == 0))
        dents = np.flatnonzero(examples.label == 1)
        examples = examples.take(np.sort(np.concatenate([dents, clean[: max(0, given.most - len(dents))]])))
    figures = run(examples, rng)
    print(json.dumps(figures, indent=1))
    if given.json:
        write_text(given.json, json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
