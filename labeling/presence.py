"""Who is at which photo: leases, so that two people are given different photos to mark."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_GONE_AFTER_S = 15.0
"""A page says where it is every few seconds."""

_HIDDEN_GONE_AFTER_S = 150.0
"""A browser slows the clock of a hidden page to one tick a minute."""


@dataclass(frozen=True)
class Page:
    """One open page: whose it is, for which reading, and whether it is in sight."""

    session_id: str
    annotator: str
    reader: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Place:
    """Where a page is.

    Attributes:
        photo_id: the photo looked at, or "".
        upcoming: photos set aside for this page, in order.
        passed: photos this page has left before; those left open come back last.
        seen_at: when it was last heard of, in seconds of the clock.
    """

    page: Page
    photo_id: str
    upcoming: tuple[str, ...]
    passed: frozenset[str]
    seen_at: float


class Presence:
    """The pages that are open. Kept in memory: a page says where it is again within seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, Place] = {}

    def here(self, page: Page, photo_id: str, candidates: Iterable[str], n_ahead: int) -> tuple[str, ...]:
        """Note where a page is, set the next photos aside for it, and return them.

        Args:
            candidates: photos still to mark, best first. The page keeps those set aside for it
                before that are still among them, in the order they have now.
            n_ahead: how many to set aside.
        """
        with self._lock:
            now = self._clock()
            self._places = {id: place for id, place in self._places.items() if now - place.seen_at < _patience(place)}
            before = self._places.pop(page.session_id, None)
            others = [place for place in self._places.values() if place.page.reader == page.reader]
            taken = {photo_id} | {held for place in others for held in (place.photo_id, *place.upcoming)}
            passed = before.passed | {before.photo_id} if before else frozenset()
            left = sorted((id for id in candidates if id not in taken), key=passed.__contains__)
            kept = [id for id in left if before and id in before.upcoming]
            upcoming = tuple((kept + [id for id in left if id not in kept])[:n_ahead])
            self._places[page.session_id] = Place(page, photo_id, upcoming, passed, now)
            return upcoming

    def leave(self, session_id: str) -> None:
        """Give back what was set aside for a page that closed."""
        with self._lock:
            self._places.pop(session_id, None)

    def others(self, page: Page) -> list[Place]:
        """Return where the other pages of the same reading are."""
        with self._lock:
            return [
                place
                for place in self._places.values()
                if place.page.session_id != page.session_id and place.page.reader == page.reader
            ]


def _patience(place: Place) -> float:
    return _HIDDEN_GONE_AFTER_S if place.page.hidden else _GONE_AFTER_S
