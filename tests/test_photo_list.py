"""Scoring a list of photos: a row for each, and a folder that is of one list and one model."""

import csv
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

from dentline import images
from dentline.errors import DentlineError
from deployment import photo_list
from tests import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("model") / "bundle").folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(12):
        picture = rng.integers(90, 110, (96, 120, 3), np.uint8)
        picture[40:56, 50:66] -= np.uint8(60 * (number % 3 == 0))
        (folder / f"{number:02d}.png").write_bytes(images.encode_png(picture))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    return folder


def done(photos: str, model: Path, out: Path) -> str:
    photo_list.run(photo_list.plan([photos], model, out))
    return (out / "scores.csv").read_text(encoding="utf-8")


def test_every_photo_has_one_row_and_a_refused_one_its_reason(photos: Path, model: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(done(str(photos), model, tmp_path / "out").splitlines()))
    assert [Path(row["photo"]).name for row in rows] == sorted(p.name for p in photos.iterdir())
    assert [row["verdict"] for row in rows[:12]] == ["defect" if n % 3 == 0 else "ok" for n in range(12)]
    assert rows[12]["error"] and not rows[12]["p"]


def test_other_photos_or_another_model_need_another_folder(photos: Path, model: Path, tmp_path: Path) -> None:
    done(str(photos), model, tmp_path / "out")
    fewer = Path(shutil.copytree(photos, tmp_path / "fewer"))
    with pytest.raises(DentlineError, match="results of other inputs"):
        photo_list.plan([str(fewer)], model, tmp_path / "out")
    with pytest.raises(DentlineError, match="is not empty"):
        photo_list.plan([str(photos)], model, fewer)


def test_urls_are_read_like_folders(photos: Path, model: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in photos.iterdir():
        memory.pipe_file(f"/line/{path.name}", path.read_bytes())
    try:
        far = done("memory://line", model, tmp_path / "far").splitlines()
    finally:
        memory.rm("/line", recursive=True)
    near = done(str(photos), model, tmp_path / "near").splitlines()
    assert [row.split(",", 1)[1] for row in far[1:13]] == [row.split(",", 1)[1] for row in near[1:13]]
