"""Lineage: from any row both ways, and the comparison that a proposal rests on."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline import recipe
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import champion, keep, records
from deployment.drift_check import DriftCheck
from deployment.feedback import Feedback
from deployment.records import Records, ScoreRecord
from deployment.scorer import Scorer
from labeling import cut_shards, cutting, groups, hard, patches, returned, split
from labeling.groups import Member
from labeling.patches import middle
from labeling.store import Store
from tests import tiny_model
from tests.test_door import CLEAN, DENTED
from training import feedback, lineage
from training import run as runs
from training.data import Examples
from training.lineage import Link
from training.run import Predictions, Record

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
RUN = "20261119-081500-tiny"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A champion that flagged two photos; an operator confirmed one and refuted the other; both came back."""
    workspace = Workspace(tmp_path / "p")
    workspace.photos.mkdir(parents=True)
    bundle = tiny_model.write(workspace.bundle(RUN), run_id=RUN)
    record = Record(
        RUN, "patch", "tiny", "none", "", "ab" * 32, "0.1.0", {}, 0, "2026-11-19T08:15:00", 1.0, 10, 4, 2, 2, 0
    )
    names = np.array(["old.png"] * 2)
    judged = Predictions(
        np.array(["old-1", "old-2"]),
        names,
        names,
        np.array(["test"] * 2),
        np.array([0, 1], np.int8),
        np.array([0.1, 0.9]),
    )
    (workspace.photos / "old.png").write_bytes(CLEAN[:-1] + b"\0")
    groups.write(workspace.groups, [Member("old.png", "old", "old", "declared")])
    runs.write(workspace.run(RUN), recipe.Recipe(), record, [], judged, {})
    champion.promote(workspace, RUN)
    scorer = Scorer(bundle)
    scorer.setup()
    writer, keeper = Records(workspace.scores), keep.Keep(workspace.kept, 1)
    for number, (photo, truth) in enumerate(((DENTED, "dent"), (CLEAN, "clean"))):
        answer, _ = scorer.answer(photo, "r")
        score = ScoreRecord(answer, "http", None, "door-7", "A")
        writer.add([score])
        keeper.take([score], [photo])
        writer.judge([Feedback(f"{number:032x}", answer.score_id, "2026-11-20T09:00:00.000", truth, "kim")])
    writer.close()
    returned.bring_back(workspace, feedback.gather(workspace, workspace.kept).judged, NOW)
    assignments = split.renew(workspace, recipe.Split())
    with Store(workspace.labels) as store:
        planned = cutting.plan(store.latest().values(), assignments, recipe.Patches(), hard.read(workspace.hard))
    cut_shards.cut(workspace.patches, planned, workspace.photo_paths())
    return workspace


def kinds(links: tuple[Link, ...]) -> list[str]:
    return [link.kind for link in links]


def test_answer_leads_to_its_model_and_to_what_became_of_it(workspace: Workspace) -> None:
    digest = hashlib.sha256(DENTED).hexdigest()
    rows = Workspace(workspace.root).photo_paths()
    (photo_id,) = (p for p in rows if p.startswith(f"feedback/{digest[:16]}"))
    answers = [link for link in lineage.trace(workspace, photo_id).outcomes if link.kind == "answer"]
    trail = lineage.trace(workspace, answers[0].name)
    assert trail.subject.kind == "answer" and "defect" in trail.subject.facts and "part door-7" in trail.subject.facts
    assert kinds(trail.origins)[:3] == ["photo", "model", "run"] and trail.origins[1].name == RUN
    assert {"judgement", "clicks", "split"} <= set(kinds(trail.outcomes))
    said = next(link for link in trail.outcomes if link.kind == "judgement")
    assert said.facts.startswith("dent, by kim") and "in version 1 of the data" in said.facts
    back = lineage.trace(workspace, said.name)
    assert back.subject == said and back.origins[0] == trail.subject


def test_run_leads_back_to_its_data_and_on_to_its_answers(workspace: Workspace) -> None:
    trail = lineage.trace(workspace, RUN)
    assert kinds(trail.origins) == ["data"] and kinds(trail.outcomes) == ["bundle", "champion", "answers", "judgements"]
    assert trail.outcomes[2].name == "2" and trail.outcomes[3].facts == "1 with a dent"


def test_photo_and_patch_lead_to_the_runs_that_judged_them(workspace: Workspace) -> None:
    photo, patch = (lineage.trace(workspace, name) for name in ("old.png", "old-2"))
    assert photo.subject.name == "old.png" and Link("run", RUN, "judged on 2 of its patches") in photo.outcomes
    assert patch.subject == Link("patch", "old-2", "dent; cut no more")
    assert photo.subject in patch.origins and Link("run", RUN, "judged it: p 0.900") in patch.outcomes


def test_patch_that_was_cut_leads_to_its_photo_and_clicks(workspace: Workspace) -> None:
    marked = next(p for p in patches.read(workspace.patches).patches if p.label)
    trail = lineage.trace(workspace, marked.patch_id)
    assert trail.subject.facts == "dent at (100.0, 80.0), center"
    assert kinds(trail.origins) == ["photo", "clicks"] and trail.outcomes[0] == Link("split", marked.split, "")
    there = lineage.trace(workspace, marked.photo_id)
    assert "patches" in kinds(there.outcomes) and there.subject == trail.origins[0]


def test_version_data_bundle_and_group_lead_both_ways(workspace: Workspace) -> None:
    version = lineage.trace(workspace, "1")
    assert kinds(version.origins) == ["judgement", "judgement"] and version.outcomes == ()
    data = lineage.trace(workspace, "ab" * 32)
    assert data.subject.kind == "data" and kinds(data.outcomes)[:2] == ["run", "bundle"]
    (bundle,) = (link for link in data.outcomes if link.kind == "bundle")
    for name in (bundle.name, bundle.facts.removeprefix("SHA-256 ")):
        trail = lineage.trace(workspace, name)
        assert kinds(trail.origins) == ["run", "data"] and "answers" in kinds(trail.outcomes)
    photo_id = lineage.trace(workspace, version.origins[0].name).origins[1].name
    group = next(member.group for member in groups.read(workspace.groups).values() if member.photo_id == photo_id)
    assert photo_id in [link.name for link in lineage.trace(workspace, group).origins]


def test_drift_check_leads_to_the_answers_of_its_window(workspace: Workspace) -> None:
    first, last = workspace_answers(workspace)
    check = DriftCheck("d" * 32, "2026-11-20T09:00:00.000", "A", RUN, "photos", "size", 2, 0.9, 0.5, 0.3, 0.25, 2)
    writer = Records(workspace.scores)
    writer.note_drift([check])
    writer.close()
    trail = lineage.trace(workspace, "d" * 32)
    assert "alarm" in trail.subject.facts and kinds(trail.origins) == ["answers", "model", "run", "data"]
    assert trail.origins[0].name == f"{first} to {last}"


def workspace_answers(workspace: Workspace) -> list[str]:
    rows = records.open_for_reading(workspace.scores).execute("SELECT score_id FROM score ORDER BY seq").fetchall()
    return [score_id for (score_id,) in rows]


@pytest.mark.parametrize("start", ["answer", "run", "photo", "version"])
def test_every_named_step_of_a_trail_can_be_walked_from(workspace: Workspace, start: str) -> None:
    begin = {"answer": workspace_answers(workspace)[0], "run": RUN, "photo": "old.png", "version": "1"}[start]
    trail = lineage.trace(workspace, begin)
    named = {"photo", "run", "model", "judgement", "answer", "version", "data", "bundle", "champion"}
    steps = [link for link in (*trail.origins, *trail.outcomes) if link.kind in named]
    assert steps
    for link in steps:
        assert lineage.trace(workspace, link.name).subject.name == link.name


def test_command_prints_the_trail_from_origins_to_outcomes(workspace: Workspace) -> None:
    workspace.recipe.write_text(recipe.dumps(recipe.Recipe()), encoding="utf-8")
    done = CliRunner().invoke(app, ["lineage", str(workspace.root), RUN])
    assert done.exit_code == 0, done.output
    marks = [line[:5] for line in done.output.splitlines()]
    assert marks.index("  =  ") == 1 and marks[0] == "from " and set(marks[2:]) == {"  -> "}
    wrong = CliRunner().invoke(app, ["lineage", str(workspace.root), "door-99"])
    assert wrong.exit_code != 0


def test_what_nobody_knows_is_told_so(workspace: Workspace) -> None:
    with pytest.raises(DentlineError, match="no answer, judgement, drift check, photo, patch"):
        lineage.trace(workspace, "door-99")


def test_gains_are_told_for_all_old_and_fed_back_patches(tmp_path: Path) -> None:
    from training.retrain import compare

    blind, sharp = (
        tiny_model.write(tmp_path / name, run_id=name, gain=gain) for name, gain in (("a", 0.0), ("b", 0.2))
    )
    n = 24
    label = np.arange(n) % 2
    contexts = np.stack(
        [tiny_model.surface(160, 160, [(80.0, 80.0)] * int(has), seed=i) for i, has in enumerate(label)]
    )
    assert middle(contexts, 112).shape == (n, 112, 112, 3)
    photo_id = np.array([f"feedback/{i}.png" if i < 8 else f"{i}.png" for i in range(n)])
    group = np.array([f"g{i // 4}" for i in range(n)])
    test = Examples(contexts, label.astype(np.int8), group, photo_id, photo_id)
    gains = {gain.on: gain for gain in compare(blind, sharp, test, 0)}
    assert [gain.difference.n for gain in gains.values()] == [24, 16, 8]
    assert gains["all"].challenger == 1 and gains["all"].champion == 0
    assert gains["all"].difference.value == 1 and gains["old"].difference.low > 0
