"""What a training job is made of: the code and the project's inputs, copied once, fingerprinted.

The same folder is run here or handed to a cloud, so what was tried is byte for byte what is sent.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from dentline import checkout
from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.files import sha256
from dentline.workspace import Workspace

PROJECT = "project"
"""Folder of the project's inputs inside a snapshot."""

MOST_BYTES = 300 * 1024 * 1024
"""Azure ML refuses a larger snapshot: https://learn.microsoft.com/azure/machine-learning/how-to-save-write-experiment-files"""


@dataclass(frozen=True)
class Snapshot:
    """A folder of files that does not change any more.

    Attributes:
        files: path below `folder` with forward slashes, and SHA-256, sorted by path.
        n_bytes: of all files together.
    """

    folder: Path
    files: tuple[tuple[str, str], ...]
    n_bytes: int

    @property
    def digest(self) -> str:
        """One SHA-256 over every path and content."""
        return hashlib.sha256("".join(f"{path}\0{hash_}\n" for path, hash_ in self.files).encode()).hexdigest()


def read(folder: Path) -> Snapshot:
    """Return the snapshot that lies in a folder, as its files are now (compiled Python aside)."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    files = tuple((p.relative_to(folder).as_posix(), sha256(p)) for p in paths)
    return Snapshot(folder, files, sum(p.stat().st_size for p in paths))


def take(code: Path, workspace: Workspace, folder: Path) -> Snapshot:
    """Copy the code and what training reads of a project into a new folder.

    Args:
        code: root of the checkout; what its ``.amlignore`` names stays out.
        workspace: the project; what its recipe's task reads goes to ``project/``.
        folder: does not exist yet.

    Raises:
        DentlineError: an input is missing, or the whole is more than Azure ML takes.
    """
    inputs = _inputs(workspace)
    missing = next((path for path in inputs if not path.is_file()), None)
    if missing is not None:
        raise DentlineError(str(missing), "is not there", "make it with: dentline split, then dentline cut")
    for path in checkout.files(code):
        _copy(path, folder / path.relative_to(code))
    for path in inputs:
        _copy(path, folder / PROJECT / path.relative_to(workspace.root))
    snapshot = read(folder)
    if snapshot.n_bytes > MOST_BYTES:
        shutil.rmtree(folder)
        raise DentlineError(
            str(workspace.root),
            f"its snapshot has {snapshot.n_bytes / 2**20:.0f} MiB and Azure ML takes {MOST_BYTES / 2**20:.0f}",
            "cut fewer negatives, [patches] negatives_per_photo, or leave the photos out: [scan] proposals = 0",
        )
    return snapshot


def _inputs(workspace: Workspace) -> list[Path]:
    """Return the files of a project that its training reads."""
    job = recipes.load(workspace.recipe)
    if job.task == "patch":
        needed = [workspace.split, workspace.patches / "manifest.csv", workspace.patches / "contexts.npy"]
    else:
        needed = [workspace.split, workspace.labels]
    noted = [path for path in (workspace.groups, workspace.versions) if path.is_file()]
    whole = job.task != "patch" or job.scan.proposals
    return [workspace.recipe, *needed, *noted, *(workspace.photo_paths().values() if whole else ())]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
