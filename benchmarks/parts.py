"""Small or large parts by every network of the table: metrics, confusion, size and speed; what cannot run and why.

``python -m benchmarks.parts --json OUT [--weights random]``.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generated import pictures
from dentline import recipe
from samples import parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the table is written")
    parser.add_argument("--weights", default="imagenet", choices=["imagenet", "random"])
    parser.add_argument("--epochs", type=int, default=0, help="instead of the recipe's")
    parser.add_argument("--models", nargs="+", help="instead of the recipe's")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from deployment.engine import OnnxEngine
    from training.models.weights import WeightsUnavailable
    from training.whole import judge_image
    from training.whole_trainers import by_backbone

    job = recipe.load(Path(str(resources.files("recipes") / "parts.toml")))
    plan = replace(job.train, epochs=args.epochs or job.train.epochs)
    job = replace(job, train=plan, backbone=replace(job.backbone, weights=args.weights))
    made = {
        split: pictures(parts.photos(n, 2, seed), job.prepare.steps)
        for seed, (split, n) in enumerate({"train": 60, "validation": 30, "test": 60}.items())
    }
    result: dict[str, Any] = {}
    for name in args.models or job.train.models:
        try:
            fitted = by_backbone(name, job, made["train"], made["validation"], Path("unused"))
        except WeightsUnavailable as missing:
            result[name] = {"not_run": str(missing)}
            print(f"{name:16s} not run: {missing}", flush=True)
            continue
        _, _, measured = judge_image(fitted, made, 0)
        engine = OnnxEngine(fitted.onnx)
        picture = made["test"].inputs[:1]
        engine.run(picture)
        start = time.process_time()
        for _ in range(20):
            engine.run(picture)
        cpu_ms = 1e3 * (time.process_time() - start) / 20
        test = measured["test"]
        values = {k: asdict(test.values[k]) for k in ("accuracy", "precision", "recall", "f1", "auc")}
        result[name] = {
            **values,
            "confusion": asdict(test.confusion),
            "n_parameters": fitted.n_parameters,
            "file_bytes": len(fitted.onnx),
            "cpu_ms": cpu_ms,
            "weights": fitted.weights,
        }
        cells = "  ".join(f"{k} {v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in values.items())
        size = f"{len(fitted.onnx) / 1e6:.1f} MB, {cpu_ms:.1f} ms"
        print(f"\n{name:16s} {cells}  {asdict(test.confusion)}  {size}", flush=True)
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
