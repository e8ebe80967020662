"""A short run of benchmarks.label_store: kills in the middle of saves, and races for one photo."""

import sqlite3
from pathlib import Path

from benchmarks import label_store
from labeling.store import Store


def test_kills_in_the_middle_of_saves_lose_nothing(tmp_path: Path) -> None:
    found = label_store.kill_test(tmp_path, kills=8)
    assert found.acknowledged > 50
    assert (found.lost, found.half_written, found.gaps) == (0, 0, 0)


def test_races_lose_no_update(tmp_path: Path) -> None:
    found = label_store.race_test(tmp_path, races=40)
    assert (found.lost_updates, found.wrong_histories) == (0, 0)
    assert found.refused >= 40 * 3  # the three who were not first


def test_the_check_sees_what_is_lost_mixed_up_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with Store(path) as store:
        for revision in range(4):
            store.save(label_store.expected("1.jpg", revision + 1, "ann"), revision)
    told = {("1.jpg", revision): "ann" for revision in (1, 2, 3, 4)}
    assert label_store.look(path, told) == label_store.Findings(4, 0, 0, 0)
    assert label_store.look(path, {**told, ("1.jpg", 5): "bob"}).lost == 1
    database = sqlite3.connect(path)
    database.execute("UPDATE annotation SET centers = '[[9, 9]]' WHERE revision = 2")
    database.execute("DELETE FROM annotation WHERE revision = 3")
    database.commit()
    database.close()
    assert label_store.look(path, told) == label_store.Findings(3, 1, 1, 1)
