"""Azure ML by SDK v1 (azureml-core), as the user asked for.

Microsoft's support of it ended on 2026-06-30; :mod:`training.targets.azure` sends the same job by SDK v2.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from training.job import OUTPUTS, Job
from training.targets.target import State

STATES: dict[str, State] = {
    "Completed": "completed",
    "Failed": "failed",
    "Canceled": "canceled",
    "CancelRequested": "running",
    "Running": "running",
    "Finalizing": "running",
}
"""What SDK v1 calls a run's state, and what we do; every other is a kind of waiting."""


@dataclass(frozen=True)
class AzureML:
    """Jobs on a compute target of an Azure ML workspace; a handle is ``experiment/run id``.

    Attributes:
        workspace: an ``azureml.core.Workspace``.
        compute: name of one of its compute targets.
    """

    workspace: Any
    compute: str

    def submit(self, job: Job, snapshot: Path) -> str:
        """Upload the snapshot and start the job.

        Raises:
            DentlineError: the workspace has no such compute target, or a file the job names is missing.
        """
        from azureml.core import Experiment

        self._require_compute()
        run = Experiment(self.workspace, job.experiment).submit(self.config(job, snapshot), run_id=job.job_id)
        return f"{job.experiment}/{run.id}"

    def config(self, job: Job, snapshot: Path) -> Any:
        """Return the job as an ``azureml.core.ScriptRunConfig``."""
        from azureml.core import Environment, ScriptRunConfig
        from azureml.core.runconfig import TensorflowConfiguration

        conda = snapshot / job.environment
        if not conda.is_file():
            raise DentlineError(str(conda), "the snapshot lacks its environment", "submit from a whole checkout")
        environment = Environment.from_conda_specification("dentline", str(conda))
        environment.docker.base_image = job.image
        environment.environment_variables = {}
        return ScriptRunConfig(
            source_directory=str(snapshot),
            command=list(job.command),
            compute_target=self.compute,
            environment=environment,
            distributed_job_config=TensorflowConfiguration(worker_count=job.nodes) if job.nodes > 1 else None,
        )

    def status(self, handle: str) -> State:
        """Return how the run stands."""
        return STATES.get(self._run(handle).get_status(), "queued")

    def logs(self, handle: str) -> Iterator[str]:
        """Yield the run's log as it stands now, file by file."""
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(map(Path, self._run(handle).get_all_logs(destination=folder))):
                yield f"== {path.relative_to(folder)}"
                yield from path.read_text(encoding="utf-8", errors="replace").splitlines()

    def cancel(self, handle: str) -> None:
        """Ask the service to stop the run."""
        self._run(handle).cancel()

    def download(self, handle: str, folder: Path) -> None:
        """Fetch what the run wrote to ``outputs/``."""
        self._run(handle).download_files(prefix=f"{OUTPUTS}/", output_directory=str(folder), append_prefix=False)

    def register(self, handle: str, name: str, bundle: str) -> int:
        """Register a bundle among the run's outputs as a model and return its version.

        Args:
            bundle: the bundle's folder below the run, such as ``outputs/<run_id>/bundle``.
        """
        model = self._run(handle).register_model(model_name=name, model_path=bundle)
        return int(model.version)

    def _require_compute(self) -> None:
        from azureml.core.compute import ComputeTarget
        from azureml.exceptions import ComputeTargetException

        try:
            ComputeTarget(self.workspace, self.compute)
        except ComputeTargetException as error:
            where = f"workspace {self.workspace.name}"
            problem = f"has no compute target {self.compute!r}"
            raise DentlineError(where, problem, "create it, or name another") from error

    def _run(self, handle: str) -> Any:
        from azureml.core import Experiment, Run

        experiment, _, run_id = handle.rpartition("/")
        return Run(Experiment(self.workspace, experiment), run_id)


def connect(compute: str) -> AzureML:
    """Return the target of the workspace that ``config.json`` or ``az`` names.

    Raises:
        DentlineError: there is none, or it cannot be reached.
    """
    from azureml.core import Workspace
    from azureml.exceptions import AzureMLException

    try:
        return AzureML(Workspace.from_config(), compute)
    except (AzureMLException, OSError) as error:
        line = str(error).strip().splitlines()[0]
        raise DentlineError("Azure ML", line, "put the workspace's config.json here and sign in: az login") from error
