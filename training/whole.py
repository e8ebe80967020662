"""The models of a recipe of whole photos, trained, judged, exported: one run each."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images, prepare
from dentline.errors import DentlineError
from dentline.intervals import Value, interval, resample
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from deployment import bundle
from deployment.bundle import Golden
from deployment.contract import Contract
from training import checkpoint, corner_report, metrics, precision, report
from training.origin import origin
from training.pictures import Pictures, fingerprint, read
from training.run import Predictions, Record
from training.run import read as read_run
from training.run import write as write_run
from training.whole_trainers import MODELS, NETWORK, FittedWhole, Folders, sized


@dataclass(frozen=True)
class CornerPredictions:
    """Corners that were not learnt from, a row a corner: where it is and where it was found.

    Attributes:
        photo_id, group, split: (n,) str. corner: (n,) int8, 1 to 4.
        x, y, found_x, found_y: (n,) shares of the prepared picture's width and height.
        error_px: (n,) distance between the two, in photo px.
    """

    photo_id: NDArray[np.str_]
    group: NDArray[np.str_]
    split: NDArray[np.str_]
    corner: NDArray[np.int8]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    found_x: NDArray[np.float64]
    found_y: NDArray[np.float64]
    error_px: NDArray[np.float64]


@dataclass(frozen=True)
class CornerMetrics:
    """How far found corners lie from marked ones: values with intervals, in photo px."""

    values: dict[str, Value]
    n: int
    n_groups: int

    def as_json(self) -> dict[str, Any]:
        found = {name: {f.name: getattr(value, f.name) for f in fields(value)} for name, value in self.values.items()}
        return {**found, "n": self.n, "n_groups": self.n_groups}


def run(workspace: Workspace, recipe: Recipe, model: str, sides: dict[str, Pictures], runs: Path) -> str:
    """Train one model, judge it on photos it did not learn from, write its run with the bundle; return its id.

    Args:
        recipe, sides: as :func:`sized` and :func:`sides_of` give them for the model.

    Raises:
        WeightsUnavailable: the model's weights cannot be had here.
    """
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%d-%H%M%S}-{model}"
    folder = runs / run_id
    folders = Folders(folder / "logs", workspace.features, workspace.runs)
    clock = time.perf_counter()
    fitted = MODELS[recipe.task][model](model, recipe, sides["train"], sides["validation"], folders)
    duration_s = time.perf_counter() - clock
    threshold, predictions, measured = _JUDGES[recipe.task](fitted, sides, recipe.train.seed)
    record = Record(
        run_id=run_id,
        task=recipe.task,
        model=model,
        weights=fitted.weights,
        weights_sha256="",
        data_fingerprint=fingerprint(sides),
        seed=recipe.train.seed,
        started_at=f"{started:%Y-%m-%dT%H:%M:%S}",
        duration_s=round(duration_s, 3),
        n_parameters=fitted.n_parameters,
        n_unseen=0 if fitted.unseen is None else int(np.isfinite(fitted.unseen).sum()),
        **origin({f"n_{split}": len(side) for split, side in sides.items()}),
    )
    contract = Contract(
        task=recipe.task,
        name=recipe.name,
        model=model,
        run_id=run_id,
        threshold=threshold,
        weights=fitted.weights,
        created_at_utc=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        code_version=record.code_version,
        data_fingerprint=record.data_fingerprint,
        prepare=recipe.prepare.steps,
    )
    tables = {split: value.as_json() for split, value in measured.items()}
    golden = _golden(fitted, sides["validation"], recipe)
    served, contract = _in_precision(recipe, fitted, contract, sides, golden)
    bundle.write(folder / "bundle", served, contract, golden, tables)
    if fitted.network is not None:
        checkpoint.save(folder / NETWORK, {"model": model}, weights=fitted.network.get_weights())
    write_run(folder, recipe, record, fitted.history, predictions, measured)
    return run_id


def _in_precision(
    recipe: Recipe, fitted: FittedWhole, contract: Contract, sides: dict[str, Pictures], golden: Golden
) -> tuple[bytes, Contract]:
    """Return the model in the precision that the recipe wants, and the contract that says so."""
    wanted = recipe.train.precision
    if recipe.task != "image" or wanted == "fp32":
        if wanted == "int8":
            raise DentlineError("recipe.toml: [train] precision", f"is int8 for {recipe.task}", "take auto or fp32")
        return fitted.onnx, contract
    train, validation = sides["train"], sides["validation"]
    label = [side.target[:, 0].astype(np.int8) for side in (train, validation)]
    calibration = train.inputs[precision.spread(label[0], precision.N_CALIBRATION)]
    seen = precision.Material(calibration, validation.inputs, label[1], validation.inputs, golden.p)
    model, chosen = precision.choose(wanted, fitted.onnx, contract.threshold, seen)
    return model, replace(contract, precision=chosen)


def sides_of(workspace: Workspace, recipe: Recipe, models: tuple[str, ...]) -> dict[str, dict[str, Pictures]]:
    """Check the models' names and prepare every labelled photo; return the sides of the split for each model.

    Models whose photos are prepared alike share them.

    Raises:
        DentlineError: an unknown model, or photos that are not labelled as the task needs.
    """
    known = MODELS[recipe.task]
    unknown = [name for name in models if name not in known]
    if unknown:
        raise DentlineError(
            "recipe.toml: [train] models",
            f"is {unknown[0]!r}",
            f"known for the task {recipe.task} are: {', '.join(known)}",
        )
    ways = {name: sized(recipe, name) for name in models}
    prepared = {own.prepare: read(workspace, own) for own in {way.prepare: way for way in ways.values()}.values()}
    return {name: prepared[way.prepare] for name, way in ways.items()}


def _golden(fitted: FittedWhole, validation: Pictures, recipe: Recipe) -> Golden:
    """Return whole photos with the answers of training, so that the preparation is proven too."""
    calls = prepare.parse(recipe.prepare.steps)
    inputs = np.stack([prepare.prepare(photo, calls).array for photo in validation.photos])
    answers = fitted.predict(inputs).astype(np.float32)
    return Golden(np.stack(validation.photos), answers[:, 0] if answers.shape[1] == 1 else answers)


def judge_image(
    fitted: FittedWhole, sides: dict[str, Pictures], seed: int
) -> tuple[float, Predictions, dict[str, metrics.Metrics]]:
    """Choose the threshold on photos that were not learnt from; measure validation and test at it."""
    judged = {split: sides[split] for split in ("validation", "test")}
    p = {split: fitted.predict(side.inputs)[:, 0] for split, side in judged.items()}
    label = {split: side.target[:, 0].astype(np.int8) for split, side in judged.items()}
    threshold = threshold_of(fitted, sides["train"], label["validation"], p["validation"])
    rng = np.random.default_rng(seed)
    measured = {
        split: metrics.measure(label[split], p[split], side.group, threshold, rng) for split, side in judged.items()
    }
    photo_id = np.concatenate([side.photo_id for side in judged.values()])
    rows = Predictions(
        patch_id=photo_id,
        photo_id=photo_id,
        group=np.concatenate([side.group for side in judged.values()]),
        split=np.repeat(list(judged), [len(side) for side in judged.values()]),
        label=np.concatenate(list(label.values())),
        p=np.concatenate(list(p.values())),
    )
    return threshold, rows, measured


def threshold_of(fitted: FittedWhole, train: Pictures, label: NDArray[np.int8], p: NDArray[np.float64]) -> float:
    """Choose the threshold on validation and, where training photos were scored by models without them, on these too.

    Args:
        label, p: (n,) of validation.
    """
    if fitted.unseen is not None:
        had = np.isfinite(fitted.unseen)
        label = np.concatenate([label, train.target[had, 0].astype(np.int8)])
        p = np.concatenate([p, fitted.unseen[had]])
    return metrics.best_threshold(label, p)


def judge_corners(
    fitted: FittedWhole, sides: dict[str, Pictures], seed: int
) -> tuple[float, CornerPredictions, dict[str, CornerMetrics]]:
    """Measure how far the found corners of validation and test photos lie from the marked ones."""
    rng = np.random.default_rng(seed)
    measured, columns = {}, []
    for split in ("validation", "test"):
        side = sides[split]
        true, found = side.target.reshape(-1, 4, 2), fitted.predict(side.inputs).reshape(-1, 4, 2)
        off = (found - true) * side.scale_px[:, None, :]
        error_px = np.linalg.norm(off, axis=2)
        measured[split] = CornerMetrics(_errors(off, error_px, side.group, rng), len(side), len(set(side.group)))
        corner = np.tile(np.arange(1, 5, dtype=np.int8), len(side))
        places = [part.reshape(-1) for part in (true[..., 0], true[..., 1], found[..., 0], found[..., 1], error_px)]
        names = (np.repeat(side.photo_id, 4), np.repeat(side.group, 4), np.repeat(split, 4 * len(side)))
        columns.append((*names, corner, *places))
    joined = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    return 0.5, CornerPredictions(*joined), measured


def _errors(
    off: NDArray[np.float64], error_px: NDArray[np.float64], group: NDArray[np.str_], rng: np.random.Generator
) -> dict[str, Value]:
    """Return the mean error of a coordinate, of a corner, and the share of photos within 2 px, by bootstrap."""
    drawn = resample(group, np.ones(len(group), bool), rng)
    each = {
        "coordinate_error_px": np.abs(off).mean(axis=(1, 2)),
        "corner_error_px": error_px.mean(axis=1),
        "within_2_px": (error_px.max(axis=1) <= 2).astype(float),
    }
    return {
        name: interval(np.array([values.mean()]), drawn @ values / drawn.sum(axis=1), len(values))
        for name, values in each.items()
    }


_JUDGES: dict[str, Any] = {"image": judge_image, "corners": judge_corners}


def report_on(
    workspace: Workspace, recipe: Recipe, test: Pictures, folders: list[Path], not_run: Mapping[str, str]
) -> None:
    """Write report.html of each run, all runs side by side."""
    if recipe.task == "corners":
        for folder in folders:
            corner_report.write(folder, test)
        return
    runs = [read_run(folder) for folder in folders]
    paths = workspace.photo_paths()

    def show(photo_id: str) -> tuple[str, NDArray[np.uint8]]:
        photo = images.read(paths[photo_id])
        smaller = 232 / max(photo.shape)
        return "", np.asarray(cv2.resize(photo, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA), np.uint8)

    report.write(runs, not_run, show)
