import json
import multiprocessing
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dentline.errors import DentlineError
from labeling.annotation import Annotation, Center, Status
from labeling.store import Conflict, Store


def note(photo: str = "a.jpg", *xy: tuple[float, float], who: str = "ann", status: Status | None = None) -> Annotation:
    centers = tuple(Center(*p) for p in xy)
    return Annotation(
        photo, 100, 80, centers, status or ("marked" if xy else "clean"), who, 0, datetime(2000, 1, 1, tzinfo=UTC)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "labels.db") as opened:
        yield opened


def test_every_save_is_a_revision_with_its_annotator_and_time(store: Store) -> None:
    before = datetime.now(UTC)
    store.save(note("a.jpg", (1, 2)), 0)
    store.save(note("a.jpg", (1, 2), (3.25, 4.125), who="bob"), 1)
    cleared = store.save(note("a.jpg", who="ann"), 2)
    history = store.history("a.jpg")
    assert [(a.revision, a.annotator, len(a.centers), a.status) for a in history] == [
        (1, "ann", 1, "marked"),
        (2, "bob", 2, "marked"),
        (3, "ann", 0, "clean"),
    ]
    assert history[1].centers[1] == Center(3.25, 4.125)
    assert before <= history[0].updated_at <= history[2].updated_at <= datetime.now(UTC)
    assert store.get("a.jpg") == cleared == store.latest()["a.jpg"]


def test_save_from_an_old_revision_is_refused_and_stores_nothing(store: Store) -> None:
    store.save(note("a.jpg", (1, 2)), 0)
    stored = store.save(note("a.jpg", (1, 2), (3, 4), who="bob"), 1)
    for expected in (0, 1, 3):
        with pytest.raises(Conflict) as caught:
            store.save(note("a.jpg", (9, 9)), expected)
        assert caught.value.current == stored
    assert len(store.history("a.jpg")) == 2


def test_a_save_sent_twice_is_stored_once(store: Store) -> None:
    first = store.save(note("a.jpg", (1, 2)), 0)
    assert store.save(note("a.jpg", (1, 2)), 0) == first
    with pytest.raises(Conflict):
        store.save(note("a.jpg", (1, 2), who="bob"), 0)


def test_bulk_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.save(note("a.jpg", (1, 2)), 0)
        with store.transaction():
            store.save(note("b.jpg"), 0)
        raise RuntimeError
    assert store.latest() == {}
    stored = store.replace_all([note("a.jpg", (1, 2)), note("b.jpg")])
    assert [a.photo_id for a in stored] == ["a.jpg", "b.jpg"]
    assert store.replace_all([note("a.jpg", (1, 2)), note("b.jpg", (5, 5))])[0].revision == 2
    assert len(store.log()) == 3


def test_second_reading_is_kept_apart(store: Store) -> None:
    store.save(note("a.jpg", (1, 2)), 0)
    store.save(note("a.jpg", (1, 3), who="bob"), 0, reader="bob")
    assert store.latest()["a.jpg"].centers == (Center(1, 2),)
    assert [a.annotator for a in store.second_readings()["a.jpg"]] == ["bob"]
    assert [entry.reader for entry in store.log()] == ["", "bob"]
    assert [entry.id for entry in store.log(after_id=1)] == [2]


def test_full_disk_refuses_the_save_and_keeps_the_ones_before(store: Store) -> None:
    store.save(note("a.jpg", (1, 2)), 0)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages}")
    many = note("a.jpg", *((float(i % 100), float(i // 100)) for i in range(5000)))
    with pytest.raises(DentlineError, match=r"labels\.db: cannot be written: .*full"):
        store.save(many, 1)
    assert [a.revision for a in store.history("a.jpg")] == [1]
    store._db.execute(f"PRAGMA max_page_count={pages + 1000}")
    assert store.save(many, 1).revision == 2


def test_annotator_needs_a_name(store: Store) -> None:
    with pytest.raises(DentlineError, match="no name"):
        store.save(note(who=" "), 0)


def test_backup_is_one_whole_file(store: Store, tmp_path: Path) -> None:
    store.save(note("a.jpg", (1, 2)), 0)
    store.backup(tmp_path / "away" / "backup.db")
    store.save(note("a.jpg"), 1)
    assert [p.name for p in (tmp_path / "away").iterdir()] == ["backup.db"]
    with Store(tmp_path / "away" / "backup.db") as backup:
        assert [a.revision for a in backup.history("a.jpg")] == [1]


def test_file_that_is_no_store_or_a_later_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello" * 500)
    with pytest.raises(DentlineError, match=r"text\.db"):
        Store(tmp_path / "text.db")
    later = sqlite3.connect(tmp_path / "later.db")
    later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(DentlineError, match="later than"):
        Store(tmp_path / "later.db")


def _add_one(path: Path, times: int, who: str) -> None:
    with Store(path) as store:
        for _ in range(times):
            while True:
                current = store.get("a.jpg")
                count = len(current.centers) if current else 0
                try:
                    more = [(float(i % 100), float(i // 100)) for i in range(count + 1)]
                    store.save(note("a.jpg", *more, who=who), current.revision if current else 0)
                    break
                except Conflict:
                    continue


def test_racing_processes_lose_no_update(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    spawn = multiprocessing.get_context("spawn")
    racers = [spawn.Process(target=_add_one, args=(path, 25, f"p{i}")) for i in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    with Store(path) as store:
        history = store.history("a.jpg")
    assert [len(a.centers) for a in history] == list(range(1, 101))


def test_rows_are_plain_to_read_for_other_tools(store: Store, tmp_path: Path) -> None:
    store.save(note("a.jpg", (0.1, 2)), 0)
    (centers,) = sqlite3.connect(tmp_path / "labels.db").execute("SELECT centers FROM annotation").fetchone()
    assert json.loads(centers) == [[0.1, 2]]
