"""The snapshot of a job: what goes in, what stays out, and that it is the same each time."""

from pathlib import Path

import pytest

from dentline.errors import DentlineError
from dentline.workspace import Workspace
from training import job, snapshot

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "my-part")
    for path in (made.recipe, made.split, made.patches / "manifest.csv", made.patches / "contexts.npy"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if path == made.recipe else path.name)
    (made.photos / "big.jpg").parent.mkdir()
    (made.photos / "big.jpg").write_text("pixels")
    return made


def test_snapshot_has_the_code_and_the_inputs_and_no_more(workspace: Workspace, tmp_path: Path) -> None:
    taken = snapshot.take(ROOT, workspace, tmp_path / "snapshot")
    names = {path for path, _ in taken.files}
    assert {"commands/app.py", "environment.yml", "project/recipe.toml", "project/patches/contexts.npy"} <= names
    assert "project/photos/big.jpg" in names
    assert not [n for n in names if n.startswith((".", "tests/", "docs/"))]
    again = snapshot.take(ROOT, workspace, tmp_path / "again")
    assert again.digest == taken.digest
    (tmp_path / "again" / "project" / "recipe.toml").write_text("other")
    assert snapshot.read(tmp_path / "again").digest != taken.digest


def test_photos_stay_here_when_training_reads_none(workspace: Workspace, tmp_path: Path) -> None:
    workspace.recipe.write_text("[scan]\nproposals = 0\n")
    taken = snapshot.take(ROOT, workspace, tmp_path / "snapshot")
    assert not [path for path, _ in taken.files if path.startswith("project/photos")]


def test_missing_input_is_named(workspace: Workspace, tmp_path: Path) -> None:
    workspace.split.unlink()
    with pytest.raises(DentlineError, match=r"split\.csv: is not there; make it with: dentline split"):
        snapshot.take(ROOT, workspace, tmp_path / "snapshot")
    assert not (tmp_path / "snapshot").exists()


def test_snapshot_larger_than_azure_takes_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_BYTES", 10)
    with pytest.raises(DentlineError, match="negatives_per_photo"):
        snapshot.take(ROOT, workspace, tmp_path / "snapshot")
    assert not (tmp_path / "snapshot").exists()


def test_job_reads_back_as_written(tmp_path: Path) -> None:
    written = job.train("20261120-job", "my-part", "ab" * 32, ("scratch",), nodes=2)
    job.write(written, tmp_path / "job.json")
    assert job.read(tmp_path / "job.json") == written
    with pytest.raises(DentlineError, match="no such job"):
        job.read(tmp_path / "none" / "job.json")
    with pytest.raises(DentlineError, match="not a name"):
        job.train("a b", "my-part", "")
