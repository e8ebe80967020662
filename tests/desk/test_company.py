"""Several people: who is given what, who hears of whom, second readings, advice."""

import json
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from commands.label import advice
from dentline.workspace import Workspace
from labeling.annotation import Annotation
from labeling.desk import Desk
from labeling.presence import Page, Presence
from labeling.store import Store
from tests.desk.visitor import Client, here, save, stored
from training.run import Record


def test_two_people_get_different_photos_and_what_is_done_is_not_given_again(client: Client) -> None:
    ada = here(client, "session-ada", "Ada")["upcoming"]
    bo = here(client, "session-bo", "Bo")
    assert len(ada) == len(bo["upcoming"]) == 3 and not set(ada) & set(bo["upcoming"])
    assert bo["people"] == [{"annotator": "Ada", "photo_id": ""}]
    save(client, ada[0])
    assert ada[0] not in here(client, "session-ada", "Ada", ada[1])["upcoming"]
    client.post("/api/leave", json={"session_id": "session-ada"})
    assert here(client, "session-bo", "Bo")["people"] == []


def test_photos_set_aside_for_a_page_that_went_silent_are_given_on() -> None:
    now = [0.0]
    presence = Presence(clock=lambda: now[0])
    ids = ["a", "b", "c", "d"]
    ada, bo, cy = Page("s1", "Ada"), Page("s2", "Bo"), Page("s3", "Cy", hidden=True)
    assert presence.here(ada, "", ids, 2) == ("a", "b")
    assert presence.here(cy, "", ids, 1) == ("c",)
    assert presence.here(bo, "", ids, 3) == ("d",)
    now[0] = 30.0
    assert presence.here(bo, "d", ids, 3) == ("a", "b"), "a page in sight that is silent has gone"
    now[0] = 300.0
    assert presence.here(bo, "d", ids, 3) == ("a", "b", "c")


def test_photo_left_open_comes_back_last() -> None:
    presence, ids, ada = Presence(), ["a", "b", "c", "d", "e"], Page("s1", "Ada")
    at, seen = "", []
    for _ in range(7):
        at = presence.here(ada, at, ids, 2)[0]
        seen.append(at)
    assert seen[:5] == ids


def test_a_page_hears_what_others_and_other_programs_saved(client: Client, workspace: Workspace) -> None:
    since = client.get("/api/photos").json()["last_id"]
    save(client, "part-002.jpg", (5, 5))
    other = Desk.of(workspace)
    other.save(other.gallery.photo("part-003.jpg"), (), "clean", "importer", 0)
    other.store.close()
    told = here(client, "session-bo", "Bo", since=since)
    assert [(a["photo_id"], a["status"]) for a in told["changes"]] == [
        ("part-002.jpg", "marked"),
        ("part-003.jpg", "clean"),
    ]
    assert here(client, "session-bo", "Bo", since=told["last_id"])["changes"] == []
    lines = {line["id"]: line["status"] for line in client.get("/api/photos").json()["photos"]}
    assert (lines["part-002.jpg"], lines["part-003.jpg"], lines["part-004.jpg"]) == ("marked", "clean", "new")


def test_second_reading_is_kept_beside_the_first_and_their_difference_waits(client: Client, desk: Desk) -> None:
    assert client.get("/api/agreement", params={"annotator": "Bo"}).json() == {
        "to_read": 0,
        "to_settle": 0,
        "figures": None,
    }
    save(client, "part-000.jpg", (100, 80), (200, 80))
    save(client, "part-001.jpg")
    assert client.get("/api/agreement", params={"annotator": "Bo"}).json()["to_read"] == 2
    assert client.get("/api/agreement", params={"annotator": "Ada"}).json()["to_read"] == 0, "nobody reads their own"
    blind = client.get("/api/photo", params={"photo_id": "part-000.jpg", "reader": "Bo"}).json()
    assert blind["annotation"]["centers"] == [] and blind["readings"] == []
    ids = [line["id"] for line in client.get("/api/photos", params={"reader": "Bo"}).json()["photos"]]
    assert ids == ["part-000.jpg", "part-001.jpg"]

    since = client.get("/api/photos").json()["last_id"]
    assert save(client, "part-000.jpg", (102, 81), annotator="Bo", reader="Bo").status_code == 200
    assert len(stored(desk, "part-000.jpg").centers) == 2
    told = here(client, "session-ada", "Ada", since=since)["changes"]
    assert [(a["photo_id"], a["annotator"], a["disagreed"]) for a in told] == [("part-000.jpg", "Ada", True)]
    seen = client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()
    assert [reading["annotator"] for reading in seen["readings"]] == ["Bo"]
    figures = client.get("/api/agreement").json()
    assert figures["to_settle"] == 1 and figures["figures"]["centers"]["value"] == pytest.approx(2 / 3)

    save(client, "part-000.jpg", (100, 80), (200, 80), revision=1, annotator="Cy")
    assert client.get("/api/agreement").json()["to_settle"] == 0, "saved anew by somebody who saw both"
    assert not client.get("/api/photos").json()["photos"][0]["disagreed"]


def test_advice_follows_the_runs_and_the_photos_reviewed_before_each(workspace: Workspace, desk: Desk) -> None:
    assert advice(workspace) == ""
    day = [datetime(2026, 1, number, 12, tzinfo=UTC) for number in range(1, 7)]
    for number, when in enumerate(day):
        with Store(workspace.labels, clock=lambda at=when: at) as store:
            store.save(Annotation(f"part-00{number}.jpg", 400, 300, (), "clean", "Ada", 0, when), 0)
    for number, score in enumerate([0.5, 0.8, 0.9, 0.93, 0.94], 1):
        run = workspace.run(f"2026010{number}-130000-tiny")
        run.mkdir(parents=True)
        record = {field.name: "" for field in fields(Record)} | {"started_at": f"2026-01-0{number}T13:00:00"}
        (run / "run.json").write_text(json.dumps(record))
        (run / "metrics.json").write_text(json.dumps({"test": {"average_precision": {"value": score}}}))
        (run / "history.csv").write_text("epoch\n")
        (run / "predictions.csv").write_text("patch_id,photo_id,group,split,label,p\n")
        told = advice(workspace)
        assert bool(told) == (number >= 4), "four counts of photos make a curve"
    assert told.startswith("50 more photos")
