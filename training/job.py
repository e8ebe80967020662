"""One training job, whatever machine runs it: its snapshot, its command line, its environment."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dentline.errors import DentlineError
from dentline.files import write_text
from training.snapshot import PROJECT

ENTRY = "commands.app"
"""The module a job runs: the command line itself, so that no second entry can differ from it."""

OUTPUTS = "outputs"
"""Folder below the snapshot that a job writes its runs to; Azure ML uploads one of this name."""

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""Base image of a cloud job; ``environment.yml`` is built on it."""

TOGETHER = ("scratch",)
"""The models that several machines train together. The rest are fitted by the first machine alone."""


@dataclass(frozen=True)
class Job:
    """A training job, as plain data.

    Attributes:
        job_id: name of the job's folder and of the run in the cloud.
        experiment: name it is listed under.
        arguments: of the command line, after the program: ``("train", "project", ...)``.
        digest: of the snapshot it runs.
        environment: conda file below the snapshot.
        nodes: machines; more than one trains under a multi-worker strategy.
    """

    job_id: str
    experiment: str
    arguments: tuple[str, ...]
    digest: str
    environment: str = "environment.yml"
    image: str = IMAGE
    nodes: int = 1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}", self.job_id):
            raise DentlineError(f"job {self.job_id!r}", "is not a name a cloud takes", "use letters, digits, - and _")
        if self.nodes < 1:
            raise DentlineError(f"job {self.job_id}", f"asks for {self.nodes} nodes", "ask for at least one")

    @property
    def command(self) -> tuple[str, ...]:
        """The command line inside the snapshot, ``python`` first."""
        return ("python", "-m", ENTRY, *self.arguments)


def train(job_id: str, experiment: str, digest: str, models: tuple[str, ...] = (), nodes: int = 1) -> Job:
    """Return the job that trains a snapshot's project and writes its runs to ``outputs/``."""
    chosen = tuple(word for model in models for word in ("--model", model))
    return Job(job_id, experiment, ("train", PROJECT, *chosen, "--out", OUTPUTS), digest, nodes=nodes)


def write(job: Job, path: Path) -> None:
    """Write a job as JSON."""
    write_text(path, json.dumps(asdict(job), indent=2) + "\n")


def read(path: Path) -> Job:
    """Read a job back.

    Raises:
        DentlineError: there is none, or it is damaged.
    """
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Job(**{**table, "arguments": tuple(table["arguments"])})
    except FileNotFoundError as error:
        raise DentlineError(path.parent.name, "no such job", "list them with: dentline jobs") from error
    except (ValueError, TypeError, KeyError) as error:
        raise DentlineError(str(path), f"is damaged: {error}", "submit the job again") from error
