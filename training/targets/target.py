"""What every place that runs a job can do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

from training.job import Job

State = Literal["queued", "running", "completed", "failed", "canceled", "lost"]
"""``lost``: it was running and its process is gone without a word; submit it again to resume."""

FINAL: tuple[State, ...] = ("completed", "failed", "canceled", "lost")


class Target(Protocol):
    """A place that runs jobs. A handle is the name the place itself gives a submitted job."""

    def submit(self, job: Job, snapshot: Path) -> str:
        """Start the job over the snapshot's folder and return its handle."""

    def status(self, handle: str) -> State:
        """Return how the job stands."""

    def logs(self, handle: str) -> Iterator[str]:
        """Yield the lines of its log, until it ends."""

    def cancel(self, handle: str) -> None:
        """Stop it; a job that has ended stays as it is."""

    def download(self, handle: str, folder: Path) -> None:
        """Bring what it wrote to ``outputs/`` into `folder`."""
