"""All that was saved kept in memory, brought up to date from the store's log at each look."""

import threading

from labeling.agreement import DoubleReading, disagreements, double_readings
from labeling.annotation import Annotation
from labeling.store import Entry, Store


class Ledger:
    """What is known of every photo, without reading all of labels.db for each question.

    Saves made by other processes (an import, a second server) are seen too: the log has them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._last_id = 0
        self._entries: dict[str, list[Entry]] = {}
        self._current: dict[str, dict[str, Annotation]] = {}
        self._readings: dict[str, list[DoubleReading]] = {}
        self.last_id()

    def last_id(self) -> int:
        """Return the place in the log that is known up to, after having looked."""
        with self._lock:
            touched = set()
            for entry in self._store.log(after_id=self._last_id):
                photo_id = entry.annotation.photo_id
                self._entries.setdefault(photo_id, []).append(entry)
                self._current.setdefault(entry.reader, {})[photo_id] = entry.annotation
                self._last_id = entry.id
                touched.add(photo_id)
            for photo_id in touched:
                entries = self._entries[photo_id]
                if any(entry.reader for entry in entries):
                    self._readings[photo_id] = double_readings(entries)
            return self._last_id

    def of(self, reader: str = "") -> dict[str, Annotation]:
        """Return the current annotations, or with a `reader` the blind second readings of that person."""
        self.last_id()
        with self._lock:
            return dict(self._current.get(reader, {}))

    def double_readings(self) -> list[DoubleReading]:
        """Return every photo that two people have finished, once a second reader."""
        self.last_id()
        with self._lock:
            return [reading for readings in self._readings.values() for reading in readings]

    def unsettled(self) -> dict[str, list[Annotation]]:
        """Return the second readings that differ from the photo's annotation and wait for a decision."""
        found: dict[str, list[Annotation]] = {}
        for reading, _ in disagreements(self.double_readings()):
            found.setdefault(reading.photo_id, []).append(reading.second)
        return found
