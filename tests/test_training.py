"""The training stage on patches that can be learnt in seconds: runs, reports, bundles, resuming, comparing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from numpy.typing import NDArray

from commands import train as command
from dentline import images
from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.geometry import CONTEXT_PX
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.engine import OnnxEngine
from labeling import patches
from labeling.patches import Patch

pytest.importorskip("tensorflow")

from training import compare, fit, run, train
from training.data import Examples
from training.models import scratch

SIZES = {"train": 24, "validation": 12, "test": 12}


def context(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return grey noise under some exposure, with a dark pit in the middle for a dent."""
    picture = rng.normal(0, 6, (CONTEXT_PX, CONTEXT_PX)) + 140
    if label:
        y, x = np.mgrid[:CONTEXT_PX, :CONTEXT_PX] - (CONTEXT_PX - 1) / 2
        picture -= 90 * np.exp(-(x**2 + y**2) / 60)
    picture *= rng.uniform(0.6, 1.2)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("project") / "door")
    made.root.mkdir()
    plan = recipes.Train(models=("scratch", "vgg16"), epochs=3, batch_size=16, learning_rate=0.01)
    vgg16 = recipes.Vgg16(weights="imagenet", layers=("block1",), pools=("max",))
    made.recipe.write_text(
        recipes.dumps(replace(recipes.Recipe(), train=plan, vgg16=vgg16, scan=recipes.Scan(proposals=0)))
    )
    rng = np.random.default_rng(0)
    rows = [
        Patch(f"{split}-{i}", f"{split}-{i // 2}.png", f"{split}-{i // 4}", split, 80.0, 80.0, i % 2, 0, "center")
        for split, n in SIZES.items()
        for i in range(n)
    ]
    drawn = {patch.patch_id: context(patch.label, rng) for patch in rows}
    order = iter(rows)

    def cut(photo_id: str, centers: NDArray[np.float64]) -> NDArray[np.uint8]:
        return np.stack([drawn[next(order).patch_id] for _ in centers])

    patches.write(made.patches, rows, cut, images.encode_png)
    return made


@pytest.fixture(scope="module")
def outcomes(workspace: Workspace) -> list[train.Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.models.weights._KERAS_HOST", "host.invalid")
        patch.setenv("HOME", str(workspace.root))
        patch.delenv("DENTLINE_VGG16_WEIGHTS", raising=False)
        return train.train(workspace)


def test_model_without_weights_is_listed_with_the_reason_and_the_rest_goes_on(outcomes: list[train.Outcome]) -> None:
    assert [(outcome.model, bool(outcome.run_id)) for outcome in outcomes] == [("scratch", True), ("vgg16", False)]
    assert "not in Keras' cache" in outcomes[1].reason


def test_run_is_whole_and_measured(workspace: Workspace, outcomes: list[train.Outcome]) -> None:
    made = run.read(workspace.run(outcomes[0].run_id))
    assert made.record.weights == "none" and made.record.n_train == SIZES["train"]
    assert set(made.predictions.split) == {"validation", "test"}
    assert made.metrics["test"]["auc"]["n"] == SIZES["test"]
    assert made.metrics["test"]["auc"]["value"] > 0.9
    assert made.metrics["test"]["threshold"] == made.metrics["validation"]["threshold"]
    html = (made.folder / "report.html").read_text(encoding="utf-8")
    assert "vgg16</td><td" in html and "not run: weights imagenet" in html
    body = html.split("</script>", 1)[1]
    assert "http" not in body.replace("http://www.w3.org", "")


def test_bundle_answers_as_keras_did(workspace: Workspace, outcomes: list[train.Outcome]) -> None:
    made = bundle.load(workspace.bundle(outcomes[0].run_id))
    assert bundle.self_test(made, OnnxEngine(made.model)) < 1e-4
    assert len(made.golden.p) >= 8 and np.ptp(made.golden.p) > 0.1


def test_training_that_was_stopped_ends_as_an_unbroken_one(workspace: Workspace, tmp_path: Path) -> None:
    import keras

    found = patches.read(workspace.patches)
    sides = [Examples.of(found, split) for split in ("train", "validation")]
    recipe = recipes.load(workspace.recipe)

    def fresh() -> keras.Model:
        keras.utils.set_random_seed(7)
        return scratch.build(dropout=0.0)

    whole = fit.fit(fresh(), *sides, recipe)
    state = tmp_path / "checkpoint.npz"

    class Stopped(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        fit.fit(fresh(), *sides, recipe, state, stop)
    resumed = fit.fit(fresh(), *sides, recipe, state)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]
    for one, other in zip(whole.model.variables, resumed.model.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)
    assert resumed.history[-1]["loss"] == pytest.approx(whole.history[-1]["loss"], abs=1e-4)


def test_compare_tells_a_lead_from_noise(workspace: Workspace, outcomes: list[train.Outcome]) -> None:
    good = run.read(workspace.run(outcomes[0].run_id))
    rng = np.random.default_rng(0)
    blind = replace(
        good,
        record=replace(good.record, run_id="20260101-000000-blind"),
        predictions=replace(good.predictions, p=rng.random(len(good.predictions.p))),
    )
    (lead,) = compare.compare([blind, good])
    assert (lead.better, lead.beyond_noise) == (good.run_id, True)
    (tie,) = compare.compare([good, replace(good, record=blind.record)])
    assert not tie.beyond_noise
    other = replace(good.predictions, patch_id=np.char.add(good.predictions.patch_id, "x"))
    with pytest.raises(DentlineError, match="different test patches"):
        compare.compare([good, replace(good, predictions=other)])


def test_unknown_model_and_unfinished_run_are_named(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DentlineError, match="'vgg19'"):
        train.train(workspace, ("vgg19",))
    (tmp_path / "half").mkdir()
    with pytest.raises(DentlineError, match=r"run half: lacks run\.json"):
        run.read(tmp_path / "half")
    (tmp_path / "half" / "run.json").write_text(json.dumps({"run_id": "half"}))
    with pytest.raises(DentlineError, match="is damaged"):
        run.read(tmp_path / "half")


def test_gate_lets_only_a_better_run_through(
    workspace: Workspace, outcomes: list[train.Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    good = run.read(workspace.run(outcomes[0].run_id))
    rng = np.random.default_rng(0)
    blind = workspace.run("20260101-000000-blind")
    recipe = recipes.load(workspace.recipe)
    worse = replace(good.predictions, p=rng.random(len(good.predictions.p)))
    run.write(blind, recipe, replace(good.record, run_id=blind.name), (), worse, {})
    (blind / "metrics.json").write_bytes((good.folder / "metrics.json").read_bytes())
    shutil.copytree(good.folder / "bundle", blind / "bundle")
    champion.promote(workspace, blind.name)
    command.compare(workspace.root, [good.run_id], gate=True)
    champion.promote(workspace, good.run_id)
    for challenger in (good.run_id, blind.name):
        with pytest.raises(typer.Exit):
            command.compare(workspace.root, [challenger], gate=True)
    assert "not better than the champion beyond the noise" in capsys.readouterr().out
    shutil.rmtree(blind)
    workspace.champion.unlink()
