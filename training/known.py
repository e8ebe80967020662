"""What a project knows of its photos, labels, runs and answers, read once: what lineage walks on."""

import sqlite3

from dentline.files import sha256
from dentline.workspace import Workspace
from deployment import records
from labeling import hard, patches, split, versions
from labeling.annotation import Annotation
from labeling.store import Store
from training import run as runs
from training.run import Run


class Known:
    """What a project knows, read once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.photos = workspace.photo_paths()
        self.sides = split.read(workspace.split) if workspace.split.is_file() else {}
        self.runs = [runs.read(path.parent) for path in sorted(workspace.runs.glob("[!.]*/run.json"))]
        self.versions = versions.read(workspace.versions)
        self.hard = hard.read(workspace.hard)
        cut = (workspace.patches / "manifest.csv").is_file()
        self.patches = {p.patch_id: p for p in patches.read(workspace.patches).patches} if cut else {}
        self.annotations: dict[str, Annotation] = {}
        if workspace.labels.is_file():
            with Store(workspace.labels) as store:
                self.annotations = store.latest()
        self.scores: sqlite3.Connection | None = None
        if workspace.scores.is_file():
            self.scores = records.open_for_reading(workspace.scores)

    def close(self) -> None:
        if self.scores is not None:
            self.scores.close()

    def rows(self, sql: str, *values: object) -> list[tuple[str, ...]]:
        return [] if self.scores is None else self.scores.execute(sql, values).fetchall()

    def learnt(self, run: Run, split_name: str, photo_id: str) -> bool:
        """Return whether a run that has not judged a photo's patches learnt from them."""
        annotation = self.annotations.get(photo_id)
        before = annotation is not None and f"{annotation.updated_at:%Y-%m-%dT%H:%M:%S}" <= run.record.started_at
        return split_name == "train" and before

    def photo_of(self, photo_sha256: str) -> str | None:
        found = self.rows("SELECT photo_id FROM score WHERE photo_sha256 = ? AND photo_id IS NOT NULL", photo_sha256)
        named = [photo_id for (photo_id,) in found if photo_id in self.photos]
        for photo_id in (*named, *(p for p in self.photos if p.startswith("feedback/" + photo_sha256[:16]))):
            if sha256(self.photos[photo_id]) == photo_sha256:
                return photo_id
        return None
