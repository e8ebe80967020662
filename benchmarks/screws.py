"""What a leak is worth on generated screws: not-good pictures multiplied before the split, and after it.

``python -m benchmarks.screws --json OUT``. The article balanced its 250 good and 50 not-good screws by varied
copies and split afterwards: a copy of a screw that was learnt from is then in the test. Here the same
classifier is judged three ways on the same screws: with that leak, honestly (split by screw, then
balanced), and on screws made anew that no split ever held, which is the truth both claim to tell.
"""

import argparse
import json
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentation.whole import vary
from benchmarks.generated import pictures, take
from dentline import recipe
from labeling.leak import hog
from samples import screws
from training import metrics
from training.pictures import Pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures are written")
    parser.add_argument("--good", type=int, default=250)
    parser.add_argument("--bad", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5, help="deals of the split")
    args = parser.parse_args()
    job = recipe.load(Path(str(resources.files("recipes") / "screws.toml")))
    steps = (*job.prepare.steps[:1], "resize(width_px=128, height_px=128)")
    known = pictures(screws.photos(args.good, args.bad, 1, 0), steps)
    apart = pictures(screws.photos(args.good // 2, args.bad // 2, 1, 1), steps)
    result: dict[str, Any] = {"classifier": "HOG and a linear SVM", "n": len(known), "n_apart": len(apart)}
    for name, before in (("balanced before the split: the leak", True), ("split by screw, then balanced", False)):
        claimed, true = [], []
        for repeat in range(args.repeats):
            rng = np.random.default_rng(repeat)
            train, test = _dealt(_balanced(known, job, rng) if before else known, rng, by_screw=not before)
            scores = _classifier(train if before else _balanced(train, job, rng))
            claimed.append((test.target[:, 0], scores(test.inputs), test.group))
            true.append((apart.target[:, 0], scores(apart.inputs), apart.group))
        result[name] = {"claims": _measured(claimed), "on new screws": _measured(true)}
        for told, values in result[name].items():
            cells = "  ".join(f"{k} {v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in values.items())
            print(f"{name:38s} {told:14s} {cells}", flush=True)
    args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {args.json}")


def _balanced(known: Pictures, job: recipe.Recipe, rng: np.random.Generator) -> Pictures:
    """Add varied copies of not-good pictures until there are as many as good ones."""
    bad = np.flatnonzero(known.target[:, 0] == 1)
    drawn = rng.choice(bad, max(0, len(known) - 2 * len(bad)))
    rows = take(known, np.concatenate([np.arange(len(known)), drawn]))
    inputs = rows.inputs.copy()
    for i in range(len(known), len(rows)):
        inputs[i], _ = vary(rows.inputs[i], None, replace(job.augment, flip=False), rng)
    return replace(rows, inputs=inputs)


def _dealt(known: Pictures, rng: np.random.Generator, by_screw: bool) -> tuple[Pictures, Pictures]:
    """Deal a fifth to the test, either verdict alike: whole screws, or pictures wherever they come from."""
    unit = known.group if by_screw else np.arange(len(known)).astype(str)
    test: list[str] = []
    for kind in (0, 1):
        names = np.unique(unit[known.target[:, 0] == kind])
        test += rng.permutation(names)[: len(names) // 5].tolist()
    held = np.isin(unit, test)
    return take(known, np.flatnonzero(~held)), take(known, np.flatnonzero(held))


def _classifier(train: Pictures) -> Any:
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=0.01).fit(_features(train.inputs), train.target[:, 0].astype(int))
    return lambda inputs: model.decision_function(_features(inputs))


def _features(inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """HOG of 64 px windows side by side: (n, 128, 128, 1) -> (n, f)."""
    rgb = np.repeat(inputs, 3, axis=3)
    quarters = (rgb[:, y : y + 64, x : x + 64] for y in (0, 64) for x in (0, 64))
    return np.concatenate([hog(np.ascontiguousarray(quarter)) for quarter in quarters], axis=1)


def _measured(parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]) -> dict[str, Any]:
    label, score, group = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    values = metrics.measure(label, score, group, 0.0, np.random.default_rng(0)).values
    return {name: asdict(values[name]) for name in ("accuracy", "precision", "recall", "f1")}


if __name__ == "__main__":
    main()
