"""From judged answers to a model that is proposed: bring back, cut, train, and compare with the champion."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from dentline import intervals
from dentline import recipe as recipes
from dentline.files import write_text
from dentline.intervals import Value
from dentline.progress import Progress
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.engine import OnnxEngine
from labeling import cut_shards, cutting, hard, patches, returned, split
from labeling.returned import FOLDER, Returned
from labeling.store import Store
from training import metrics
from training.data import Examples
from training.feedback import gather

_BATCH = 64


@dataclass(frozen=True)
class Gain:
    """How much more the new model reaches than the champion on the same test patches: F1 of their own verdicts.

    Ranking would not do: an aged lamp may leave every dent above every clean place, and all below the threshold.

    Attributes:
        on: ``all`` test patches, the ``old`` ones, or those of photos that were ``fed_back``.
        champion, challenger: what each reaches; `difference` with its 95 % interval, resampled together by group.
    """

    on: str
    champion: float
    challenger: float
    difference: Value


@dataclass(frozen=True)
class Proposal:
    """A trained model beside the champion.

    Attributes:
        data_version: of the labels it learnt from.
        is_better: the gain on all test patches is beyond the noise.
        promoted: the recipe lets a gain beyond the noise promote by itself, and it did.
    """

    run_id: str
    champion: str
    data_version: int
    made_at: str
    gains: tuple[Gain, ...]
    is_better: bool
    promoted: bool


@dataclass(frozen=True)
class Retrained:
    """What came back from the operators, and what was made of it."""

    returned: Returned
    n_without_photo: int
    proposal: Proposal


def retrain(
    workspace: Workspace, now: datetime, kept: Path | None = None, progress: Progress = lambda what, done, total: None
) -> Retrained:
    """Train the champion's kind of model on a new version of the data and propose it.

    Where nothing was judged, the labels are as they are: what was marked since counts. It is promoted only
    where ``[retrain] promote`` of the recipe says ``beyond_noise`` and the gain is.

    Args:
        kept: where the service keeps photos; the project's ``kept/`` by default.

    Raises:
        DentlineError: there is no champion, or no photo was scored yet.
    """
    from training.train import train

    recipe = recipes.load(workspace.recipe)
    reigning = bundle.load(workspace.bundle(champion.current(workspace).run_id))
    gathered = gather(workspace, kept or workspace.kept)
    came_back = returned.bring_back(workspace, gathered.judged, now)
    assignments = split.renew(workspace, recipe.split)
    with Store(workspace.labels) as store:
        reviewed = [a for a in store.latest().values() if a.status in cutting.REVIEWED]
    planned = cutting.plan(reviewed, assignments, recipe.patches, hard.read(workspace.hard))
    cut_shards.cut(workspace.patches, planned, workspace.photo_paths(), progress)
    (outcome,) = train(workspace, (reigning.contract.model,), progress=progress)
    challenger = bundle.load(workspace.bundle(outcome.run_id))
    gains = compare(reigning, challenger, Examples.of(patches.read(workspace.patches), "test"), recipe.train.seed)
    is_better = gains[0].difference.low > 0
    promoted = is_better and recipe.retrain.promote == "beyond_noise"
    proposal = Proposal(
        outcome.run_id,
        reigning.model_id,
        came_back.version.number,
        now.strftime("%Y-%m-%dT%H:%M:%S"),
        gains,
        is_better,
        promoted,
    )
    write_text(workspace.proposal, json.dumps(asdict(proposal), indent=1) + "\n")
    if promoted:
        champion.promote(workspace, outcome.run_id)
    return Retrained(came_back, gathered.n_without_photo, proposal)


def compare(reigning: bundle.Bundle, challenger: bundle.Bundle, test: Examples, seed: int) -> tuple[Gain, ...]:
    """Return the gain on all test patches, on the old ones, and on those fed back, where these hold both classes."""
    called = [_scores(one, test) >= one.contract.threshold for one in (reigning, challenger)]
    fed_back = np.char.startswith(test.photo_id, f"{FOLDER}/")
    gains = []
    for on, rows in (("all", np.ones(len(test), bool)), ("old", ~fed_back), ("fed_back", fed_back)):
        truth = test.label[rows].astype(bool)
        if truth.any() and not truth.all():
            drawn = intervals.resample(test.group[rows], truth, np.random.default_rng(seed))
            values = [metrics.f1(truth, verdict[rows]) for verdict in called]
            resampled = [metrics.f1(truth, verdict[rows], drawn) for verdict in called]
            difference = intervals.interval(values[1] - values[0], resampled[1] - resampled[0], len(truth))
            gains.append(Gain(on, float(values[0][0]), float(values[1][0]), difference))
    return tuple(gains)


def _scores(one: bundle.Bundle, test: Examples) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    engine = OnnxEngine(one.model, 1, str(one.folder / "model.onnx"))
    fields = test.fields()
    parts = [engine.run(np.ascontiguousarray(fields[i : i + _BATCH])).ravel() for i in range(0, len(fields), _BATCH)]
    return np.concatenate(parts).astype(np.float64)
