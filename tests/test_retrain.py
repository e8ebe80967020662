"""Retraining by the command: what is proposed, when it is promoted, and what both models are compared on."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline import recipe as recipes
from dentline.workspace import Workspace
from deployment import champion
from deployment.answer import new_id
from deployment.feedback import Feedback
from deployment.keep import Keep
from deployment.records import Records, ScoreRecord
from deployment.scorer import Scorer
from labeling import groups, versions
from labeling.annotation import Annotation, Center
from labeling.groups import Member
from labeling.store import Store
from tests import tiny_model
from training import train

REIGNING, NEW = "20261101-080000-tiny", "20261120-080000-tiny"
BLIND, SHARP = 0.0, 0.2
PARTS = 24
START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def photo(seed: int, is_dented: bool) -> bytes:
    picture = tiny_model.surface(200, 260, [(130.0, 100.0)] * is_dented, seed)
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A champion that sees no dent, labelled photos, and photos that operators judged since."""
    workspace = Workspace(tmp_path / "doors")
    workspace.photos.mkdir(parents=True)
    annotations, members = [], []
    for number in range(PARTS):
        photo_id, is_dented = f"{number:02d}.png", number % 2 == 0
        (workspace.photos / photo_id).write_bytes(photo(number, is_dented))
        centers = (Center(130.0, 100.0),) * is_dented
        status = "marked" if is_dented else "clean"
        annotations.append(Annotation(photo_id, 260, 200, centers, status, "kim", 1, START))
        members.append(Member(photo_id, f"door-{number}", f"door-{number}", "declared"))
    with Store(workspace.labels) as store:
        store.replace_all(annotations)
    groups.write(workspace.groups, members)
    tiny_model.write(workspace.bundle(REIGNING), run_id=REIGNING, gain=BLIND)
    champion.promote(workspace, REIGNING)
    judge(workspace, tiny_scorer(workspace))
    return workspace


def tiny_scorer(workspace: Workspace) -> Scorer:
    from deployment import bundle

    scorer = Scorer(bundle.load(workspace.bundle(REIGNING)))
    scorer.setup()
    return scorer


def judge(workspace: Workspace, scorer: Scorer) -> None:
    writer, keeper = Records(workspace.scores), Keep(workspace.kept, 1)
    for number in range(PARTS):
        is_dented, data = number % 2 == 1, photo(100 + number, number % 2 == 1)
        moment = START + timedelta(days=1, minutes=number)
        answer, _ = scorer.answer(data, "r")
        record = ScoreRecord(replace(answer, score_id=new_id(moment.timestamp())), "http", None, f"door-{number}", "A")
        writer.add([record])
        keeper.take([record], [data])
        marks = ((130.0, 100.0),) * is_dented
        truth = "dent" if is_dented else "clean"
        said = Feedback(
            new_id(moment.timestamp()), record.answer.score_id, "2026-11-03T08:00:00.000", truth, "kim", marks
        )
        writer.judge([said])
    writer.close()


def run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, gain: float, promote: str, arguments: tuple[str, ...] = ()
) -> tuple[str, dict[str, object]]:
    """Run the command with a training that gives the tiny model of that gain."""

    def trained(given: Workspace, models: tuple[str, ...], **other: object) -> tuple[SimpleNamespace]:
        assert models == ("tiny",), "the champion's kind"
        tiny_model.write(given.bundle(NEW), run_id=NEW, gain=gain)
        return (SimpleNamespace(run_id=NEW),)

    monkeypatch.setattr(train, "train", trained)
    recipe = recipes.Recipe(retrain=recipes.Retrain(promote))
    workspace.recipe.write_text(recipes.dumps(recipe), encoding="utf-8")
    done = CliRunner().invoke(app, ["retrain", str(workspace.root), *arguments])
    assert done.exit_code == 0, done.output
    return done.output, json.loads(workspace.proposal.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("gain", "promote", "better", "reigns"),
    [
        (SHARP, "never", True, REIGNING),
        (SHARP, "beyond_noise", True, NEW),
        (BLIND, "beyond_noise", False, REIGNING),
        (BLIND, "never", False, REIGNING),
    ],
)
def test_only_a_gain_beyond_the_noise_is_promoted_and_only_by_the_recipe(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, gain: float, promote: str, better: bool, reigns: str
) -> None:
    said, proposal = run(workspace, monkeypatch, gain, promote)
    assert champion.current(workspace).run_id == reigns
    assert proposal["is_better"] is better and proposal["promoted"] is (reigns == NEW)
    assert ("beyond the noise" if better else "within the noise") in said
    assert (f"dentline promote {workspace.root} {NEW}" in said) is (reigns == REIGNING), "how to take it"
    if reigns == NEW:
        assert champion.back(workspace).run_id == REIGNING


def test_both_are_compared_on_the_same_old_and_fed_back_patches(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, proposal = run(workspace, monkeypatch, SHARP, "never")
    gains = {gain["on"]: gain for gain in proposal["gains"]}
    assert set(gains) == {"all", "old", "fed_back"}
    n = {on: gain["difference"]["n"] for on, gain in gains.items()}
    assert n["all"] == n["old"] + n["fed_back"] and min(n.values()) > 0
    assert all(gain["champion"] == 0 and gain["challenger"] > 0.9 for gain in gains.values())
    assert "fed back  F1 0.000 ->" in said and f"n {n['fed_back']} test patches" in said


def test_new_version_holds_the_judgements_and_the_same_again_makes_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, proposal = run(workspace, monkeypatch, SHARP, "never")
    (version,) = versions.read(workspace.versions)
    assert proposal["data_version"] == version.number == 1 and len(version.feedback_ids) == PARTS
    assert "learnt from version 1 of the data" in said
    with Store(workspace.labels) as store:
        back = [a for a in store.latest().values() if a.photo_id.startswith("feedback/")]
    assert len(back) == PARTS and sum(len(a.centers) for a in back) == PARTS // 2
    again, _ = run(workspace, monkeypatch, SHARP, "never")
    assert len(versions.read(workspace.versions)) == 1 and "no judged answer is new" in again


def test_photos_that_were_not_kept_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = workspace.root / "nothing-kept"
    empty.mkdir()
    said, proposal = run(workspace, monkeypatch, SHARP, "never", ("--kept", str(empty)))
    assert f"{PARTS} judged answers have no photo here" in said
    gains = {gain["on"] for gain in proposal["gains"]}
    assert gains == {"all", "old"}, "nothing came back to be compared on"


def test_without_a_champion_nothing_is_trained(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.champion.unlink()
    workspace.recipe.write_text(recipes.dumps(recipes.Recipe()), encoding="utf-8")
    monkeypatch.setattr(train, "train", lambda *a, **k: pytest.fail("trained"))
    done = CliRunner().invoke(app, ["retrain", str(workspace.root)])
    assert done.exit_code != 0 and not workspace.proposal.exists()
