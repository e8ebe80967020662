"""The current annotations kept in memory, brought up to date from the store's log at each look."""

import threading

from labeling.annotation import Annotation
from labeling.store import Store


class Ledger:
    """What is known of every photo, without reading all of labels.db for each question.

    Saves made by other processes (an import, a second server) are seen too: the log has them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._last_id = store.last_id()
        self._first = store.latest()
        self._second = {id: {a.annotator: a for a in each} for id, each in store.second_readings().items()}

    def last_id(self) -> int:
        """Return the place in the log that is known up to, after having looked."""
        with self._lock:
            for entry in self._store.log(after_id=self._last_id):
                if entry.reader:
                    self._second.setdefault(entry.annotation.photo_id, {})[entry.reader] = entry.annotation
                else:
                    self._first[entry.annotation.photo_id] = entry.annotation
                self._last_id = entry.id
            return self._last_id

    def first(self) -> dict[str, Annotation]:
        """Return the annotations by photo id."""
        self.last_id()
        with self._lock:
            return dict(self._first)

    def second(self) -> dict[str, dict[str, Annotation]]:
        """Return the blind second readings: photo id -> reader -> annotation."""
        self.last_id()
        with self._lock:
            return {id: dict(readings) for id, readings in self._second.items()}

    def of(self, reader: str) -> dict[str, Annotation]:
        """Return the annotations, or with a `reader` the blind second readings of that person."""
        if not reader:
            return self.first()
        return {id: readings[reader] for id, readings in self.second().items() if reader in readings}
