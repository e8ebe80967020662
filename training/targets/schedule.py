"""Retraining by the calendar, as a schedule of Azure ML's SDK v2 over the project as it then lies in a datastore.

https://learn.microsoft.com/azure/machine-learning/how-to-schedule-pipeline-job
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from training.job import OUTPUTS, Job
from training.targets import azure

PIPELINE = "https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json"
SCHEMA = "https://azuremlschemas.azureedge.net/latest/schedule.schema.json"

_STEP = ("type", "code", "environment", "compute", "resources", "distribution")
"""What a step of the pipeline has of the job that ``dentline submit`` would send."""


@dataclass(frozen=True)
class Schedule:
    """When a project is trained again, and where it then lies.

    Attributes:
        every: cron expression of five fields, UTC.
        data: the project's folder, ``azureml://datastores/NAME/paths/FOLDER``.
    """

    every: str
    data: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\d*/,\-]+( [\d*/,\-A-Za-z]+){4}", self.every):
            problem = "is not a cron expression of five fields"
            raise DentlineError(f"--every {self.every!r}", problem, 'write it like "0 4 * * 1", Mondays at four, UTC')
        if not re.fullmatch(r"azureml://.+/paths/.+|azureml:[\w-]+(:\d+|@latest)", self.data):
            problem = "is no folder of a datastore"
            raise DentlineError(f"--data {self.data!r}", problem, "write azureml://datastores/NAME/paths/FOLDER")


def write(job: Job, snapshot: Path, compute: str, schedule: Schedule) -> Path:
    """Write the job and its schedule as YAML (JSON, which is YAML) beside the snapshot; return the schedule's path.

    The job cuts and trains what lies in the datastore when it starts, with the snapshot's code.
    """
    folder = "${{inputs.project}}"
    program = " ".join(job.command[:3])
    models = " ".join(f"--model {job.arguments[i + 1]}" for i, word in enumerate(job.arguments) if word == "--model")
    train = " ".join(part for part in (f"{program} train {folder}", models, f"--out {OUTPUTS}") if part)
    table = azure.table(job, snapshot.resolve(), compute)
    step = {name: table[name] for name in _STEP if name in table}
    step |= {
        "command": f"{program} cut {folder} && {train}",
        "inputs": {"project": {"type": "uri_folder", "path": "${{parent.inputs.project}}", "mode": "download"}},
    }
    # A schedule takes a pipeline; a bare command job is refused when it is sent, though the loader accepts it.
    pipeline = {
        "$schema": PIPELINE,
        "type": "pipeline",
        "experiment_name": job.experiment,
        "inputs": {"project": {"type": "uri_folder", "path": schedule.data}},
        "jobs": {"retrain": step},
        "tags": table["tags"],
    }
    write_text(snapshot.parent / "scheduled-job.yml", json.dumps(pipeline, indent=2) + "\n")
    made = {
        "$schema": SCHEMA,
        "name": f"dentline-{re.sub(r'[^A-Za-z0-9_-]+', '-', job.experiment)}",
        "trigger": {"type": "cron", "expression": schedule.every, "time_zone": "UTC"},
        "create_job": "./scheduled-job.yml",
    }
    path = snapshot.parent / "schedule.yml"
    write_text(path, json.dumps(made, indent=2) + "\n")
    return path


def load(path: Path) -> Any:
    """Read a schedule by SDK v2's own loader, which checks every field of it and of its job offline.

    Raises:
        DentlineError: it refuses a file.
    """
    from azure.ai.ml.entities._load_functions import load_schedule  # exported by no public name

    return azure.checked(load_schedule, path)


def send(client: Any, path: Path) -> str:
    """Create or replace the schedule in the workspace and return its name."""
    return str(client.schedules.begin_create_or_update(load(path)).result().name)
