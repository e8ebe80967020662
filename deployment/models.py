"""The model that is served, changed under load: load, warm, self-test, swap; the one before stays at hand."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

from dentline.errors import DentlineError
from dentline.images import Limits
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.scorer import Scorer

Source = Callable[[], Path]


class Models:
    """What is served now. `current` may be read at any time; `refresh` is called by one thread.

    Args:
        source: says which bundle folder shall be served now.
        limits: of the pictures decoded.
    """

    def __init__(self, source: Source, limits: Limits = Limits()) -> None:
        self._source, self._limits = source, limits
        self._kept: list[Scorer] = []
        self._seen: tuple[Path, int] | None = None
        self._refreshing = threading.Lock()
        self.problem = ""
        self.current = self._load(source())
        self._seen = self._look()

    def refresh(self) -> bool | None:
        """Swap to the bundle that shall be served, if it is another one.

        Returns:
            None when nothing changed, True after a swap, False when the new one failed and the old
            one stays: `problem` says why. A failed bundle is not tried again until it changes.
        """
        with self._refreshing:
            try:
                seen = self._look()
                if seen == self._seen:
                    return None
                self._seen = seen
                self._swap(self._load(seen[0]))
            except DentlineError as error:
                if str(error) == self.problem:
                    return None
                self.problem = str(error)
                print(f"dentline: the model stays {self.current.model_id}: {error}", file=sys.stderr, flush=True)
                return False
            self.problem = ""
            print(f"dentline: the model is now {self.current.model_id}", file=sys.stderr, flush=True)
            return True

    def _swap(self, new: Scorer) -> None:
        self._kept = [self.current]
        self.current = new

    def _load(self, folder: Path) -> Scorer:
        loaded = bundle.load(folder)
        for kept in self._kept:
            if kept.bundle.fingerprint == loaded.fingerprint and kept.bundle.folder == folder:
                return kept
        scorer = Scorer(loaded, self._limits)
        scorer.setup()
        return scorer

    def _look(self) -> tuple[Path, int]:
        folder = self._source()
        try:
            return folder, (folder / "sha256.json").stat().st_mtime_ns
        except OSError as error:
            raise DentlineError(str(folder), f"cannot be read: {error.strerror}") from error


def champion_of(workspace: Workspace) -> Source:
    """Follow a project's champion."""
    return lambda: workspace.bundle(champion.current(workspace).run_id)
