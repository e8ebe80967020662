"""Callers of a running service, who remember what they were told."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from benchmarks.hard_inputs import PHOTO
from tests.serving import Service

PNG = {"content-type": "image/png"}


class Callers:
    """Threads that score one photo again and again, and keep what they were told."""

    def __init__(self, service: Service, n: int, data: bytes = PHOTO) -> None:
        self._service, self._data = service, data
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(n)]
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.seconds: list[tuple[int, float]] = []
        self.failures: list[str] = []

    def _run(self) -> None:
        client = self._service.client()
        while not self._stop.is_set():
            started = time.perf_counter()
            try:
                answer = client.post("/score", content=self._data, headers=PNG)
            except httpx.TransportError as error:
                self.failures.append(type(error).__name__)
                time.sleep(0.01)
                continue
            self.seconds.append((answer.status_code, time.perf_counter() - started))
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                self.acknowledged.add(answer.json()["photos"][0]["score_id"])
            elif answer.status_code == 429:
                time.sleep(0.05)
        client.close()

    @contextmanager
    def calling(self) -> Iterator["Callers"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, n: int) -> None:
        while len(self.acknowledged) < n:
            time.sleep(0.02)
