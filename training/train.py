"""The models of a recipe, trained, judged, exported: one run each."""

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.progress import Progress, silent
from dentline.recipe import Recipe
from dentline.workspace import Workspace
from deployment import reference as references
from deployment.contract import Contract
from deployment.reference import Reference
from labeling import patches, versions
from labeling.patches import PatchSet
from training import export, metrics, nodes, photo_stage, report, tracking
from training.data import Examples, fingerprint, join
from training.fit import LOGS, Fitted, predict
from training.job import TOGETHER
from training.models.weights import WeightsUnavailable
from training.origin import origin
from training.run import Predictions, Record
from training.run import read as read_run
from training.run import write as write_run
from training.trainers import MODELS

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Outcome:
    """A model of the recipe: the run it became, or why it was not run."""

    model: str
    run_id: str = ""
    reason: str = ""


def train(
    workspace: Workspace,
    models: tuple[str, ...] = (),
    out: Path | None = None,
    progress: Progress = silent,
    weights: str = "",
    precision: recipes.Precision | None = None,
) -> list[Outcome]:
    """Train each model and write its run; one whose weights cannot be had is told with the reason.

    Args:
        models: of the recipe's, or all of them.
        out: folder for the runs instead of the project's.
        progress: called as the work goes on.
        weights: of VGG16, instead of the recipe's.
        precision: of the exported models, instead of the recipe's.

    A training that was killed goes on from its last epoch, if neither recipe nor data changed. Where
    ``TF_CONFIG`` names several machines, they train together and the first of them writes the runs.

    Raises:
        DentlineError: unknown model, no patches, a split without dents, or none of the models ran.
    """
    machines = nodes.join()
    tracker = tracking.chosen() if machines.rank == 0 else None
    recipe = read_recipe(workspace, weights, precision)
    chosen = models or recipe.train.models
    one, tell = _stage(workspace, recipe, chosen, out or workspace.runs, progress)
    outcomes = []
    for model in chosen:
        if machines.rank:
            if model in TOGETHER:
                one(model)
            outcomes.append(Outcome(model, reason=f"this is machine {machines.rank} of {machines.n}; 0 writes the run"))
            continue
        try:
            outcomes.append(Outcome(model, one(model)))
        except WeightsUnavailable as missing:
            outcomes.append(Outcome(model, reason=str(missing)))
    machines.wait()
    if machines.rank:
        return outcomes
    if not any(outcome.run_id for outcome in outcomes):
        raise DentlineError("training", f"no model was run: {outcomes[0].reason}", "name other models or weights")
    folder = out or workspace.runs
    folders = [folder / outcome.run_id for outcome in outcomes if outcome.run_id]
    if tracker:
        for run in folders:
            tracker.tell(tracking.read(run))
    tell(folders, {outcome.model: outcome.reason for outcome in outcomes if outcome.reason})
    return outcomes


def read_recipe(workspace: Workspace, weights: str = "", precision: recipes.Precision | None = None) -> Recipe:
    """Return the project's recipe, with other VGG16 weights and another precision where they are named."""
    recipe = recipes.load(workspace.recipe)
    vgg16 = replace(recipe.vgg16, weights=weights or recipe.vgg16.weights)
    return replace(recipe, vgg16=vgg16, train=replace(recipe.train, precision=precision or recipe.train.precision))


def prepare(workspace: Workspace, recipe: Recipe, models: tuple[str, ...]) -> tuple[PatchSet, dict[str, Examples]]:
    """Read and check what training on patches needs: the models' names, the patches, each split's examples.

    Raises:
        DentlineError: as :func:`train` does before it trains.
    """
    unknown = [name for name in models if name not in MODELS]
    if unknown:
        raise DentlineError("recipe.toml: [train] models", f"is {unknown[0]!r}", f"known are: {', '.join(MODELS)}")
    found = patches.read(workspace.patches)
    return found, {split: Examples.of(found, split) for split in SPLITS}


def planned(workspace: Workspace, models: tuple[str, ...] = (), weights: str = "") -> tuple[tuple[str, ...], str]:
    """Check all that training needs, without training; return the models, and what they would learn from."""
    recipe = read_recipe(workspace, weights)
    chosen = models or recipe.train.models
    if recipe.task == "patch":
        found, _ = prepare(workspace, recipe, chosen)
        return chosen, f"{len(found)} patches"
    from training import whole

    return chosen, f"{sum(map(len, whole.sides_of(workspace, recipe, chosen)[chosen[0]].values()))} photos"


def _stage(
    workspace: Workspace, recipe: Recipe, models: tuple[str, ...], runs: Path, progress: Progress
) -> tuple[Callable[[str], str], Callable[[list[Path], Mapping[str, str]], None]]:
    """Return what trains one model of the recipe's task, and what reports on the runs."""
    if recipe.task != "patch":
        from training import whole
        from training.whole_trainers import sized

        whole_sides = whole.sides_of(workspace, recipe, models)
        return (
            lambda model: whole.run(workspace, sized(recipe, model), model, whole_sides[model], runs),
            lambda folders, not_run: whole.report_on(
                workspace, recipe, whole_sides[models[0]]["test"], folders, not_run
            ),
        )
    found, sides = prepare(workspace, recipe, models)

    def tell(folders: list[Path], not_run: Mapping[str, str]) -> None:
        read = [read_run(folder) for folder in folders]
        report.write(read, not_run, report.of_patches(found), workspace.photo_paths())

    return lambda model: _run(workspace, recipe, model, found, sides, runs, progress), tell


def _run(
    workspace: Workspace,
    recipe: Recipe,
    model: str,
    found: PatchSet,
    sides: dict[str, Examples],
    runs: Path,
    progress: Progress,
) -> str:
    started = datetime.now(UTC)
    data = fingerprint(list(sides.values()))
    plan = hashlib.sha256((data + recipes.dumps(recipe)).encode()).hexdigest()
    unfinished = runs / f".unfinished-{model}-{plan[:12]}"
    clock = time.perf_counter()
    looking = photo_stage.of_model(recipe, model)
    learnt = photo_stage.with_blobs(workspace, looking, found, sides["train"], progress)
    fitted = MODELS[model](recipe, learnt, sides["validation"], unfinished, progress)
    for number in range(1, photo_stage.rounds(looking) + 1):
        wrong = photo_stage.false_alarms(fitted.model, workspace, looking, found, sides["validation"], progress)
        if wrong is None:
            break
        learnt = join([learnt, wrong])
        fitted = MODELS[model](recipe, learnt, sides["validation"], unfinished / f"hard-{number}", progress)
    if nodes.join().rank:
        return ""
    duration_s = time.perf_counter() - clock
    run_id = f"{started:%Y%m%d-%H%M%S}-{model}"
    folder = runs / run_id
    predictions, measured = judge(fitted, sides, recipe.train.seed)
    record = Record(
        run_id=run_id,
        task=recipe.task,
        model=model,
        weights=fitted.weights,
        weights_sha256=fitted.weights_sha256,
        data_fingerprint=data,
        seed=recipe.train.seed,
        started_at=f"{started:%Y-%m-%dT%H:%M:%S}",
        duration_s=round(duration_s, 3),
        n_parameters=fitted.model.count_params(),
        data_version=max((version.number for version in versions.read(workspace.versions)), default=0),
        **origin({f"n_{split}": len(sides[split]) for split in SPLITS}),
    )
    seen = photo_stage.judge(fitted.model, workspace, looking, found, progress)
    contract = Contract(
        task=recipe.task,
        name=recipe.name,
        model=model,
        run_id=run_id,
        threshold=measured["validation"].threshold,
        weights=fitted.weights,
        created_at_utc=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        code_version=record.code_version,
        data_fingerprint=data,
        **seen.contract,
    )
    tables = {split: value.as_json() for split, value in measured.items()}
    looks = reference(workspace, sides["train"])
    wanted = recipe.train.precision
    bundle = folder / "bundle"
    export.export(bundle, fitted.model, contract, sides["validation"], tables, looks, wanted, sides["train"])
    write_run(folder, recipe, record, fitted.history, predictions, measured, seen.told)
    for logs in sorted(unfinished.rglob(LOGS)):
        shutil.move(logs, folder / LOGS / logs.parent.relative_to(unfinished))
    shutil.rmtree(unfinished, ignore_errors=True)
    return run_id


def reference(workspace: Workspace, learnt: Examples) -> Reference | None:
    """Return how the training photos look, for drift; None where they are too few or no longer all here."""
    paths = workspace.photo_paths()
    group_of = dict(zip(learnt.photo_id.tolist(), learnt.group.tolist(), strict=True))
    if (
        len(group_of) < references.LEAST_PHOTOS
        or len(set(group_of.values())) < 2
        or not group_of.keys() <= paths.keys()
    ):
        return None
    return references.of_photos((paths[photo_id].read_bytes(), group) for photo_id, group in sorted(group_of.items()))


def judge(fitted: Fitted, sides: dict[str, Examples], seed: int) -> tuple[Predictions, dict[str, metrics.Metrics]]:
    """Score validation and test, choose the threshold on validation, and measure both at it."""
    judged = {split: sides[split] for split in SPLITS[1:]}
    p = {split: predict(fitted.model, side.fields()) for split, side in judged.items()}
    threshold = metrics.best_threshold(judged["validation"].label, p["validation"])
    rng = np.random.default_rng(seed)
    measured = {
        split: metrics.measure(side.label, p[split], side.group, threshold, rng) for split, side in judged.items()
    }
    joined = {
        name: np.concatenate([getattr(side, name) for side in judged.values()])
        for name in ("patch_id", "photo_id", "group", "label")
    }
    split = np.concatenate([np.repeat(name, len(side)) for name, side in judged.items()])
    return Predictions(**joined, split=split, p=np.concatenate(list(p.values()))), measured
