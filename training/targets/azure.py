"""Azure ML by SDK v2 (azure-ai-ml, an optional extra): the same job as YAML, read back, and sent."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from training.job import OUTPUTS, Job
from training.targets.target import State

SCHEMA = "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json"

STATES: dict[str, State] = {
    "Completed": "completed",
    "Failed": "failed",
    "Canceled": "canceled",
    "CancelRequested": "running",
    "NotResponding": "running",
    "Running": "running",
    "Finalizing": "running",
}
"""What SDK v2 calls a job's state, and what we do; every other is a kind of waiting."""


@dataclass(frozen=True)
class Azure:
    """Jobs on a compute of an Azure ML workspace; a handle is the job's name.

    Attributes:
        client: an ``azure.ai.ml.MLClient``.
        compute: name of one of the workspace's computes.
    """

    client: Any
    compute: str

    def submit(self, job: Job, snapshot: Path) -> str:
        """Write the job's YAML beside the snapshot, read it back, upload and start it.

        Raises:
            DentlineError: the workspace has no such compute, or SDK v2 refuses the YAML.
        """
        from azure.core.exceptions import HttpResponseError

        try:
            self.client.compute.get(self.compute)
        except HttpResponseError as error:
            where = f"workspace {self.client.workspace_name}"
            raise DentlineError(where, f"has no compute {self.compute!r}", "create it, or name another") from error
        return str(self.client.jobs.create_or_update(load(write(job, snapshot, self.compute))).name)

    def status(self, handle: str) -> State:
        """Return how the job stands."""
        return STATES.get(self.client.jobs.get(handle).status, "queued")

    def logs(self, handle: str) -> Iterator[str]:
        """Stream the job's log to standard output until it ends; the service prints it itself."""
        self.client.jobs.stream(handle)
        yield from ()

    def cancel(self, handle: str) -> None:
        """Ask the service to stop the job."""
        self.client.jobs.begin_cancel(handle).wait()

    def download(self, handle: str, folder: Path) -> None:
        """Fetch what the job wrote to ``outputs/``; SDK v2 brings its logs too, under names of its own."""
        with tempfile.TemporaryDirectory() as fetched:
            self.client.jobs.download(handle, download_path=fetched, all=False)
            outputs = Path(fetched) / "artifacts" / OUTPUTS
            if outputs.is_dir():
                shutil.copytree(outputs, folder, dirs_exist_ok=True)

    def register(self, handle: str, name: str, bundle: str) -> int:
        """Register a bundle among the job's outputs as a model and return its version."""
        from azure.ai.ml.entities import Model

        path = f"azureml://jobs/{handle}/outputs/artifacts/paths/{bundle}"
        return int(self.client.models.create_or_update(Model(name=name, path=path, type="custom_model")).version)


def table(job: Job, snapshot: Path, compute: str) -> dict[str, Any]:
    """Return the job as a command job of SDK v2, paths as given."""
    made: dict[str, Any] = {
        "$schema": SCHEMA,
        "type": "command",
        "name": job.job_id,
        "experiment_name": job.experiment,
        "command": " ".join(job.command),
        "code": str(snapshot),
        "environment": {"image": job.image, "conda_file": str(snapshot / job.environment)},
        "compute": f"azureml:{compute}",
        "resources": {"instance_count": job.nodes},
        "tags": {"snapshot": job.digest},
    }
    if job.nodes > 1:
        made["distribution"] = {"type": "tensorflow", "worker_count": job.nodes}
    return made


def write(job: Job, snapshot: Path, compute: str) -> Path:
    """Write the job's YAML (JSON, which is YAML) beside the snapshot and return its path."""
    path = snapshot.parent / "azure-job.yml"
    write_text(path, json.dumps(table(job, snapshot.resolve(), compute), indent=2) + "\n")
    return path


def load(path: Path) -> Any:
    """Read a job's YAML by SDK v2's own loader, which checks every field offline.

    Raises:
        DentlineError: it refuses the file.
    """
    from azure.ai.ml import load_job

    return checked(load_job, path)


def checked(read: Callable[[Path], Any], path: Path) -> Any:
    """Return what a loader of SDK v2 makes of a file.

    Raises:
        DentlineError: it refuses the file, or one that the file names.
    """
    from azure.ai.ml.exceptions import ValidationException
    from marshmallow import ValidationError

    try:
        return read(path)
    except (ValidationError, ValidationException, ValueError) as error:
        raise DentlineError(str(path), " ".join(str(error).split()), "correct the field it names") from error


def connect(compute: str) -> Azure:
    """Return the target of the workspace that ``config.json`` names.

    Raises:
        DentlineError: there is none, or signing in fails.
    """
    from azure.ai.ml import MLClient
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential

    try:
        return Azure(MLClient.from_config(DefaultAzureCredential()), compute)
    except (MlException, AzureError, OSError) as error:
        line = str(error).strip().splitlines()[0]
        raise DentlineError("Azure ML", line, "put the workspace's config.json here and sign in: az login") from error
