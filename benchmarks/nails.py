"""Good and bent nails: the article's preparation and network, and ours, by grouped cross-validation.

``python -m benchmarks.nails --data DIR [--test DIR2] --json OUT``; the folders hold ``<unix time>_good.jpeg``
and ``<unix time>_bad.jpeg``. Photos are split by run of like shots: one nail was photographed several
times in a row, so neighbours in time of one verdict stay together.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline import images, prepare, recipe
from dentline.errors import DentlineError
from training import metrics

ARTICLE = recipe.load(Path(str(resources.files("recipes") / "nails_article.toml"))).prepare.steps
SHAPE = recipe.load(Path(str(resources.files("recipes") / "nails.toml"))).prepare.steps
UPRIGHT = SHAPE[:-1]

Floats = NDArray[np.float64]
FitPredict = Callable[[NDArray[Any], NDArray[np.int_], NDArray[np.int_], NDArray[Any]], Floats]
"""Training inputs, labels and groups, then inputs to score -> their probabilities of being bad."""


@dataclass(frozen=True)
class Nails:
    """Photos in order of time: their files' bytes, 1 for bad, and the run each belongs to."""

    names: tuple[str, ...]
    data: tuple[bytes, ...]
    bad: NDArray[np.int_]
    run: NDArray[np.int_]


def read(folder: Path) -> Nails:
    """Read a folder of ``<unix time>_good.jpeg`` and ``<unix time>_bad.jpeg``."""
    paths = sorted(p for p in folder.glob("*.jp*g") if p.stem.endswith(("_good", "_bad")))
    if not paths:
        raise DentlineError(str(folder), "has no *_good.jpeg or *_bad.jpeg", "name a folder of nail photos")
    bad = np.array([p.stem.endswith("_bad") for p in paths], int)
    run = np.cumsum(np.append(0, np.diff(bad) != 0))
    return Nails(tuple(p.name for p in paths), tuple(p.read_bytes() for p in paths), bad, run)


def prepared(nails: Nails, steps: tuple[str, ...]) -> NDArray[Any]:
    """Return every photo after the steps, stacked."""
    calls = prepare.parse(steps, "benchmarks.nails")
    return np.stack([prepare.prepare(images.decode(data), calls).array for data in nails.data])


def shape_model(x: NDArray[Any], y: NDArray[np.int_], run: NDArray[np.int_], new: NDArray[Any]) -> Floats:
    """The recipe's own classifier: logistic regression on the measures, its penalty chosen by inner folds."""
    from training import measured

    return measured.fit(x, y.astype(np.float32), run.astype(str)).p(new)


def article_network(epochs: int, rate: float, seed: int = 0) -> FitPredict:
    """Return the article's network, trained as it says: Adam, cyclic rate down to a tenth, batches of 16."""

    def fit_predict(x: NDArray[Any], y: NDArray[np.int_], run: NDArray[np.int_], new: NDArray[Any]) -> Floats:
        import keras

        from training.models import nails
        from training.schedules import cyclic

        keras.utils.set_random_seed(seed)
        model = nails.build(*x.shape[1:])
        n_steps = epochs * -(-len(x) // 16)
        optimizer = keras.optimizers.Adam(cyclic(rate, rate / 10, n_steps), beta_1=0.9)
        model.compile(optimizer=optimizer, loss="binary_crossentropy", jit_compile=False)
        history = model.fit(x, y[:, None], batch_size=16, epochs=epochs, verbose=0)
        right = ((np.asarray(model.predict(x, verbose=0))[:, 0] >= 0.5) == y).mean()
        loss = history.history["loss"][-1]
        print(f"  {epochs} epochs, last loss {loss:.3f}, right of those it learnt from {right:.3f}", file=sys.stderr)
        p: Floats = np.asarray(model.predict(new, verbose=0), np.float64)[:, 0]
        return p

    return fit_predict


def cross_validated(
    x: NDArray[Any], nails: Nails, model: FitPredict, n_folds: int, n_repeats: int, n_run: int
) -> tuple[metrics.Metrics, list[str]]:
    """Return the metrics of out-of-fold probabilities (mean over repeats), and which photos are wrong.

    Args:
        n_run: how many of the folds are run; the photos of the others are left out.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    p, n_seen = np.zeros(len(x)), np.zeros(len(x))
    for repeat in range(n_repeats):
        dealt = StratifiedGroupKFold(n_folds, shuffle=True, random_state=repeat)
        for train, test in list(dealt.split(x, nails.bad, nails.run))[:n_run]:
            p[test] += model(x[train], nails.bad[train], nails.run[train], x[test])
            n_seen[test] += 1
    rows = np.flatnonzero(n_seen)
    names, data = tuple(nails.names[i] for i in rows), tuple(nails.data[i] for i in rows)
    kept = Nails(names, data, nails.bad[rows], nails.run[rows])
    return measured(kept, p[rows] / n_seen[rows])


def measured(nails: Nails, p: Floats) -> tuple[metrics.Metrics, list[str]]:
    found = metrics.measure(nails.bad, p, nails.run, 0.5, np.random.default_rng(0))
    return found, [nails.names[i] for i in np.flatnonzero((p >= 0.5) != nails.bad)]


_engine: Any = None
"""Of a worker process of :func:`speed`."""


def speed(nails: Nails, n_processes: int = 2) -> dict[str, float]:
    """Return photos a second, bytes to verdict, over `n_processes`, and CPU milliseconds a photo."""
    from training import measured

    model = measured.fit(prepared(nails, SHAPE), nails.bad.astype(np.float32), nails.run.astype(str))
    served = measured.onnx_bytes(model)
    work = nails.data * max(1, 640 // len(nails.data))
    fresh = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
    with ProcessPoolExecutor(n_processes, mp_context=fresh, initializer=_load, initargs=(served,)) as pool:
        list(pool.map(_verdict, work[:16]))
        start = time.perf_counter()
        cpu_s = list(pool.map(_verdict, work, chunksize=16))
        wall_s = time.perf_counter() - start
    return {
        "photos_per_s": len(work) / wall_s,
        "cpu_ms_per_photo": 1e3 * float(np.mean(cpu_s)),
        "photos_per_s_of_2_cores": 2 / float(np.mean(cpu_s)),
        "n": len(work),
    }


def _load(served: bytes) -> None:
    """Give this process the model as it is served, on one thread."""
    global _engine
    import cv2

    from deployment.engine import OnnxEngine
    from deployment.prepared import PreparedEngine

    cv2.setNumThreads(1)
    _engine = PreparedEngine(OnnxEngine(served), SHAPE, "benchmarks.nails")


def _verdict(data: bytes) -> float:
    """Decode, prepare and classify one photo; return the CPU seconds it took."""
    start = time.process_time()
    _engine.run(images.decode(data)[None])
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="photos to train and cross-validate on")
    parser.add_argument("--test", type=Path, help="photos kept apart: trained on --data, scored here")
    parser.add_argument("--json", type=Path, required=True, help="where the table is written")
    parser.add_argument("--models", nargs="+", default=["shape", "article"], help="shape, article, article_upright")
    parser.add_argument("--epochs", type=int, default=300, help="of the article's network (it took 2000)")
    parser.add_argument("--rate", type=float, default=1e-3, help="its highest learning rate (it took 1e-4)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--run-folds", type=int, default=0, help="run only so many of them: networks take hours")
    parser.add_argument("--repeats", type=int, default=5, help="of the cross-validation of shape")
    args = parser.parse_args()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    table: dict[str, tuple[tuple[str, ...], FitPredict, int]] = {
        "shape": (SHAPE, shape_model, args.repeats),
        "article": (ARTICLE, article_network(args.epochs, args.rate), 1),
        "article_upright": (
            (*UPRIGHT, "resize(width_px=112, height_px=112)"),
            article_network(args.epochs, args.rate),
            1,
        ),
    }
    nails = read(args.data)
    apart = read(args.test) if args.test else None
    print(f"{args.data}: {len(nails.bad)} photos, {nails.bad.sum()} bad, {nails.run.max() + 1} runs of like shots")
    result: dict[str, Any] = {}
    print(f"{'model':16s} {'on':16s}  " + "  ".join(f"{name:22s}" for name in COLUMNS))
    for name in args.models:
        steps, model, n_repeats = table[name]
        x = prepared(nails, steps)
        found, wrong = cross_validated(x, nails, model, args.folds, n_repeats, args.run_folds or args.folds)
        _print(name, "cross-validation", found, wrong)
        result[name] = _as_json(found, wrong) | {"on": f"{args.folds}-fold cross-validation by run"}
        if apart is not None:
            p = model(x, nails.bad, nails.run, prepared(apart, steps))
            found, wrong = measured(apart, p)
            _print(name, "test", found, wrong)
            result[name] = _as_json(found, wrong) | {"on": "test", "cross_validation": result[name]}
    result["speed"] = speed(nails)
    print("prepare and classify, one photo of 2.4 megapixels: " + json.dumps(result["speed"]))
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


COLUMNS = ("accuracy", "precision", "recall", "f1", "auc")


def _as_json(found: metrics.Metrics, wrong: list[str]) -> dict[str, Any]:
    return {name: asdict(found.values[name]) for name in COLUMNS} | {"wrong": wrong}


def _print(name: str, on: str, found: metrics.Metrics, wrong: list[str]) -> None:
    cells = (found.values[column] for column in COLUMNS)
    row = "  ".join(f"{v.value:.3f} [{v.low:.3f}, {v.high:.3f}]  " for v in cells)
    print(f"{name:16s} {on:16s}  {row}  wrong: {' '.join(wrong[:6])}{' ...' if len(wrong) > 6 else ''}", flush=True)


if __name__ == "__main__":
    main()
