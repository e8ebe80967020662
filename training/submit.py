"""Which place runs a job: chosen by name, and only that place's SDK is loaded."""

import importlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from dentline import checkout
from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.workspace import Workspace
from training import job as jobs
from training import snapshot as snapshots
from training.targets import schedule as schedules
from training.targets.schedule import Schedule
from training.targets.target import Target


def _local(compute: str) -> Target:
    from training.targets.local import Local

    return Local()


def _cloud(module: str) -> Callable[[str], Target]:
    def connect(compute: str) -> Target:
        if not compute:
            raise DentlineError(f"--target {module}", "names no compute", f"write {module}:NAME")
        try:
            made: Target = importlib.import_module(f"training.targets.{module}").connect(compute)
        except ModuleNotFoundError as error:
            extra = f"pip install 'dentline[{module}]'"
            raise DentlineError(f"--target {module}", f"needs the package {error.name}", extra) from error
        return made

    return connect


TARGETS: dict[str, Callable[[str], Target]] = {
    "local": _local,
    "azureml": _cloud("azureml"),
    "azure": _cloud("azure"),
}
"""``local``; ``azureml:<compute>`` by SDK v1; ``azure:<compute>`` by SDK v2."""


@dataclass(frozen=True)
class Submission:
    """A job that was sent, where to, and the name it has there."""

    job_id: str
    target: str
    handle: str
    submitted_at: str


def target(name: str) -> Target:
    """Return the place a name like ``local`` or ``azureml:cpu-cluster`` means.

    Raises:
        DentlineError: no such place, or it cannot be reached.
    """
    kind, _, compute = name.partition(":")
    if kind not in TARGETS:
        raise DentlineError(f"--target {name}", "is no target", "known are: local, azureml:COMPUTE, azure:COMPUTE")
    return TARGETS[kind](compute)


def prepare(workspace: Workspace, models: tuple[str, ...], nodes: int) -> tuple[jobs.Job, snapshots.Snapshot]:
    """Take the project's snapshot into a new job folder and write the job beside it.

    Raises:
        DentlineError: several nodes for models of which none is trained together.
    """
    if nodes > 1:
        recipe = recipes.load(workspace.recipe)
        chosen = models or recipe.train.models
        if recipe.task != "patch" or not set(chosen) & set(jobs.TOGETHER):
            problem = f"would leave {nodes - 1} of {nodes} machines idle: {', '.join(chosen)} trains on one"
            raise DentlineError(f"--nodes {nodes}", problem, f"ask for one, or train {' or '.join(jobs.TOGETHER)}")
    job_id = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    snapshot = snapshots.take(checkout.ROOT, workspace, workspace.jobs / job_id / "snapshot")
    job = jobs.train(job_id, workspace.name, snapshot.digest, models, nodes)
    jobs.write(job, workspace.jobs / job_id / "job.json")
    return job, snapshot


def submit(workspace: Workspace, name: str, models: tuple[str, ...] = (), nodes: int = 1) -> Submission:
    """Send a training of the project to a target; the submission is on disk before this returns.

    Raises:
        DentlineError: the project has no patches, or the target refuses.
    """
    place = target(name)
    job, snapshot = prepare(workspace, models, nodes)
    return _send(place, name, job, snapshot)


def plan(
    workspace: Workspace, name: str, when: Schedule, models: tuple[str, ...] = (), nodes: int = 1, dry: bool = False
) -> tuple[str, list[str]]:
    """Have Azure ML train the project again and again; return the schedule's name and the files that say so.

    Args:
        dry: write and check the files, send nothing.

    Raises:
        DentlineError: the target keeps no schedules, or SDK v2 refuses the files.
    """
    kind, _, compute = name.partition(":")
    if kind != "azure" or not compute:
        raise DentlineError(f"--target {name}", "keeps no schedule", "write azure:COMPUTE, or call dentline from cron")
    job, snapshot = prepare(workspace, models, nodes)
    path = schedules.write(job, snapshot.folder, compute, when)
    schedules.load(path)
    told = [
        f"== {one.name}\n{one.read_text(encoding='utf-8').rstrip()}" for one in sorted(path.parent.glob("sch*.yml"))
    ]
    if dry:
        planned: str = json.loads(path.read_text(encoding="utf-8"))["name"]
        shutil.rmtree(path.parent)
        return planned, told
    client: Any = target(name)
    return schedules.send(client.client, path), told


def resume(workspace: Workspace, job_id: str) -> Submission:
    """Send a lost, failed or cancelled job again, over the same snapshot.

    Raises:
        DentlineError: it is completed or still on its way.
    """
    sent = read(workspace, job_id)
    folder, place = workspace.jobs / job_id, target(sent.target)
    state = place.status(sent.handle)
    if state not in ("lost", "failed", "canceled"):
        raise DentlineError(f"job {job_id}", f"is {state}", "only a lost, failed or cancelled job is sent again")
    return _send(place, sent.target, jobs.read(folder / "job.json"), snapshots.read(folder / "snapshot"))


def read(workspace: Workspace, job_id: str) -> Submission:
    """Return one submission.

    Raises:
        DentlineError: there is none of this name.
    """
    path = workspace.jobs / job_id / "submission.json"
    if not path.is_file():
        raise DentlineError(f"job {job_id}", "is not one of this project's", "list them with: dentline jobs list")
    return Submission(**json.loads(path.read_text(encoding="utf-8")))


def submissions(workspace: Workspace) -> list[Submission]:
    """Return the project's submissions, oldest first."""
    return [read(workspace, path.parent.name) for path in sorted(workspace.jobs.glob("*/submission.json"))]


def fetch(workspace: Workspace, job_id: str) -> list[str]:
    """Bring a job's runs into the project and return their ids."""
    sent = read(workspace, job_id)
    folder = workspace.jobs / job_id / "fetched"
    target(sent.target).download(sent.handle, folder)
    found = sorted(path.parent for path in folder.rglob("run.json"))
    if not found:
        raise DentlineError(f"job {job_id}", "has written no run", f"see why: dentline jobs logs {job_id}")
    workspace.runs.mkdir(exist_ok=True)
    for run in found:
        if not workspace.run(run.name).exists():
            run.rename(workspace.run(run.name))
    return [run.name for run in found]


def _send(place: Target, name: str, job: jobs.Job, snapshot: snapshots.Snapshot) -> Submission:
    handle = place.submit(job, snapshot.folder)
    sent = Submission(job.job_id, name, handle, datetime.now(UTC).isoformat(timespec="seconds"))
    write_text(snapshot.folder.parent / "submission.json", json.dumps(asdict(sent), indent=2) + "\n")
    return sent
