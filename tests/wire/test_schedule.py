"""A schedule of retraining: written, read by the loader, sent."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dentline import recipe as recipes
from dentline.errors import DentlineError
from tests import patch_project
from tests.wire.recorder import Recorder, sent
from training import job as jobs
from training import snapshot as snapshots
from training import submit
from training.targets import schedule

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::azureml", "ignore:::marshmallow")


WHEN = schedule.Schedule("0 4 * * 1", "azureml://datastores/workspaceblobstore/paths/door")


def test_schedule_is_accepted_by_the_loader_and_a_bad_field_is_refused(taken: snapshots.Snapshot) -> None:
    job = jobs.train("20261120-job", "door", taken.digest, ("scratch",), nodes=2)
    path = schedule.write(job, taken.folder, "cpu", WHEN)
    loaded = schedule.load(path)
    assert (loaded.name, loaded.trigger.expression, loaded.trigger.time_zone) == ("dentline-door", "0 4 * * 1", "UTC")
    wanted = (
        "python -m commands.app cut ${{inputs.project}} && "
        "python -m commands.app train ${{inputs.project}} --model scratch --out outputs"
    )
    step = loaded.create_job.jobs["retrain"]
    assert step.component.command == wanted and step.resources.instance_count == 2
    assert loaded.create_job.inputs["project"].path == WHEN.data
    for name, field in (("schedule.yml", "triger"), ("scheduled-job.yml", "exprmnt")):
        file = path.with_name(name)
        before = file.read_text()
        file.write_text(json.dumps({**json.loads(before), field: "x"}))
        with pytest.raises(DentlineError, match=field):
            schedule.load(path)
        file.write_text(before)


def test_schedule_is_sent_by_sdk_v2(recorder: Recorder, v2: Any, taken: snapshots.Snapshot) -> None:
    job = jobs.train("20261120-job", "door", taken.digest)
    assert schedule.send(v2, schedule.write(job, taken.folder, "cpu", WHEN)) == "dentline-door"
    body = recorder.one("PUT", "/schedules/dentline-door$").json["properties"]
    assert (body["trigger"]["triggerType"], body["trigger"]["expression"]) == ("Cron", WHEN.every)
    pipeline = body["action"]["jobDefinition"]
    given = pipeline["inputs"]["project"]
    assert (given["uri"], given["jobInputType"]) == (WHEN.data, "uri_folder")
    assert pipeline["jobs"]["retrain"]["computeId"].endswith("/cpu")
    component = recorder.one("PUT", "/components/.*/versions/").json["properties"]["componentSpec"]
    assert component["command"].startswith("python -m commands.app cut ${{inputs.project}} && ")
    assert {path.split("/", 1)[-1] for path in sent(recorder)} >= {"commands/app.py", "environment.yml"}


@pytest.mark.parametrize(
    ("every", "data", "said"),
    [
        ("weekly", WHEN.data, "not a cron expression"),
        ("0 4 * *", WHEN.data, "not a cron expression"),
        ("0 4 * * 1", "my-part", "no folder of a datastore"),
    ],
)
def test_wrong_schedule_is_refused(every: str, data: str, said: str) -> None:
    with pytest.raises(DentlineError, match=said):
        schedule.Schedule(every, data)


def test_plan_of_a_project_is_checked_without_sending(tmp_path: Path) -> None:
    recipe = replace(recipes.Recipe(), scan=recipes.Scan(proposals=0))
    project = patch_project.write(tmp_path / "door", recipe, {"train": 4, "validation": 4, "test": 4})
    name, told = submit.plan(project, "azure:cpu", WHEN, ("scratch",), nodes=2, dry=True)
    assert name == "dentline-door" and not list(project.jobs.iterdir())
    assert any("train ${{inputs.project}} --model scratch --out outputs" in text for text in told)
    with pytest.raises(DentlineError, match="--target local: keeps no schedule"):
        submit.plan(project, "local", WHEN)
