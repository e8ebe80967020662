"""The certificates recipe on generated photos: error, size of the file, time on a CPU, as the talk reports them.

``python -m benchmarks.certificates --json OUT``. The test certificates are other certificates, other
texts, other tables and noise: nothing of them was seen.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np

from benchmarks.generated import pictures
from dentline import images, recipe
from samples import certificates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures are written")
    parser.add_argument("--photos", type=int, default=2000, help="to learn from")
    parser.add_argument("--epochs", type=int, default=0, help="instead of the recipe's")
    parser.add_argument("--models", nargs="+", default=["corners_s"], help="sizes, smallest first")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    from deployment.engine import OnnxEngine
    from deployment.prepared import PreparedEngine
    from training.whole import judge_corners
    from training.whole_trainers import by_corners

    job = recipe.load(Path(str(resources.files("recipes") / "certificates.toml")))
    plan = replace(job.train, epochs=args.epochs or job.train.epochs, tensorboard=False)
    job = replace(job, train=plan)
    sizes = {"train": args.photos, "validation": 200, "test": 300}
    made = {
        split: pictures(certificates.photos(n, 1, seed), job.prepare.steps, corners=True)
        for seed, (split, n) in enumerate(sizes.items())
    }
    result = {}
    for name in args.models:
        start = time.process_time()
        fitted = by_corners(name, job, made["train"], made["validation"], Path("unused"))
        cpu_s = time.process_time() - start
        _, _, measured = judge_corners(fitted, made, 0)
        engine = PreparedEngine(OnnxEngine(fitted.onnx), job.prepare.steps, name)
        photos = [images.decode(p.data) for p in certificates.photos(100, 1, 9)]
        engine.run(photos[0][None])
        times = []
        for photo in photos:
            begun = time.perf_counter()
            engine.run(photo[None])
            times.append(1e3 * (time.perf_counter() - begun))
        test = measured["test"].as_json()
        result[name] = {
            **test,
            "n_parameters": fitted.n_parameters,
            "file_bytes": len(fitted.onnx),
            "median_ms": float(np.median(times)),
            "p95_ms": float(np.percentile(times, 95)),
            "training_cpu_s": cpu_s,
            "last_epoch": dict(fitted.history[-1]),
        }
        error = test["coordinate_error_px"]
        print(
            f"\n{name}: error of a coordinate {error['value']:.2f} px [{error['low']:.2f}, {error['high']:.2f}] at "
            f"400x400, n {error['n']}; {fitted.n_parameters:,} parameters, {len(fitted.onnx) / 1e6:.2f} MB, "
            f"{np.median(times):.1f} ms a photo; trained in {cpu_s:.0f} CPU seconds",
            flush=True,
        )
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
