"""The labeling page's server under four annotators: killed while they save, and raced for the same photos.

Run: python -m benchmarks.labeling_saves kills
     python -m benchmarks.labeling_saves races
"""

import argparse
import multiprocessing
import os
import socket
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from dentline.recipe import Recipe, dumps
from dentline.workspace import Workspace
from labeling.store import Store

N_PEOPLE = 4
RACES_A_PHOTO = 50
Point = dict[str, float]


@dataclass
class Tally:
    """What one person was told.

    Attributes:
        acknowledged: (photo, revision, centers) of each save that was answered with 200.
        n_conflicts: saves answered with 409.
        n_resent: saves sent again because no answer came.
    """

    acknowledged: list[tuple[str, int, list[Point]]] = field(default_factory=list)
    n_conflicts: int = 0
    n_resent: int = 0


def make_project(root: Path, n_photos: int) -> Workspace:
    """Make a project of small grey photos."""
    (root / "photos").mkdir(parents=True)
    (root / "recipe.toml").write_text(dumps(Recipe()))
    for number in range(n_photos):
        cv2.imwrite(str(root / "photos" / f"{number}.png"), np.full((500, 500), 128, np.uint8))
    return Workspace.open(root)


def serve(root: str, port: int) -> None:
    """Serve the project's labeling page: what `dentline label` does, in a process to be killed."""
    from labeling.desk import Desk
    from labeling.serve import serve as serve_desk

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        serve_desk(Desk.of(Workspace.open(root)), "127.0.0.1", port)


class Server:
    """The server as a process forked from one that has everything imported, so that a start is quick."""

    def __init__(self, workspace: Workspace) -> None:
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(["labeling.serve"])
        self._workspace = workspace
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        self._process = self._processes.Process(target=serve, args=(str(self._workspace.root), self.port), daemon=True)
        self._process.start()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.005)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


class Person:
    """Somebody who marks as the page does: one save at a time, sent again until it is answered."""

    def __init__(self, number: int, port: int, seed: int) -> None:
        self.name = f"person {number}"
        self.tally = Tally()
        self.rng = np.random.default_rng([seed, number])
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5)
        self._n_marks = 0
        self._number = number

    def new_mark(self) -> Point:
        """A centre that nobody makes twice."""
        self._n_marks += 1
        return {"x": self._n_marks % 490 + self._number / 10, "y": self._n_marks // 490 + self._number / 10}

    def load(self, photo_id: str) -> dict[str, Any]:
        return dict(
            self._ask(lambda: self._client.get("/api/photo", params={"photo_id": photo_id})).json()["annotation"]
        )

    def save(self, photo_id: str, centers: list[Point], expected_revision: int) -> dict[str, Any]:
        """Return the version stored now: the own one, or after a conflict the other."""
        message = {
            "photo_id": photo_id,
            "centers": centers,
            "status": "marked",
            "annotator": self.name,
            "expected_revision": expected_revision,
        }
        answer = self._ask(lambda: self._client.post("/api/save", json=message))
        if answer.status_code == 409:
            self.tally.n_conflicts += 1
            return dict(answer.json()["current"])
        answer.raise_for_status()
        self.tally.acknowledged.append((photo_id, expected_revision + 1, centers))
        return dict(answer.json()["annotation"])

    def _ask(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        while True:
            try:
                return ask()
            except httpx.TransportError:
                self.tally.n_resent += 1
                time.sleep(0.02)


def kills(n_kills: int, seed: int) -> None:
    """Kill the server `n_kills` times while four people save; count what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_project(Path(folder) / "door", 8)
        server = Server(workspace)
        done = threading.Event()
        people = [Person(number, server.port, seed) for number in range(N_PEOPLE)]
        threads = [threading.Thread(target=_mark_until, args=(person, done)) for person in people]
        for thread in threads:
            thread.start()
        rng = np.random.default_rng(seed)
        for _ in range(n_kills):
            time.sleep(rng.uniform(0.05, 0.8))
            server.kill()
            server.start()
        done.set()
        for thread in threads:
            thread.join()
        server.kill()
        tallies = [person.tally for person in people]
        acknowledged = sum(len(tally.acknowledged) for tally in tallies)
        lost, half, twice = examine(workspace, tallies)
        print(
            f"{n_kills} kills, {N_PEOPLE} annotators, {acknowledged} saves acknowledged, "
            f"{sum(t.n_resent for t in tallies)} sent again, {sum(t.n_conflicts for t in tallies)} conflicts: "
            f"{lost} lost, {half} half-written, {twice} stored twice"
        )


def _mark_until(person: Person, done: threading.Event) -> None:
    while not done.is_set():
        photo_id = f"{person.rng.integers(8)}.png"
        now = person.load(photo_id)
        for _ in range(10):
            centers = (now["centers"] + [person.new_mark()])[-20:]
            now = person.save(photo_id, centers, now["revision"])


def examine(workspace: Workspace, tallies: list[Tally]) -> tuple[int, int, int]:
    """Return how many acknowledged saves are missing, rows are broken, and saves are stored twice."""
    with Store(workspace.labels) as store:
        histories = {f"{number}.png": store.history(f"{number}.png") for number in range(8)}
    lost = half = twice = 0
    for tally in tallies:
        for photo_id, revision, centers in tally.acknowledged:
            history = histories[photo_id]
            kept = history[revision - 1] if revision <= len(history) else None
            lost += kept is None or [{"x": c.x, "y": c.y} for c in kept.centers] != centers
    for history in histories.values():
        half += [past.revision for past in history] != list(range(1, len(history) + 1))
        twice += sum(n - 1 for n in Counter((past.annotator, past.centers) for past in history).values())
    with closing(sqlite3.connect(workspace.labels)) as db:
        half += db.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    return lost, half, twice


def races(n_races: int, seed: int) -> None:
    """Let four people save a photo from the same revision `n_races` times; count updates lost."""
    with tempfile.TemporaryDirectory() as folder:
        n_photos = -(-n_races // RACES_A_PHOTO)
        workspace = make_project(Path(folder) / "door", n_photos)
        server = Server(workspace)
        people = [Person(number, server.port, seed) for number in range(N_PEOPLE)]
        gate = threading.Barrier(N_PEOPLE)
        threads = [threading.Thread(target=_race, args=(person, gate, n_races)) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.kill()
        with Store(workspace.labels) as store:
            latest = store.latest().values()
        n_marks = n_races * N_PEOPLE
        n_kept = sum(len(set(annotation.centers)) for annotation in latest)
        n_revisions = sum(annotation.revision for annotation in latest)
        n_conflicts = sum(person.tally.n_conflicts for person in people)
        print(
            f"{n_races} races of {N_PEOPLE}, {n_conflicts} conflicts refused, {n_revisions} revisions: "
            f"{n_marks - n_kept} of {n_marks} updates lost"
        )


def _race(person: Person, gate: threading.Barrier, n_races: int) -> None:
    for race in range(n_races):
        photo_id = f"{race // RACES_A_PHOTO}.png"
        gate.wait()
        now = person.load(photo_id)
        mark = person.new_mark()
        gate.wait()
        while mark not in now["centers"]:
            now = person.save(photo_id, now["centers"] + [mark], now["revision"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kills", "races"])
    parser.add_argument("-n", type=int, help="how many; 200 kills, 1000 races")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    run, usual = {"kills": (kills, 200), "races": (races, 1000)}[given.what]
    run(given.n or usual, given.seed)


if __name__ == "__main__":
    main()
