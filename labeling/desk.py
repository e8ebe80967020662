"""What the people at the labeling page can see and do, without a word of HTTP."""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from dentline.workspace import Workspace
from labeling import groups
from labeling.agreement import Agreement, measure
from labeling.annotation import Annotation, Center, Status
from labeling.gallery import Gallery, Photo
from labeling.ledger import Ledger
from labeling.presence import Page, Presence
from labeling.pyramid import Pyramids
from labeling.queue import Doubt
from labeling.ranking import Ranking
from labeling.scout import Model, Scout
from labeling.store import Store

N_AHEAD = 3
"""How many photos are set aside for a page: as many as it loads before they are asked for."""


@dataclass(frozen=True)
class Line:
    """A photo as the strip shows it."""

    id: str
    status: Status
    dents: int
    revision: int
    annotator: str
    disagreed: bool


@dataclass(frozen=True)
class Situation:
    """What a page is told when it says where it is.

    Attributes:
        changes: the current annotation of each photo that was saved since it last asked, and whether
            two people's readings of it wait for a decision.
        last_id: the place in the log they go up to.
        upcoming: photos set aside for it.
        why: why a photo is to be marked next, by its id.
        people: (annotator, photo id) of the other pages.
    """

    changes: list[tuple[Annotation, bool]]
    last_id: int
    upcoming: tuple[str, ...]
    why: dict[str, str]
    people: list[tuple[str, str]]


@dataclass(frozen=True)
class Desk:
    """A project being labeled.

    Args:
        ranking: what the model that is served now makes of the photos, where there is one.
        advice: says whether more labels still pay, or "" where it cannot be told.
    """

    workspace: Workspace
    store: Store
    gallery: Gallery
    pyramids: Pyramids
    ledger: Ledger
    ranking: Ranking | None = None
    advice: Callable[[], str] = lambda: ""
    presence: Presence = field(default_factory=Presence)
    boot_id: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def of(cls, workspace: Workspace, model: Model | None = None, advice: Callable[[], str] = lambda: "") -> "Desk":
        """Open a project's labels and photos; with a model, start looking at the photos with it."""
        store = Store(workspace.labels)
        gallery, ledger = Gallery(workspace), Ledger(store)
        ranking = None
        if model:
            scout = Scout(model, gallery, workspace.cache / "looks")
            scout.start()
            ranking = Ranking(workspace, scout)
        return cls(workspace, store, gallery, Pyramids(workspace.cache / "pictures"), ledger, ranking, advice)

    def close(self) -> None:
        """Stop looking at photos and close the labels."""
        if self.ranking:
            self.ranking.scout.stop()
        self.store.close()

    @property
    def project_id(self) -> str:
        """What a browser keeps unsent saves under: several projects may be served at one address in turn."""
        return hashlib.sha256(str(self.workspace.root.resolve()).encode()).hexdigest()[:16]

    def readable(self, reader: str) -> list[str]:
        """Return the ids a page works through: all photos, or those a blind second reader may read.

        A second reader is given the photos that somebody else has finished.
        """
        ids = self.gallery.ids()
        if not reader:
            return ids
        first = self.ledger.of()
        return [id for id in ids if id in first and _finished(first[id]) and first[id].annotator != reader]

    def lines(self, reader: str = "") -> list[Line]:
        """Return the strip."""
        known, unsettled = self.ledger.of(reader), self.unsettled(reader)
        return [_line(id, known.get(id), id in unsettled) for id in self.readable(reader)]

    def unsettled(self, reader: str = "") -> dict[str, list[Annotation]]:
        """Return the second readings that wait for a decision; a second reader is shown none."""
        return {} if reader else self.ledger.unsettled()

    def agreement(self) -> Agreement | None:
        """Return how well two people agree on the photos read twice, or None where there is none."""
        readings = self.ledger.double_readings()
        if not readings:
            return None
        group_of = {id: member.group for id, member in groups.read(self.workspace.groups).items()}
        return measure(readings, group_of, np.random.default_rng(0))

    def doubts(self) -> list[Doubt]:
        """Return the labels the model disagrees with, the most surprising first."""
        return self.ranking.doubts(self.ledger.of()) if self.ranking else []

    def unread(self, annotator: str) -> list[str]:
        """Return the photos that this person could still read blind."""
        read = self.ledger.of(annotator) if annotator else {}
        return [id for id in self.readable(annotator) if id not in read or read[id].status == "new"]

    def save(
        self,
        photo: Photo,
        centers: Iterable[Center],
        status: Status,
        annotator: str,
        expected_revision: int,
        reader: str = "",
    ) -> Annotation:
        """Store what a person made of a photo; see :meth:`labeling.store.Store.save`."""
        annotation = Annotation(
            photo.id, photo.width, photo.height, tuple(centers), status, annotator, 0, datetime.now(UTC)
        )
        return self.store.save(annotation, expected_revision, reader)

    def already_stored(
        self,
        photo_id: str,
        centers: tuple[Center, ...],
        status: Status,
        annotator: str,
        expected_revision: int,
        reader: str,
    ) -> bool:
        """Return whether just this save was stored before, its answer lost, and others saved on top since."""
        past = self.store.revision(photo_id, expected_revision + 1, reader)
        return past is not None and (past.centers, past.status, past.annotator) == (centers, status, annotator)

    def here(self, page: Page, photo_id: str, since: int) -> Situation:
        """Note where a page is; tell what happened since and set the next photos aside for it."""
        known, unsettled = self.ledger.of(page.reader), self.unsettled(page.reader)
        entries = self.store.log(after_id=since)
        touched = {entry.annotation.photo_id for entry in entries}
        left = [id for id in self.readable(page.reader) if id not in known or known[id].status == "new"]
        ranked = self.ranking if not page.reader else None
        upcoming = self.presence.here(page, photo_id, ranked.order(left, known) if ranked else left, N_AHEAD)
        return Situation(
            changes=[(known[id], id in unsettled) for id in sorted(touched) if id in known],
            last_id=entries[-1].id if entries else since,
            upcoming=upcoming,
            why={found.photo_id: found.why for found in (ranked.next(known) if ranked else [])},
            people=[(place.page.annotator, place.photo_id) for place in self.presence.others(page)],
        )


def blank(photo: Photo) -> Annotation:
    """Return what stands for a photo that nobody saved yet: revision 0."""
    return Annotation(photo.id, photo.width, photo.height, (), "new", "", 0, datetime.fromtimestamp(0, UTC))


def _finished(annotation: Annotation) -> bool:
    return annotation.status in ("marked", "clean")


def _line(photo_id: str, annotation: Annotation | None, disagreed: bool) -> Line:
    if annotation is None:
        return Line(photo_id, "new", 0, 0, "", disagreed)
    status, n_dents = annotation.status, len(annotation.centers)
    return Line(photo_id, status, n_dents, annotation.revision, annotation.annotator, disagreed)
