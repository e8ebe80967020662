"""Real trainings as jobs of the local target: killed and gone on with, and on two machines of loopback."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from tests import patch_project
from training import run, submit
from training.targets.local import _record


def project(folder: Path, epochs: int) -> Workspace:
    plan = recipes.Train(
        models=("scratch",), epochs=epochs, epoch_patches=1, batch_size=16, learning_rate=0.01, patience=epochs
    )
    recipe = replace(recipes.Recipe(), train=plan, scan=recipes.Scan(proposals=0))
    return patch_project.write(folder, recipe, {"train": 48, "validation": 24, "test": 48})


def ended(workspace: Workspace, job_id: str) -> run.Run:
    """Wait for a job's end and return the run it wrote."""
    sent = submit.read(workspace, job_id)
    said = list(submit.target("local").logs(sent.handle))
    assert submit.target("local").status(sent.handle) == "completed", "\n".join(said[-20:])
    (run_id,) = submit.fetch(workspace, job_id)
    return run.read(workspace.run(run_id))


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.slow
def test_job_killed_in_the_middle_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    whole = project(tmp_path / "whole", 12)
    unbroken = ended(whole, submit.submit(whole, "local").job_id)
    broken = project(tmp_path / "broken", 12)
    job_id = submit.submit(broken, "local").job_id
    outputs = broken.jobs / job_id / "snapshot" / "outputs"
    until(lambda: bool(list(outputs.glob(".unfinished-*/checkpoint.npz"))), 120)
    runner = psutil.Process(_record(broken.jobs / job_id).pid)
    for process in [*runner.children(recursive=True), runner]:
        process.kill()
    until(lambda: submit.target("local").status(str(broken.jobs / job_id)) == "lost", 10)
    assert not list(outputs.glob("*/run.json")), "it was killed too late to tell"
    resumed = ended(broken, submit.resume(broken, job_id).job_id)
    assert [row["epoch"] for row in resumed.history] == list(range(1, 13))
    for one, other in zip(unbroken.history, resumed.history, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], abs=1e-4)
    np.testing.assert_allclose(unbroken.predictions.p, resumed.predictions.p, atol=1e-4)


@pytest.mark.slow
def test_two_machines_reach_what_one_does(tmp_path: Path) -> None:
    """The batches are the same, so only the dropped activations differ: the metrics agree within their intervals."""
    alone = project(tmp_path / "alone", 6)
    one = ended(alone, submit.submit(alone, "local").job_id)
    shared = project(tmp_path / "shared", 6)
    two = ended(shared, submit.submit(shared, "local", nodes=2).job_id)
    log = (shared.jobs / submit.submissions(shared)[0].job_id / "log.txt").read_text(encoding="utf-8")
    assert "this is machine 1 of 2; 0 writes the run" in log
    assert two.record.data_fingerprint == one.record.data_fingerprint
    assert len(two.history) == len(one.history) == 6
    reached = [found.metrics["test"]["average_precision"] for found in (one, two)]
    assert reached[0]["value"] > 0.9
    assert reached[1]["low"] <= reached[0]["value"] <= reached[1]["high"]
    assert reached[0]["low"] <= reached[1]["value"] <= reached[0]["high"]


def test_machines_that_would_idle_are_refused(tmp_path: Path) -> None:
    workspace = project(tmp_path, 1)
    with pytest.raises(DentlineError, match=r"--nodes 3: would leave 2 of 3 machines idle: vgg16 trains on one"):
        submit.submit(workspace, "local", ("vgg16",), nodes=3)
