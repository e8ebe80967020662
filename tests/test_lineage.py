"""Lineage: from any row both ways, and the comparison that a proposal rests on."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dentline import recipe
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import champion, keep
from deployment.feedback import Feedback
from deployment.records import Records, ScoreRecord
from deployment.scorer import Scorer
from labeling import groups, returned, split
from labeling.groups import Member
from labeling.patches import middle
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
        writer.judge([Feedback(f"{number:032x}", answer.score_id, "2026-11-20T09:00:00.000", truth, "kim")])  # type: ignore[arg-type]
    writer.close()
    returned.bring_back(workspace, feedback.gather(workspace, workspace.kept).judged, NOW)
    split.renew(workspace, recipe.Split())
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
    for name in ("old.png", "old-2"):
        trail = lineage.trace(workspace, name)
        assert trail.subject.name == "old.png"
        assert Link("run", RUN, "judged on 2 of its patches") in trail.outcomes


def test_what_nobody_knows_is_told_so(workspace: Workspace) -> None:
    with pytest.raises(DentlineError, match="no answer, judgement, photo, patch or run"):
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
