"""Screws good or not by a recipe with an honest split, and what the article's leak is worth.

``python -m benchmarks.screws --json OUT [--recipe screws_article]``. The article balanced its 250 good and 50 not-good
screws by varied copies and split afterwards: a copy of a screw that was learnt from is then in the test. Here one
classifier (a linear head on frozen VGG16 features) is judged both ways on the same screws, with that leak and honestly
(split by screw, then balanced), and on screws made anew that no split ever held, which is the truth both claim to tell.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentation.whole import vary
from benchmarks.generated import pictures, take
from dentline import recipe
from samples import screws
from training import metrics
from training.pictures import Pictures

COLUMNS = ("accuracy", "precision", "recall", "f1")
LEAK_SIDE_PX = 128
NAMES = ("screws", "screws_article")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures are written")
    parser.add_argument("--good", type=int, default=250)
    parser.add_argument("--bad", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 1], help="of the known and of the new screws")
    parser.add_argument("--deals", type=int, default=5, help="of the split, for the leak's worth")
    parser.add_argument("--recipe", default="screws", choices=NAMES)
    parser.add_argument("--epochs", type=int, help="of its network, instead of the recipe's")
    parser.add_argument("--rate", type=float, help="its learning rate, instead of the recipe's")
    parser.add_argument("--patience", type=int, help="epochs without a better validation loss, instead of the recipe's")
    parser.add_argument("--picture", type=Path, help="where the new screws that it judged wrongly are drawn, if any")
    parser.add_argument("--only", choices=["honest", "leak"], help="one half of it")
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    recipes = {name: recipe.load(Path(str(resources.files("recipes") / f"{name}.toml"))) for name in NAMES}
    result: dict[str, Any] = {"good": args.good, "bad": args.bad}
    if args.only != "leak":
        job = recipes[args.recipe]
        asked = {"epochs": args.epochs, "learning_rate": args.rate, "patience": args.patience}
        job = replace(job, train=replace(job.train, **{name: value for name, value in asked.items() if value}))
        result[args.recipe] = honest(job, args.good, args.bad, args.seeds, args.picture)
    if args.only != "honest":
        result["leak"] = leak(recipes["screws_article"], args.good, args.bad, args.seeds, args.deals)
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


def honest(
    job: recipe.Recipe, n_good: int, n_bad: int, seeds: Sequence[int], picture: Path | None = None
) -> dict[str, Any]:
    """Train the recipe's first network on a stratified split by screw; judge it on its test and on new screws."""
    from training.whole import judge_image
    from training.whole_trainers import by_backbone

    known = pictures(screws.photos(n_good, n_bad, 1, seeds[0]), job.prepare.steps)
    apart = pictures(screws.photos(n_good, n_bad, 1, seeds[1]), job.prepare.steps)
    rng = np.random.default_rng(job.split.seed)
    train, rest = dealt(known, rng, job.split.validation + job.split.test)
    validation, test = dealt(rest, rng, job.split.test / (job.split.validation + job.split.test))
    fitted = by_backbone(job.train.models[0], job, train, validation)
    threshold, _, _ = judge_image(fitted, {"train": train, "validation": validation, "test": test}, 0)
    found: dict[str, Any] = {"n_parameters": fitted.n_parameters, "history": [dict(row) for row in fitted.history]}
    for told, side in (("its test", test), ("new screws", apart)):
        p = fitted.predict(side.inputs)[:, 0]
        measured = metrics.measure(side.target[:, 0], p, side.group, threshold, np.random.default_rng(0))
        rows = np.flatnonzero((p >= threshold) != (side.target[:, 0] > 0.5))
        found[told] = measured.as_json() | {"wrong": _wrong(side, p, rows)}
        _print(job.train.models[0], told, measured)
        for one in found[told]["wrong"]:
            print(f"  wrong at {threshold:.3f}: {one}", flush=True)
        if picture and side is apart and len(rows):
            cv2.imwrite(str(picture), drawn(side, p, rows))
    return found


def _wrong(side: Pictures, p: NDArray[np.float64], rows: NDArray[np.intp]) -> list[dict[str, Any]]:
    bad = side.target[:, 0] > 0.5
    return [{"photo": str(side.photo_id[i]), "bad": bool(bad[i]), "p": round(float(p[i]), 4)} for i in rows]


def drawn(side: Pictures, p: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return some screws as the network saw them, twice as large, one below the other, with verdict and p."""
    strips = []
    for i in rows:
        strip = cv2.resize(side.inputs[i, ..., 0], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        told = f"{side.photo_id[i]}: {'missed' if side.target[i, 0] > 0.5 else 'false alarm'}, p {p[i]:.3f}"
        cv2.putText(strip, told, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
        strips.append(strip)
    return np.asarray(np.concatenate(strips), np.uint8)


def leak(job: recipe.Recipe, n_good: int, n_bad: int, seeds: Sequence[int], n_deals: int) -> dict[str, Any]:
    """Judge one classifier on tests dealt after and before the not-good screws were multiplied."""
    from training import frozen, linear
    from training.models.backbones import model

    steps = (job.prepare.steps[0], f"resize(width_px={LEAK_SIDE_PX}, height_px={LEAK_SIDE_PX})", *job.prepare.steps[2:])
    known = pictures(screws.photos(n_good, n_bad, 1, seeds[0]), steps)
    apart = pictures(screws.photos(n_good, n_bad, 1, seeds[1]), steps)
    shows = np.concatenate([np.arange(len(known)), copied(known, np.random.default_rng(0))])
    rows = take(known, shows)
    inputs, rng = rows.inputs.copy(), np.random.default_rng(1)
    for i in range(len(known), len(rows)):
        inputs[i], _ = vary(rows.inputs[i], None, replace(job.augment, flip=False), rng)
    network = model("vgg16_to_block3", known.inputs.shape[1:], "auto", pool="both")
    features = frozen.features(network, inputs, None)
    new = frozen.features(network, apart.inputs, None)
    label = rows.target[:, 0].astype(np.int8)
    found: dict[str, Any] = {}
    for name, before in (("balanced before the split: the leak", True), ("split by screw, then balanced", False)):
        claimed, true = [], []
        for deal in range(n_deals):
            unit = np.arange(len(rows)) if before else shows
            held = held_units(unit, label, 0.2, np.random.default_rng(deal))
            judged = held if before else held & (np.arange(len(rows)) < len(known))
            head = linear.fit(features[~held], label[~held], 0.1)
            claimed.append((label[judged], head.p(features[judged]), rows.group[judged]))
            true.append((apart.target[:, 0], head.p(new), apart.group))
        found[name] = {}
        for told, parts in (("claims", claimed), ("on new screws", true)):
            truth, p, group = (np.concatenate(column) for column in zip(*parts, strict=True))
            measured = metrics.measure(truth, p, group, 0.5, np.random.default_rng(0))
            found[name][told] = {column: asdict(measured.values[column]) for column in COLUMNS}
            _print(name, told, measured)
    return found


def copied(known: Pictures, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return rows of not-good screws to copy, so that there are as many as good ones."""
    bad = np.flatnonzero(known.target[:, 0] == 1)
    return rng.choice(bad, max(0, len(known) - 2 * len(bad)))


def held_units(
    unit: NDArray[np.intp], label: NDArray[np.int8], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Deal a share of the units to the test, either verdict alike; return which rows are in it."""
    held: list[int] = []
    for kind in (0, 1):
        names = np.unique(unit[label == kind])
        held += rng.permutation(names)[: round(len(names) * share)].tolist()
    return np.isin(unit, held)


def dealt(known: Pictures, rng: np.random.Generator, share: float) -> tuple[Pictures, Pictures]:
    """Deal a share of the screws out, either verdict alike; return the rest and them."""
    _, unit = np.unique(known.group, return_inverse=True)
    held = held_units(unit, known.target[:, 0].astype(np.int8), share, rng)
    return take(known, np.flatnonzero(~held)), take(known, np.flatnonzero(held))


def _print(name: str, told: str, measured: metrics.Metrics) -> None:
    cells = (measured.values[column] for column in COLUMNS)
    row = "  ".join(f"{c} {v.value:.3f} [{v.low:.3f}, {v.high:.3f}]" for c, v in zip(COLUMNS, cells, strict=True))
    print(f"{name:38s} {told:14s} n {measured.n}  {row}  {asdict(measured.confusion)}", flush=True)


if __name__ == "__main__":
    main()
