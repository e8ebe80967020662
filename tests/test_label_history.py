from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from dentline.errors import DentlineError
from labeling import history, projects
from labeling.annotation import Annotation, Center
from labeling.store import Store


def note(photo: str, *xy: tuple[float, float], who: str = "ann") -> Annotation:
    centers = tuple(Center(*p) for p in xy)
    when = datetime(2026, 11, 20, tzinfo=UTC)
    return Annotation(photo, 40, 30, centers, "marked" if xy else "clean", who, 0, when)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    with Store(tmp_path / "labels.db") as store:
        store.save(note("a.png", (1, 2)), 0)
        store.save(note("b.png"), 0)
        store.save(note("a.png", (1, 2), (3, 4)), 1)
        store.save(note("b.png", (9, 9), who="bob"), 0, reader="bob")
        store.backup(tmp_path / "backup.db")
        store.save(note("a.png"), 2)
        store.save(note("new.png"), 0)
    return tmp_path / "labels.db"


def test_revision_taken_back_is_the_newest_and_the_others_stay(labels: Path) -> None:
    restored = history.restore_revision(labels, "a.png", 1, "carl")
    assert (restored.revision, restored.annotator, restored.centers) == (4, "carl", (Center(1, 2),))
    with Store(labels) as store:
        assert [len(a.centers) for a in store.history("a.png")] == [1, 2, 0, 1]


@pytest.mark.parametrize(("photo", "revision"), [("a.png", 9), ("a.png", 0), ("z.png", 1)])
def test_unknown_revision_is_refused(labels: Path, photo: str, revision: int) -> None:
    with pytest.raises(DentlineError, match=r"has (revisions 1 to 3|no revisions)"):
        history.restore_revision(labels, photo, revision, "carl")


def test_backup_becomes_the_newest_revisions(labels: Path, tmp_path: Path) -> None:
    before = (tmp_path / "backup.db").read_bytes()
    done = history.restore_backup(labels, tmp_path / "backup.db", "carl")
    assert [(a.photo_id, a.revision) for a in done] == [("a.png", 4)]
    with Store(labels) as store:
        assert store.latest()["a.png"].centers == (Center(1, 2), Center(3, 4))
        assert sorted(store.latest()) == ["a.png", "b.png", "new.png"]
    assert (tmp_path / "backup.db").read_bytes() == before
    assert not list(tmp_path.glob("backup.db-*"))


def test_lost_labels_come_back_with_their_history(labels: Path, tmp_path: Path) -> None:
    for path in tmp_path.glob("labels.db*"):
        path.unlink()
    history.restore_backup(labels, tmp_path / "backup.db", "carl")
    with Store(labels) as store:
        assert [a.annotator for a in store.history("a.png")] == ["ann", "ann"]
        assert [a.annotator for a in store.second_readings()["b.png"]] == ["bob"]


def test_wrong_backup_leaves_the_labels(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.db").write_text("no database" * 100)
    for name in ("wrong.db", "gone.db"):
        with pytest.raises(DentlineError, match=name):
            history.restore_backup(labels, tmp_path / name, "carl")
    with Store(labels) as store:
        assert len(store.log()) == 6


def test_the_commands_say_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from commands import label_history

    project = projects.make(tmp_path / "project")
    cv2.imwrite(str(project.photos / "a.png"), np.zeros((30, 40, 3), np.uint8))
    with Store(project.labels) as store:
        store.save(note("a.png", (1, 2)), 0)
        store.save(note("a.png", (1, 2.5), who="bob"), 0, reader="bob")
    label_history.log(project.root, "", 20)
    label_history.backup(project.root, tmp_path / "b.db")
    label_history.restore(project.root, "a.png", 1, None, "carl")
    label_history.export(project.root, "coco", tmp_path / "out.json", False)
    label_history.agreement(project.root, 16.0)
    said = capsys.readouterr()
    assert "a.png  revision 1  marked, 1 centers, by bob (second reading)" in said.out
    assert "b.db: 1 photos, 2 saves" in said.out
    assert "1 photos taken back" in said.out
    assert "out.json: 1 photos, 1 centers" in said.out
    assert "coco does not carry: earlier revisions and second readings" in said.err
    assert "centers (Dice, within 16 px)       1.000 [" in said.out
    with pytest.raises(DentlineError, match="--photo and --revision, or --backup"):
        label_history.restore(project.root, "", 0, None, "carl")
