"""Small or large parts by every network of the table: metrics, confusion, size and speed; what cannot run and why.

``python -m benchmarks.parts --json OUT [--weights random] [--models ...] [--learn head all]``. Each network takes
photos at its own size. One that begins with known weights runs twice: its head alone on frozen features, and
fine-tuned in stages.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from benchmarks.generated import pictures
from dentline import recipe
from samples import parts
from training.pictures import Pictures

N_PARTS = {"train": 60, "validation": 30, "test": 60}
COLUMNS = ("accuracy", "precision", "recall", "f1", "auc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the table is written")
    parser.add_argument("--weights", default="imagenet", choices=["imagenet", "random"])
    parser.add_argument("--epochs", type=int, default=0, help="instead of the recipe's")
    parser.add_argument("--tuned-epochs", type=int, default=6, help="of fine-tuning, both stages together")
    parser.add_argument("--models", nargs="+", help="instead of the recipe's")
    parser.add_argument("--learn", nargs="+", default=["head", "all"], help="ways of networks with known weights")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from training.models.backbones import BACKBONES

    job = recipe.load(Path(str(resources.files("recipes") / "parts.toml")))
    job = replace(job, train=replace(job.train, epochs=args.epochs or job.train.epochs))
    result: dict[str, Any] = {}
    for name in args.models or job.train.models:
        known = BACKBONES[name].weights != "none"
        for learn in args.learn if known else ["all"]:
            row = f"{name}, {_CALLED[learn]}" if known else f"{name}, from nothing"
            backbone = replace(job.backbone, weights=args.weights, learn=learn)
            epochs = args.tuned_epochs if known else job.train.epochs
            plan = replace(job, backbone=backbone, train=replace(job.train, epochs=epochs))
            result[row] = measured(name, plan)
            print(f"{row:36s} " + "  ".join(_told(result[row])), flush=True)
            if "not_run" in result[row]:
                break
    ran = {row: found for row, found in result.items() if "f1" in found}
    if ran:
        best = max(ran, key=lambda row: (ran[row]["f1"]["value"], ran[row]["auc"]["value"], -ran[row]["cpu_ms"]))
        print(f"the best by F1, then AUC, then speed: {best}")
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


_CALLED = {"head": "features", "all": "fine-tuned"}


def measured(name: str, job: recipe.Recipe) -> dict[str, Any]:
    """Train one network and judge it on test parts; or say why it was not run."""
    from deployment.engine import OnnxEngine
    from training.models.weights import WeightsUnavailable
    from training.whole import judge_image
    from training.whole_trainers import by_backbone, sized

    made = _made(sized(job, name).prepare.steps)
    start = time.process_time()
    try:
        fitted = by_backbone(name, job, made["train"], made["validation"])
    except WeightsUnavailable as missing:
        return {"not_run": str(missing)}
    training_cpu_s = time.process_time() - start
    _, _, judged = judge_image(fitted, made, 0)
    engine, picture = OnnxEngine(fitted.onnx), made["test"].inputs[:1]
    engine.run(picture)
    start = time.process_time()
    for _ in range(20):
        engine.run(picture)
    cpu_ms = 1e3 * (time.process_time() - start) / 20
    test = judged["test"]
    return {
        **{column: asdict(test.values[column]) for column in COLUMNS},
        "confusion": asdict(test.confusion),
        "side_px": picture.shape[1],
        "n_parameters": fitted.n_parameters,
        "file_bytes": len(fitted.onnx),
        "cpu_ms": cpu_ms,
        "training_cpu_s": training_cpu_s,
        "weights": fitted.weights,
    }


@cache
def _made(steps: tuple[str, ...]) -> dict[str, Pictures]:
    return {split: pictures(parts.photos(n, 2, seed), steps) for seed, (split, n) in enumerate(N_PARTS.items())}


def _told(found: dict[str, Any]) -> Iterator[str]:
    if "not_run" in found:
        yield f"not run: {found['not_run']}"
        return
    for column in COLUMNS:
        value = found[column]
        yield f"{column} {value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    yield f"n {found['accuracy']['n']}  {found['confusion']}"
    yield f"{found['side_px']} px, {found['file_bytes'] / 1e6:.1f} MB, {found['cpu_ms']:.1f} CPU ms a photo, "
    yield f"trained in {found['training_cpu_s']:.0f} CPU s from {found['weights']}"


if __name__ == "__main__":
    main()
