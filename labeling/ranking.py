"""The order of the photos still to mark, by what a scout saw, kept until something changes."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dentline.workspace import Workspace
from labeling import groups, queue
from labeling.annotation import Annotation
from labeling.scout import Scout


class Ranking:
    """Says what to mark next and why, and which labels to look at again."""

    def __init__(self, workspace: Workspace, scout: Scout) -> None:
        self.scout = scout
        self._groups = {id: member.group for id, member in groups.read(workspace.groups).items()}
        self._lock = threading.Lock()
        self._basis: tuple[int, frozenset[str]] | None = None
        self._next: list[queue.Next] = []

    def next(self, known: Mapping[str, Annotation]) -> list[queue.Next]:
        """Return the photos to mark first, the most useful first; none before the scout has seen any."""
        looks = self.scout.looks()
        marked = frozenset(id for id, annotation in known.items() if annotation.status != "new")
        with self._lock:
            basis = (len(looks), marked)
            if basis != self._basis:
                model = self.scout.model
                beside = (queue.N_RANKED, model.threshold, model.guess)
                found = queue.suggest(looks, self._groups, sorted(marked), *beside)
                said = "a guess: " if model.guess else ""
                self._next = [replace(each, why=said + each.why) for each in found]
                self._basis = basis
            return self._next

    def order(self, ids: Sequence[str], known: Mapping[str, Annotation]) -> list[str]:
        """Return the ids, the most useful first; the rest follow as they are."""
        place = {found.photo_id: number for number, found in enumerate(self.next(known))}
        return sorted(ids, key=lambda id: place.get(id, len(place)))

    def doubts(self, known: Mapping[str, Annotation]) -> list[queue.Doubt]:
        """Return the labels the model disagrees with, the most surprising first."""
        return queue.doubts(self.scout.looks(), known, self.scout.model.threshold)
