"""Scoring in shards: the same rows whoever works, nothing done twice, nothing lost with a worker."""

import csv
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dentline import images
from dentline.errors import DentlineError
from deployment import shards
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


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_PHOTOS", 3)


def done(photos: Path, model: Path, out: Path, way: object = shards.serial, workers: int = 1) -> str:
    assert callable(way)
    shards.run(shards.plan([str(photos)], model, out), way, workers)
    return (out / "scores.csv").read_text(encoding="utf-8")


def test_every_photo_has_one_row_and_a_refused_one_its_reason(photos: Path, model: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(done(photos, model, tmp_path / "out").splitlines()))
    assert [Path(row["photo"]).name for row in rows] == sorted(p.name for p in photos.iterdir())
    assert [row["verdict"] for row in rows[:12]] == ["defect" if n % 3 == 0 else "ok" for n in range(12)]
    assert rows[12]["error"] and not rows[12]["p"]


def test_killed_run_goes_on_and_repeats_nothing(photos: Path, model: Path, tmp_path: Path) -> None:
    whole = done(photos, model, tmp_path / "whole")
    made = shards.plan([str(photos)], model, tmp_path / "out")

    def killed(plan: shards.Plan, workers: int) -> Iterator[int]:
        yield shards.score_shard(plan, 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.run(made, killed)
    first = made.shard(0).stat().st_mtime_ns
    assert made.missing() == [1, 2, 3, 4]
    assert done(photos, model, tmp_path / "out") == whole
    assert made.shard(0).stat().st_mtime_ns == first


def test_other_photos_or_another_model_need_another_folder(photos: Path, model: Path, tmp_path: Path) -> None:
    done(photos, model, tmp_path / "out")
    fewer = Path(shutil.copytree(photos, tmp_path / "fewer"))
    with pytest.raises(DentlineError, match="other photos or another model"):
        shards.plan([str(fewer)], model, tmp_path / "out")
    with pytest.raises(DentlineError, match="is not empty"):
        shards.plan([str(photos)], model, fewer)


def test_urls_are_read_like_folders(photos: Path, model: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in photos.iterdir():
        memory.pipe_file(f"/line/{path.name}", path.read_bytes())
    shards.run(shards.plan(["memory://line"], model, tmp_path / "out"), shards.serial)
    columns = [row.split(",", 1)[1] for row in (tmp_path / "out" / "scores.csv").read_text().splitlines()[1:13]]
    assert columns == [row.split(",", 1)[1] for row in done(photos, model, tmp_path / "plain").splitlines()[1:13]]
    memory.rm("/line", recursive=True)


def test_processes_give_the_rows_of_one(photos: Path, model: Path, tmp_path: Path) -> None:
    assert done(photos, model, tmp_path / "two", shards.processes, 2) == done(photos, model, tmp_path / "one")


@pytest.mark.filterwarnings("ignore")
def test_dask_loses_nothing_with_a_killed_worker(photos: Path, model: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        made = shards.plan([str(photos)], model, tmp_path / "dask")
        found = []
        for number in shards.dask(cluster.scheduler_address)(made, 2):
            found.append(number)
            if len(found) == 1:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert done(photos, model, tmp_path / "dask") == done(photos, model, tmp_path / "one")
