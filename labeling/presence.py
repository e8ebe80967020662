"""Who is at which photo: leases, so that two people are given different photos to mark."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_GONE_AFTER_S = 90.0
"""A browser slows the clock of a hidden page to one tick a minute."""


@dataclass(frozen=True)
class Person:
    """One open page.

    Attributes:
        photo_id: the photo looked at, or "".
        upcoming: photos set aside for this page, in order.
        seen_at: when it was last heard of, in seconds of the clock.
    """

    session_id: str
    annotator: str
    reader: str
    photo_id: str
    upcoming: tuple[str, ...]
    seen_at: float


class Presence:
    """The pages that are open. Kept in memory: a page says where it is again within seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def here(
        self, session_id: str, annotator: str, reader: str, photo_id: str, candidates: Iterable[str], n_ahead: int
    ) -> Person:
        """Note where a page is and set the next photos aside for it.

        Args:
            candidates: photos still to mark, best first. The page keeps those set aside for it
                before that are still among them.
            n_ahead: how many to set aside.
        """
        with self._lock:
            now = self._clock()
            self._people = {id: p for id, p in self._people.items() if now - p.seen_at < _GONE_AFTER_S}
            before = self._people.pop(session_id, None)
            taken = {photo_id} | {
                held for p in self._people.values() if p.reader == reader for held in (p.photo_id, *p.upcoming)
            }
            left = [id for id in candidates if id not in taken]
            kept = [id for id in (before.upcoming if before else ()) if id in set(left)]
            upcoming = (kept + [id for id in left if id not in kept])[:n_ahead]
            person = Person(session_id, annotator, reader, photo_id, tuple(upcoming), now)
            self._people[session_id] = person
            return person

    def leave(self, session_id: str) -> None:
        """Give back what was set aside for a page that closed."""
        with self._lock:
            self._people.pop(session_id, None)

    def others(self, session_id: str) -> list[Person]:
        """Return the pages open beside this one."""
        with self._lock:
            now = self._clock()
            return [p for p in self._people.values() if p.session_id != session_id and now - p.seen_at < _GONE_AFTER_S]
