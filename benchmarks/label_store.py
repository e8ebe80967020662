"""Kill the process that saves labels, and let people race for the same photo: is anything lost?

python -m benchmarks.label_store --kills 200 --races 1000 --json OUT

A kill: a process in which four annotators save as fast as they can, each telling on a pipe what was
acknowledged, gets SIGKILL at a random moment. Then every acknowledged save must be in the history just
as it was sent, no photo may have a gap in its revisions, and every row must be whole. Against a power
cut the store asks for the disk to be written at each save (``synchronous=FULL``); that is not shown here.

A race: four processes read the same revision of a photo at the same moment and each saves one centre
more. One may be stored, the others must be refused, look again and save on top; in the end the photo has
the centres of all.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

from dentline.files import write_text
from labeling.annotation import Annotation, Center
from labeling.store import Conflict, Store

ANNOTATORS = ("ann", "bob", "carl", "dora")
_N_PHOTOS = 6
_SIDE_PX = 1000


@dataclass(frozen=True)
class Kills:
    """What was found after each kill, summed."""

    kills: int
    acknowledged: int
    stored_unacknowledged: int
    lost: int
    half_written: int
    gaps: int


@dataclass(frozen=True)
class Findings:
    """What one look at the store found.

    Attributes:
        stored: saves in the history.
        lost: acknowledged saves that are not there as they were sent.
        half_written: rows that are not what was sent, and a damaged file.
        gaps: revisions missing between a photo's first and newest.
    """

    stored: int
    lost: int
    half_written: int
    gaps: int


@dataclass(frozen=True)
class Races:
    """What was found after the races."""

    races: int
    contenders: int
    refused: int
    lost_updates: int
    wrong_histories: int


def kill_test(folder: Path, kills: int, seed: int = 0, longest_s: float = 0.12) -> Kills:
    """Kill a saving process `kills` times and check the store after each.

    Args:
        longest_s: it is killed after a random time up to this, counted from its first save.
    """
    path = folder / "labels.db"
    rng = random.Random(seed)
    acknowledged: dict[tuple[str, int], str] = {}
    found = Findings(0, 0, 0, 0)
    for number in range(kills):
        command = [sys.executable, "-m", "benchmarks.label_store", "--save-for-ever", str(path), str(seed + number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as writer:
            assert writer.stdout is not None
            told = writer.stdout.read(65536) or b""
            time.sleep(rng.uniform(0, longest_s))
            writer.kill()
            while more := writer.stdout.read(65536):
                told += more
        for line in told.decode().splitlines():
            photo_id, revision, who = line.split()
            acknowledged[photo_id, int(revision)] = who
        now = look(path, acknowledged)
        found = Findings(now.stored, now.lost, found.half_written + now.half_written, found.gaps + now.gaps)
    unacknowledged = found.stored - len(acknowledged)
    return Kills(kills, len(acknowledged), unacknowledged, found.lost, found.half_written, found.gaps)


def _save_for_ever(path: Path, seed: str) -> None:
    with Store(path) as store:
        threads = [threading.Thread(target=_annotate, args=(store, who, f"{seed}-{who}")) for who in ANNOTATORS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _annotate(store: Store, who: str, seed: str) -> None:
    rng = random.Random(seed)
    while True:
        photo_id = f"{rng.randrange(_N_PHOTOS)}.jpg"
        current = store.get(photo_id)
        revision = current.revision if current else 0
        try:
            stored = store.save(expected(photo_id, revision + 1, who), revision)
        except Conflict:
            continue
        os.write(1, f"{photo_id} {stored.revision} {who}\n".encode())


def expected(photo_id: str, revision: int, who: str) -> Annotation:
    """What revision `revision` must be: its centres tell its number, so that a mixed row shows."""
    centers = tuple(Center(float(revision % _SIDE_PX), float(i)) for i in range(1 + revision % 40))
    return Annotation(photo_id, _SIDE_PX, _SIDE_PX, centers, "marked", who, 0, datetime.now(UTC))


def look(path: Path, acknowledged: Mapping[tuple[str, int], str]) -> Findings:
    """Compare what is stored with what was acknowledged: (photo id, revision) -> annotator."""
    database = sqlite3.connect(path)
    broken = int(database.execute("PRAGMA integrity_check").fetchall() != [("ok",)])
    database.close()
    stored: dict[tuple[str, int], str] = {}
    with Store(path) as store:
        for entry in store.log():
            a = entry.annotation
            stored[a.photo_id, a.revision] = a.annotator
            broken += a.centers != expected(a.photo_id, a.revision, a.annotator).centers
        newest = [a.revision for a in store.latest().values()]
    lost = sum(stored.get(key) != who for key, who in acknowledged.items())
    return Findings(len(stored), lost, broken, sum(newest) - len(stored))


def race_test(folder: Path, races: int) -> Races:
    """Let four processes race for each of `races` photos."""
    path = folder / "labels.db"
    Store(path).close()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(ANNOTATORS))
    refused = context.Array("l", len(ANNOTATORS))
    racers = [
        context.Process(target=_race, args=(path, races, start, number, refused)) for number in range(len(ANNOTATORS))
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    wanted = tuple(Center(float(number), 0.0) for number in range(len(ANNOTATORS)))
    lost = wrong = 0
    with Store(path) as store:
        for race in range(races):
            history = store.history(f"{race}.jpg")
            lost += len(set(wanted) - set(history[-1].centers)) if history else len(wanted)
            wrong += int([len(a.centers) for a in history] != list(range(1, len(wanted) + 1)))
    return Races(races, len(ANNOTATORS), sum(refused[:]), lost, wrong)


def _race(path: Path, races: int, start: Barrier, number: int, refused: list[int]) -> None:
    with Store(path) as store:
        for race in range(races):
            photo_id = f"{race}.jpg"
            start.wait(60)
            current = store.get(photo_id)
            start.wait(60)  # all have read the same revision
            while True:
                centers = (current.centers if current else ()) + (Center(float(number), 0.0),)
                more = Annotation(photo_id, 100, 100, centers, "marked", ANNOTATORS[number], 0, datetime.now(UTC))
                try:
                    store.save(more, current.revision if current else 0)
                    break
                except Conflict as conflict:
                    refused[number] += 1
                    current = conflict.current


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--races", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--save-for-ever", nargs=2, metavar=("FILE", "SEED"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.save_for_ever:
        _save_for_ever(Path(asked.save_for_ever[0]), asked.save_for_ever[1])
        return
    with tempfile.TemporaryDirectory() as kills, tempfile.TemporaryDirectory() as races:
        found = {
            "kills": asdict(kill_test(Path(kills), asked.kills)),
            "races": asdict(race_test(Path(races), asked.races)),
        }
    machine = {"machine": platform.machine(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    text = json.dumps(found | machine, indent=1) + "\n"
    print(text, end="")
    if asked.json:
        write_text(asked.json, text)
        print(f"written to {asked.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
