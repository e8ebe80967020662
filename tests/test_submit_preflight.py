"""The preflight of a training job: a sound one passes, each seeded fault is caught and told what to do about."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline import images, recipe
from dentline.geometry import CONTEXT_PX
from dentline.workspace import Workspace
from labeling import patches
from labeling.patches import Patch
from training import job as jobs
from training import preflight, submit
from training import snapshot as snapshots
from training.job import Job
from training.snapshot import Snapshot

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::marshmallow")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("project") / "door")
    made.root.mkdir()
    made.recipe.write_text(recipe.dumps(recipe.Recipe()))
    made.split.write_text("photo_id,group,split\n")
    rows = [
        Patch(f"{split}-{i}", f"{split}.png", split, split, 80.0, 80.0, i, 0, "center")
        for split in ("train", "validation", "test")
        for i in (0, 1)
    ]
    blank = np.zeros((2, CONTEXT_PX, CONTEXT_PX, 3), np.uint8)
    patches.write(made.patches, rows, lambda photo_id, centers: blank[: len(centers)], images.encode_png)
    return made


@pytest.fixture(scope="module")
def taken(workspace: Workspace) -> tuple[Job, Snapshot]:
    return submit.prepare(workspace, ("scratch",), 1)


def test_sound_job_is_rehearsed_and_nothing_is_sent(workspace: Workspace) -> None:
    before = sorted(workspace.root.rglob("*"))
    done = CliRunner().invoke(app, ["submit", str(workspace.root), "--target", "azureml:cpu-cluster", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "FAULT" not in done.output
    assert "rehearsal: would train scratch, vgg16 on 6 patches" in done.output
    assert '"compute": "azureml:cpu-cluster"' in done.output
    assert re.search(r"\d+  commands/app\.py", done.output)
    assert "nothing was sent" in done.output
    assert [p for p in sorted(workspace.root.rglob("*")) if p not in before] in ([], [workspace.jobs])


def no_module(folder: Path) -> None:
    (folder / "training" / "fit.py").unlink()


def unpinned(folder: Path) -> None:
    path = folder / "environment.yml"
    path.write_text(path.read_text().replace("- numpy==", "- numpy # "))


SEEDED: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "missing module": (no_module, "local", r"No module named 'training\.fit'"),
    "absent script": (lambda f: (f / "commands" / "app.py").unlink(), "local", r"app\.py of commands\.app is not in"),
    "missing environment": (lambda f: (f / "environment.yml").unlink(), "local", "is missing; take it from"),
    "unpinned dependency": (unpinned, "local", "numpy.* not pinned; write name==version"),
    "absent target": (lambda f: None, "azureml:", "names no compute; write azureml:NAME"),
    "unknown target": (lambda f: None, "gcp:x", "known are: local, azureml:COMPUTE"),
    "missing data": (lambda f: (f / "project/patches/contexts.npy").unlink(), "local", "has no patches; cut them"),
}


@pytest.mark.parametrize("name", SEEDED)
def test_seeded_fault_is_caught(taken: tuple[Job, Snapshot], tmp_path: Path, name: str) -> None:
    seed, target, words = SEEDED[name]
    job, snapshot = taken
    folder = Path(shutil.copytree(snapshot.folder, tmp_path / "job" / "snapshot"))
    seed(folder)
    found = [str(f) for f in preflight.check(job, replace(snapshot, folder=folder), target) if not f.ok]
    assert any(re.search(words, line) for line in found), found
    assert all("\n" not in line for line in found)


def test_job_field_that_sdk_v2_does_not_know_is_caught(
    taken: tuple[Job, Snapshot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = preflight.azure.table
    monkeypatch.setattr(preflight.azure, "table", lambda *a: {**table(*a), "instance_cuont": 2})
    finding = preflight._yaml(*taken, "azure:cpu-cluster")
    assert "instance_cuont" in finding.fault


def test_job_that_ran_here_is_what_would_be_uploaded(taken: tuple[Job, Snapshot]) -> None:
    job, snapshot = taken
    assert snapshots.read(snapshot.folder).digest == snapshot.digest == job.digest
    assert jobs.read(snapshot.folder.parent / "job.json") == job
