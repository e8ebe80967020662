"""Our own runner: a job over its snapshot, watched, cancelled, found lost after a kill and resumed."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from dentline.errors import DentlineError
from training.job import Job
from training.targets import local
from training.targets.local import Local


def job(*arguments: str) -> Job:
    return Job("a-job", "tests", arguments, "0" * 64)


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A snapshot whose command line is a script of the test's own."""
    folder = tmp_path / "jobs" / "a-job" / "snapshot"
    for package in ("commands", "training/targets", "dentline"):
        (folder / package).mkdir(parents=True)
    root = Path(local.__file__).resolve().parents[2]
    for name in ("training", "training/targets", "dentline"):
        for source in (root / name).glob("*.py"):
            (folder / name / source.name).write_bytes(source.read_bytes())
    (folder / "commands" / "app.py").write_text(
        "import pathlib, sys, time\n"
        "out = pathlib.Path('outputs'); out.mkdir(exist_ok=True)\n"
        "print('step', sys.argv[1:], flush=True)\n"
        "mark = out / 'checkpoint'\n"
        "print('resumed' if mark.exists() else 'fresh', flush=True)\n"
        "mark.write_text('1')\n"
        "time.sleep(float(sys.argv[1]))\n"
        "(out / 'result').write_text('done')\n"
        "sys.exit(int(sys.argv[2]))\n"
    )
    return folder


def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in ten seconds")


def test_job_runs_to_its_end_and_its_outputs_come_back(snapshot: Path, tmp_path: Path) -> None:
    target = Local()
    handle = target.submit(job("0", "0"), snapshot)
    assert list(target.logs(handle)) == ["step ['0', '0']", "fresh"]
    assert target.status(handle) == "completed"
    target.download(handle, tmp_path / "runs")
    assert (tmp_path / "runs" / "result").read_text() == "done"


def test_job_that_fails_says_so(snapshot: Path) -> None:
    target = Local()
    handle = target.submit(job("0", "3"), snapshot)
    list(target.logs(handle))
    assert target.status(handle) == "failed"


def test_running_job_is_not_started_twice_and_can_be_cancelled(snapshot: Path) -> None:
    target = Local()
    handle = target.submit(job("60", "0"), snapshot)
    until(lambda: target.status(handle) == "running")
    with pytest.raises(DentlineError, match="running already"):
        target.submit(job("60", "0"), snapshot)
    target.cancel(handle)
    assert target.status(handle) == "canceled"
    assert not (snapshot / "outputs" / "result").exists()


def test_killed_job_is_lost_and_goes_on_from_its_checkpoint(snapshot: Path) -> None:
    target = Local()
    handle = target.submit(job("60", "0"), snapshot)
    until(lambda: (snapshot / "outputs" / "checkpoint").exists() and target.status(handle) == "running")
    runner = psutil.Process(local._record(Path(handle)).pid)
    for process in [*runner.children(recursive=True), runner]:
        process.kill()
    until(lambda: target.status(handle) == "lost")
    target.submit(job("0", "0"), snapshot)
    assert list(target.logs(handle))[-1] == "resumed"
    assert target.status(handle) == "completed"


NODE = (
    "import json, os, pathlib, sys, time\n"
    "named = json.loads(os.environ['TF_CONFIG'])\n"
    "rank = named['task']['index']\n"
    "pathlib.Path('outputs').mkdir(exist_ok=True)\n"
    "pathlib.Path('outputs', str(rank)).write_text(' '.join(named['cluster']['worker']))\n"
    "if sys.argv[1:] == ['fail']:\n"
    "    time.sleep(60 * rank)\n"
    "    pathlib.Path('outputs', f'slept-{rank}').touch()\n"
    "    sys.exit(3)\n"
)


def test_nodes_are_processes_that_know_of_each_other(snapshot: Path) -> None:
    (snapshot / "commands" / "app.py").write_text(NODE)
    target = Local()
    handle = target.submit(replace(job("well"), nodes=3), snapshot)
    list(target.logs(handle))
    assert target.status(handle) == "completed"
    told = [(snapshot / "outputs" / str(rank)).read_text().split() for rank in range(3)]
    assert told[0] == told[1] == told[2] and len(set(told[0])) == 3


def test_node_that_fails_ends_the_others(snapshot: Path) -> None:
    (snapshot / "commands" / "app.py").write_text(NODE)
    target = Local()
    handle = target.submit(replace(job("fail"), nodes=2), snapshot)
    list(target.logs(handle))
    assert target.status(handle) == "failed"
    assert (snapshot / "outputs" / "slept-0").exists()
    assert not (snapshot / "outputs" / "slept-1").exists(), "the other node was waited for"
