"""Work in shards: scoring, cutting and augmenting give the same bytes whoever works, lose nothing, repeat nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import distributed
import fsspec
import numpy as np
import pytest

from augmentation import writing
from dentline import images, shards, sources
from dentline.errors import DentlineError
from dentline.recipe import Patches
from dentline.shards import Task, Way
from deployment import photo_list
from labeling import cut_shards, cutting, patches
from labeling.annotation import Annotation, Center
from labeling.split import Assignment
from tests import tiny_model

N_PHOTOS = 9


def note(photo_id: str, x: float) -> Annotation:
    return Annotation(photo_id, 220, 200, (Center(x, 80),), "marked", "test", 1, datetime(2026, 11, 20, tzinfo=UTC))


@dataclass(frozen=True)
class Bench:
    """Photos, a model and patches to work on, near and at a URL."""

    photos: Path
    model: Path
    patches: Path

    def annotations(self) -> list[Annotation]:
        return [note(f"{n}.png", 90.0 + n) for n in range(N_PHOTOS)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(N_PHOTOS):
        picture = rng.integers(90, 110, (200, 220, 3), np.uint8)
        (folder / "photos" / f"{number}.png").write_bytes(images.encode_png(picture))
    made = Bench(folder / "photos", tiny_model.write(folder / "bundle").folder, folder / "patches")
    cut(made, made.patches, shards.serial)
    return made


def score(bench: Bench, out: Path, way: Way, at: str = "") -> None:
    photo_list.run(photo_list.plan([at or str(bench.photos)], bench.model, out), way)


def cut(bench: Bench, out: Path, way: Way, at: str = "") -> None:
    notes = bench.annotations()
    sides = {note.photo_id: Assignment(note.photo_id, "train") for note in notes}
    planned = cutting.plan(notes, sides, Patches(negatives_per_photo=2))
    cut_shards.cut(out, planned, sources.below(at or str(bench.photos)), way=way)


def augment(bench: Bench, out: Path, way: Way, at: str = "") -> None:
    rows, contexts = patches.at(at or str(bench.patches))
    writing.write(out, contexts, rows, way=way)


Work = Callable[..., None]
JOBS: dict[str, Work] = {"score": score, "cut": cut, "augment": augment}

each_job = pytest.mark.parametrize("work", JOBS.values(), ids=JOBS)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_list, "SHARD_PHOTOS", 2)
    monkeypatch.setattr(cut_shards, "SHARD_PHOTOS", 2)
    monkeypatch.setattr(writing, "SHARD_PATCHES", 6)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != shards.PLAN)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def unbroken(bench: Bench, work: Work, tmp_path: Path) -> dict[str, bytes]:
    work(bench, tmp_path / "unbroken", shards.serial)
    return files(tmp_path / "unbroken")


@each_job
def test_processes_give_the_bytes_of_one(bench: Bench, work: Work, tmp_path: Path) -> None:
    work(bench, tmp_path / "two", shards.processes(2))
    assert files(tmp_path / "two") == unbroken(bench, work, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two", "unbroken"]


@each_job
def test_stopped_run_goes_on_and_repeats_nothing(bench: Bench, work: Work, tmp_path: Path) -> None:
    def stopped(tasks: Iterable[Task]) -> Iterator[None]:
        for task in list(tasks)[:2]:
            yield task()
        raise KeyboardInterrupt

    made: list[Path] = []

    def noted(tasks: Iterable[Task]) -> Iterator[None]:
        for task in tasks:
            assert isinstance(task, partial)
            made.append(task.args[0])
            yield task()

    with pytest.raises(KeyboardInterrupt):
        work(bench, tmp_path / "out", stopped)
    work(bench, tmp_path / "out", noted)
    assert len(made) == 5 - 2 and not any(str(path).endswith(("-000000.csv", "-000001.npy")) for path in made)
    assert files(tmp_path / "out") == unbroken(bench, work, tmp_path)


@each_job
def test_urls_give_the_bytes_of_folders(bench: Bench, work: Work, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(bench.photos), "/far/photos", recursive=True)
    memory.put(str(bench.patches), "/far/patches", recursive=True)
    try:
        work(bench, tmp_path / "far", shards.serial, "memory://far/" + ("patches" if work is augment else "photos"))
    finally:
        memory.rm("/far", recursive=True)
    near, far = unbroken(bench, work, tmp_path), files(tmp_path / "far")
    assert near.keys() == far.keys()
    here = str(bench.photos).encode()
    assert {name: data.replace(b"memory:///far/photos", here) for name, data in far.items()} == near


@each_job
@pytest.mark.filterwarnings("ignore")
def test_dask_loses_nothing_with_a_killed_worker(bench: Bench, work: Work, tmp_path: Path) -> None:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:

        def way(tasks: Iterable[Task]) -> Iterator[None]:
            for n_done, _ in enumerate(shards.on_dask(cluster.scheduler_address, 2)(tasks)):
                if n_done == 0:
                    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
                yield

        work(bench, tmp_path / "dask", way)
    assert files(tmp_path / "dask") == unbroken(bench, work, tmp_path)


@dataclass(frozen=True)
class Sleepers:
    """A job of the test's own: each shard takes a moment and notes the process that made it."""

    folder: Path
    n: int
    deadly: int = -1
    what: str = "sleeping"

    def __len__(self) -> int:
        return self.n

    def shard(self, number: int) -> Path:
        return self.folder / f"{number}.txt"

    def task(self, number: int) -> Task:
        return partial(sleep_shard, self.shard(number), number == self.deadly)


def sleep_shard(shard: Path, deadly: bool) -> None:
    time.sleep(0.05)
    tried = shard.with_suffix(".tried")
    if deadly and not tried.exists():
        tried.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    shard.write_text(str(os.getpid()))


def test_killed_process_is_replaced_and_one_that_always_dies_is_told(tmp_path: Path) -> None:
    shards.run(Sleepers(tmp_path, 8, deadly=3), shards.processes(2))
    assert len(list(tmp_path.glob("*.txt"))) == 8
    with pytest.raises(DentlineError, match=r"--workers 2: workers were killed 4 times.*take fewer"):
        shards.run(Always(tmp_path / "always", 2), shards.processes(2))


class Always(Sleepers):
    def task(self, number: int) -> Task:
        return partial(die, self.shard(number))


def die(shard: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_run_killed_with_all_its_workers_goes_on(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from dentline import shards; from tests.test_shards import Sleepers\n"
        f"if __name__ == '__main__': shards.run(Sleepers(Path({str(tmp_path)!r}), 60), shards.processes(2))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    root = str(Path(__file__).resolve().parents[1])
    run = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": root}, start_new_session=True)
    for _ in range(600):
        if len(list(tmp_path.glob("*.txt"))) >= 4:
            break
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.txt")}
    assert 4 <= len(before) < 60
    shards.run(Sleepers(tmp_path, 60), shards.processes(2))
    assert len(list(tmp_path.glob("*.txt"))) == 60
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_only_as_much_is_sent_ahead_as_the_workers_need(tmp_path: Path) -> None:
    drawn = 0

    def counted(tasks: Iterable[Task]) -> Iterator[Task]:
        nonlocal drawn
        for task in tasks:
            drawn += 1
            yield task

    job = Sleepers(tmp_path, 30)
    for n_done, _ in enumerate(shards.processes(2)(counted(job.task(n) for n in range(len(job)))), 1):
        assert drawn <= n_done + 2 * shards.AHEAD


def test_error_of_a_worker_is_told_as_its_own(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    notes = [note("bad.png", 90)]
    planned = cutting.plan(notes, {"bad.png": Assignment("a", "train")}, Patches())
    with pytest.raises(images.ImageError, match=r"bad\.png: .*JPEG") as caught:
        cut_shards.cut(tmp_path / "patches", planned, {"bad.png": tmp_path / "bad.png"}, way=shards.processes(1))
    assert caught.value.code == "unsupported_format"
    assert not (tmp_path / "patches").exists()


def test_shards_that_are_not_here_are_told(tmp_path: Path) -> None:
    def elsewhere(tasks: Iterable[Task]) -> Iterator[None]:
        for _ in tasks:
            yield

    with pytest.raises(DentlineError, match="2 of 2 shards were made but are not here"):
        shards.run(Sleepers(tmp_path, 2), elsewhere)


@pytest.mark.filterwarnings("ignore")
def test_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "TIMEOUT_S", 1)
    with pytest.raises(DentlineError, match="no scheduler answers"):
        list(shards.on_dask("tcp://127.0.0.1:9", 1)([]))


def test_url_that_cannot_be_opened_is_told() -> None:
    with pytest.raises(DentlineError, match=r"nosuch://here: cannot be opened.*dentline\[dask,blob\]"):
        sources.below("nosuch://here")
