"""Saving over HTTP: in the file before it is answered, refused by name, one of many, history."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dentline.workspace import Workspace
from labeling.desk import Desk
from tests.desk.visitor import Client, problem, save, stored


def test_save_is_in_the_file_before_it_is_answered(client: Client, workspace: Workspace) -> None:
    answer = save(client, "part-000.jpg", (10.5, 20.25), (30, 40))
    assert answer.status_code == 200 and answer.json()["annotation"]["revision"] == 1
    rows = sqlite3.connect(workspace.labels).execute(
        "SELECT photo_id, revision, centers, annotator, width FROM annotation"
    )
    assert rows.fetchall() == [("part-000.jpg", 1, "[[10.5, 20.25], [30.0, 40.0]]", "Ada", 400)]


def test_conflict_shows_the_other_version_and_stores_nothing(client: Client, desk: Desk) -> None:
    assert save(client, "part-000.jpg", (10, 10)).status_code == 200
    answer = save(client, "part-000.jpg", (50, 50), annotator="Bo")
    assert "revision 1 by Ada" in problem(answer, 409, "conflict")
    assert answer.json()["current"]["centers"] == [{"x": 10, "y": 10}]
    assert len(desk.store.history("part-000.jpg")) == 1


def test_save_whose_answer_was_lost_is_stored_once_even_if_others_saved_since(client: Client, desk: Desk) -> None:
    save(client, "part-000.jpg", (10, 10))
    assert save(client, "part-000.jpg", (10, 10)).json()["annotation"]["revision"] == 1
    save(client, "part-000.jpg", (10, 10), (20, 20), revision=1, annotator="Bo")
    again = save(client, "part-000.jpg", (10, 10))
    assert again.status_code == 200 and again.json()["annotation"]["annotator"] == "Bo"
    assert [past.revision for past in desk.store.history("part-000.jpg")] == [1, 2]


def test_reviewed_and_clean_is_stored(client: Client, desk: Desk) -> None:
    save(client, "part-001.jpg")
    assert stored(desk, "part-001.jpg").status == "clean"


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"centers": [{"x": 400, "y": 3}], "status": "marked"}, "400 x 300"),
        ({"centers": [{"x": -1, "y": 3}], "status": "marked"}, "center 1"),
        ({"centers": [{"x": 1e400, "y": 3}], "status": "marked"}, "centers.0.x"),
        ({"centers": [{"x": 1, "y": 3, "z": 4}], "status": "marked"}, "centers.0.z"),
        ({"centers": [], "status": "marked"}, "with 0 centers"),
        ({"status": "done"}, "status"),
        ({"annotator": "  "}, "annotator"),
        ({"expected_revision": -1}, "expected_revision"),
        ({"expected_revision": 7}, "has no revision yet"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_save_is_refused_by_name_and_nothing_is_stored(
    client: Client, desk: Desk, over: dict[str, Any], words: str
) -> None:
    message = {"photo_id": "part-000.jpg", "centers": [], "status": "clean", "annotator": "Ada", "expected_revision": 0}
    body = json.dumps({**message, **over}).replace("Infinity", "1e400")
    answer = client.post("/api/save", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (409, 422) and words in answer.json()["error"]["message"], answer.text
    assert desk.store.get("part-000.jpg") is None


def test_of_many_saves_from_one_revision_one_is_stored(client: Client, desk: Desk) -> None:
    for turn in range(10):
        race = partial(save, client, "part-000.jpg", revision=turn)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(race, [(n + 1, turn) for n in range(4)]))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        won = next(answer.json()["annotation"] for answer in answers if answer.status_code == 200)
        assert stored(desk, "part-000.jpg").centers[0].x == won["centers"][0]["x"]
    assert len(desk.store.history("part-000.jpg")) == 10


def test_history_of_a_photo_is_told_latest_first(client: Client) -> None:
    for turn in range(3):
        save(client, "part-000.jpg", (10 + turn, 10), revision=turn)
    past = client.get("/api/history", params={"photo_id": "part-000.jpg"}).json()["history"]
    assert [(version["revision"], version["centers"][0]["x"]) for version in past] == [(3, 12), (2, 11), (1, 10)]


def test_errors_have_one_shape(client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    problem(client.get("/api/nothing"), 404, "not_found")
    problem(client.put("/api/save", json={}), 405, "method_not_allowed")
    body = client.post("/api/save", content=b"{", headers={"Content-Type": "application/json"})
    problem(body, 422, "malformed")
    monkeypatch.setattr(type(desk), "lines", lambda *_: 1 / 0)
    message = problem(client.get("/api/photos"), 500, "failed")
    assert "ZeroDivisionError" in message and str(Path.cwd()) not in message
