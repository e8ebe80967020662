"""The certificates recipe on generated photos: error, size of the file, time on a CPU, as the talk reports them.

``python -m benchmarks.certificates --json OUT [--picture PNG]``. The test certificates are other certificates,
other texts, other tables and noise: nothing of them was seen. Several sizes are trained alike, smallest
first: the network is large enough where the error on the photos it learnt from falls on and the validation
error does not. ``--photos 50 --epochs 1`` is enough for file and time, which do not depend on the training.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.generated import pictures
from dentline import images, recipe
from samples import certificates
from training import corner_report
from training.pictures import Pictures
from training.whole import CornerPredictions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures are written")
    parser.add_argument("--photos", type=int, default=2000, help="to learn from")
    parser.add_argument("--epochs", type=int, default=40, help="instead of the recipe's")
    parser.add_argument("--models", nargs="+", default=["corners_s"], help="sizes, smallest first")
    parser.add_argument("--side", type=int, help="of the square picture the network sees, px, instead of the recipe's")
    parser.add_argument("--picture", type=Path, help="where marked and found fields of test photos are drawn, a .png")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from deployment.engine import OnnxEngine
    from deployment.prepared import PreparedEngine
    from training.whole import judge_corners
    from training.whole_trainers import by_corners

    job = recipe.load(Path(str(resources.files("recipes") / "certificates.toml")))
    plan = replace(job.train, epochs=args.epochs, tensorboard=False)
    job = replace(job, train=plan)
    if args.side:
        job = replace(
            job, prepare=replace(job.prepare, steps=(f"resize(width_px={args.side}, height_px={args.side})",))
        )
    sizes = {"train": args.photos, "validation": min(200, args.photos), "test": 300}
    made = {
        split: pictures(certificates.photos(n, 1, seed), job.prepare.steps, corners=True)
        for seed, (split, n) in enumerate(sizes.items())
    }
    result = {}
    for name in args.models:
        start = time.process_time()
        fitted = by_corners(name, job, made["train"], made["validation"])
        cpu_s = time.process_time() - start
        _, found, measured = judge_corners(fitted, made, 0)
        known = made["train"]
        off = np.abs(fitted.predict(known.inputs) - known.target).reshape(-1, 4, 2) * known.scale_px[:, None, :]
        if args.picture and name == args.models[-1]:
            args.picture.write_bytes(images.encode_png(sheet(made["test"], found)))
        engine = PreparedEngine(OnnxEngine(fitted.onnx), job.prepare.steps, name)
        photos = [images.decode(p.data) for p in certificates.photos(100, 1, 9)]
        engine.run(photos[0][None])
        times, begun_cpu_s = [], time.process_time()
        for photo in photos:
            begun = time.perf_counter()
            engine.run(photo[None])
            times.append(1e3 * (time.perf_counter() - begun))
        cpu_ms = 1e3 * (time.process_time() - begun_cpu_s) / len(photos)
        test = measured["test"].as_json()
        validation = measured["validation"].as_json()["coordinate_error_px"]
        result[name] = {
            **test,
            "n_training": len(known),
            "training_error_px": float(off.mean()),
            "validation_error_px": validation,
            "n_parameters": fitted.n_parameters,
            "file_bytes": len(fitted.onnx),
            "cpu_ms": cpu_ms,
            "median_ms": float(np.median(times)),
            "p95_ms": float(np.percentile(times, 95)),
            "training_cpu_s": cpu_s,
            "last_epoch": dict(fitted.history[-1]),
        }
        error = test["coordinate_error_px"]
        print(
            f"\n{name}: error of a coordinate {error['value']:.2f} px [{error['low']:.2f}, {error['high']:.2f}] at "
            f"400x400, n {error['n']}; {off.mean():.2f} px on the photos it learnt from, unvaried, "
            f"{validation['value']:.2f} px on validation; {fitted.n_parameters:,} parameters, "
            f"{len(fitted.onnx) / 1e6:.2f} MB, "
            f"{cpu_ms:.1f} CPU ms a photo, {np.median(times):.1f} ms by the clock; trained in {cpu_s:.0f} CPU seconds, "
            f"last loss {fitted.history[-1]['loss']:.5f}, validation {fitted.history[-1]['val_loss']:.5f}",
            flush=True,
        )
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


def sheet(test: Pictures, found: CornerPredictions, n_across: int = 6) -> NDArray[np.uint8]:
    """Return marked (green) and found (red) fields of test photos evenly from the best to the worst."""
    rows = found.split == "test"
    columns = (found.x, found.y, found.found_x, found.found_y)
    places = np.stack([column[rows] for column in columns], axis=1).reshape(-1, 4, 4)
    order = np.argsort(found.error_px[rows].reshape(-1, 4).max(axis=1))
    shown = order[np.linspace(0, len(order) - 1, 2 * n_across).astype(int)]
    drawn = [corner_report.drawn(test.inputs[i], places[i]) for i in shown]
    return np.vstack([np.hstack(drawn[:n_across]), np.hstack(drawn[n_across:])])


if __name__ == "__main__":
    main()
