"""The training stage on patches that can be learnt in seconds: runs, reports, bundles, resuming, comparing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import typer

from commands import train as command
from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.engine import OnnxEngine
from labeling import patches
from tests import patch_project
from training import compare, fit, run, schedules, train
from training.data import Examples
from training.models import scratch


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    plan = recipes.Train(
        models=("scratch", "vgg16"),
        epochs=3,
        epoch_patches=1,
        batch_size=16,
        learning_rate=0.01,
        precision="auto",
        tensorboard=True,
    )
    vgg16 = recipes.Vgg16(weights="imagenet", layers=("block1",), pools=("max",))
    recipe = replace(recipes.Recipe(), train=plan, vgg16=vgg16, scan=recipes.Scan(proposals=0))
    return patch_project.write(tmp_path_factory.mktemp("project") / "door", recipe)


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
    assert made.record.weights == "none" and made.record.n_train == patch_project.SIZES["train"]
    record = made.record
    assert len(record.data_fingerprint) == len(record.code_sha256) == len(record.environment_sha256) == 64
    assert {"python", "keras", "onnx", "opencv-python-headless"} <= set(record.packages)
    assert set(made.predictions.split) == {"validation", "test"}
    assert made.metrics["test"]["auc"]["n"] == patch_project.SIZES["test"]
    assert made.metrics["test"]["auc"]["value"] > 0.9
    assert made.metrics["test"]["threshold"] == made.metrics["validation"]["threshold"]
    assert list((made.folder / "logs").glob("events.out.*"))
    html = (made.folder / "report.html").read_text(encoding="utf-8")
    assert "vgg16</td><td" in html and "not run: weights imagenet" in html
    body = html.split("</script>", 1)[1]
    assert "http" not in body.replace("http://www.w3.org", "")


def test_bundle_answers_as_keras_did(workspace: Workspace, outcomes: list[train.Outcome]) -> None:
    made = bundle.load(workspace.bundle(outcomes[0].run_id))
    chosen = made.contract.precision
    assert bundle.self_test(made, OnnxEngine(made.model)) <= chosen.tolerance
    floats, integers = chosen.tried
    assert (
        floats.largest_difference < 1e-4 and floats.n_judged == integers.n_judged == patch_project.SIZES["validation"]
    )
    assert (chosen.name == "fp32") <= (chosen.tolerance == 1e-4)
    assert len(made.golden.p) >= 8 and np.ptp(made.golden.p) > 0.1


def test_training_that_was_stopped_ends_as_an_unbroken_one(workspace: Workspace, tmp_path: Path) -> None:
    found = patches.read(workspace.patches)
    train, validation = (Examples.of(found, split) for split in ("train", "validation"))
    recipe = recipes.load(workspace.recipe)

    def fresh() -> keras.Model:
        keras.utils.set_random_seed(7)
        return scratch.build(dropout=0.0)

    whole = fit.fit(fresh(), train, validation, recipe)
    state = tmp_path / "checkpoint.npz"

    class Stopped(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        fit.fit(fresh(), train, validation, recipe, state, stop)
    resumed = fit.fit(fresh(), train, validation, recipe, state)
    assert [row["epoch"] for row in resumed.history] == [1, 2, 3]
    for one, other in zip(whole.model.variables, resumed.model.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)
    assert resumed.history[-1]["loss"] == pytest.approx(whole.history[-1]["loss"], abs=1e-4)


def test_schedule_loss_and_decay_are_the_recipes_for_patches_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = patches.read(workspace.patches)
    train, validation = (Examples.of(found, split) for split in ("train", "validation"))
    recipe = recipes.load(workspace.recipe)
    made: list[keras.optimizers.Optimizer] = []

    def noted(plan: recipes.Train, n_steps: int) -> keras.optimizers.Optimizer:
        made.append(optimizer(plan, n_steps))
        return made[-1]

    optimizer = schedules.optimizer
    monkeypatch.setattr(schedules, "optimizer", noted)
    monkeypatch.setattr(fit, "_balanced_loss", lambda label, p: 1.0)  # stands still from the second epoch on
    plan = replace(recipe.train, schedule="plateau", patience=3, loss="focal", weight_decay=0.1, learning_rate=1e-3)
    losses = {}
    for changed in (plan, replace(plan, focal_gamma=0.0), replace(plan, schedule="constant", loss="cross_entropy")):
        keras.utils.set_random_seed(7)
        history = fit.fit(scratch.build(), train, validation, replace(recipe, train=changed)).history
        losses[changed] = history[0]["loss"]
        assert made[-1].weight_decay == 0.1
        reached = 1e-3 / 4 if changed.schedule == "plateau" else 1e-3
        assert float(made[-1].learning_rate) == pytest.approx(reached)
    focal, plain, cross = losses.values()
    assert focal < 0.8 * plain and plain == pytest.approx(cross, rel=0.02)


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
