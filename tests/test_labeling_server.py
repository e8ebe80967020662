"""The labeling page's server: what it stores, what it refuses, and what it never serves."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from commands.label import advice
from dentline.workspace import Workspace
from labeling.annotation import Annotation
from labeling.desk import Desk
from labeling.presence import Page, Presence
from labeling.server import create_app
from labeling.store import Store
from tests.conftest import ROOT
from tests.labeling_project import make_project
from tests.live_server import serving
from training.run import Record


class Client(httpx.Client):
    """A visitor of the page's server, who may call it by any host name."""

    def __init__(self, address: str, host: str = "") -> None:
        once = httpx.Limits(max_keepalive_connections=0)
        super().__init__(base_url=address, headers={"Host": host} if host else None, limits=once)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_project(tmp_path / "door", 6)


@pytest.fixture
def desk(workspace: Workspace) -> Iterator[Desk]:
    desk = Desk.of(workspace)
    yield desk
    desk.store.close()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with serving(create_app(desk)) as address, Client(address) as client:
        yield client


def save(client: Client, photo_id: str, *points: tuple[float, float], revision: int = 0, **over: Any) -> Any:
    message = {
        "photo_id": photo_id,
        "centers": [{"x": x, "y": y} for x, y in points],
        "status": "marked" if points else "clean",
        "annotator": "Ada",
        "expected_revision": revision,
        **over,
    }
    return client.post("/api/save", json=message)


def here(client: Client, session_id: str, annotator: str, photo_id: str = "", since: int = 0) -> Any:
    message = {"session_id": session_id, "annotator": annotator, "photo_id": photo_id, "since": since}
    answer = client.post("/api/here", json=message)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(desk: Desk, photo_id: str) -> Annotation:
    annotation = desk.store.get(photo_id)
    assert annotation is not None
    return annotation


def problem(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id"} and error["code"] == code
    assert answer.headers["X-Request-Id"] == error["request_id"]
    return str(error["message"])


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


NASTY = [
    "../labels.db",
    "../recipe.toml",
    "../../outside.jpg",
    "..%2f..%2foutside.jpg",
    "....//....//outside.jpg",
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "part-000.jpg/../../recipe.toml",
    "part-000.jpg\x00.png",
    "part-000.jpg\n",
    "./part-000.jpg",
    "sub/../part-000.jpg",
    "..\\..\\outside.jpg",
    "C:\\Windows\\win.ini",
    "~/secret.jpg",
    "PART-000.JPG",
    "link-out.jpg",
    "linked/outside.jpg",
    ".",
    "..",
    " ",
    "\ud7ff\uffff",
    "a" * 4000,
    "%00",
    "{photo_id}",
    "photos/part-000.jpg",
]


@pytest.fixture(scope="module")
def beset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A project with secrets around it, and links that lead to them."""
    workspace = make_project(tmp_path_factory.mktemp("beset") / "door", 1)
    outside = workspace.root.parent / "outside"
    outside.mkdir()
    secret = cv2.imencode(".jpg", np.full((300, 400), 77, np.uint8))[1].tobytes()
    for path in (outside / "outside.jpg", workspace.root.parent / "outside.jpg", workspace.root / "outside.jpg"):
        path.write_bytes(secret)
    (workspace.photos / "link-out.jpg").symlink_to(outside / "outside.jpg")
    (workspace.photos / "linked").symlink_to(outside, target_is_directory=True)
    desk = Desk.of(workspace)
    with serving(create_app(desk)) as address, Client(address) as client:
        yield client
    desk.store.close()


@pytest.mark.parametrize("name", NASTY)
def test_no_other_file_is_served_whatever_its_name(beset: Client, name: str) -> None:
    for path in ("/api/photo", "/api/tile", "/api/thumbnail", "/api/proposals"):
        problem(beset.get(path, params={"photo_id": name}), 404, "no_such_photo")
    problem(save(beset, name), 404, "no_such_photo")
    assert [line["id"] for line in beset.get("/api/photos").json()["photos"]] == ["part-000.jpg"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/server.py",
        "/labels.db",
        "/photos/part-000.jpg",
        "/static/",
        "/static/.",
        "/docs",
        "/openapi.json",
    ],
)
def test_only_the_page_own_files_are_served(beset: Client, path: str) -> None:
    problem(beset.get(path), 404, "not_found")


def test_page_and_its_modules_are_served_and_cached_by_content(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "static/app.js" in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    module = client.get("/static/state.js")
    assert module.headers["content-type"].startswith("text/javascript")
    assert client.get("/static/state.js", headers={"If-None-Match": module.headers["etag"]}).status_code == 304


def test_tiles_put_together_are_the_photo(tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 1, 2500, 1100)
    desk = Desk.of(workspace)
    with serving(create_app(desk)) as address, Client(address) as client:
        _check_tiles(client, workspace)
    desk.store.close()


def _check_tiles(client: Client, workspace: Workspace) -> None:
    photo = client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]
    assert (photo["width"], photo["height"], photo["levels"], photo["tile_px"]) == (2500, 1100, 3, 1024)
    truth = cv2.imread(str(workspace.photos / "part-000.jpg"))
    for level, (width, height) in enumerate([(2500, 1100), (1250, 550), (625, 275)]):
        rows = [
            np.hstack([_tile(client, level, column, row) for column in range(-(-width // 1024))])
            for row in range(-(-height // 1024))
        ]
        whole = np.vstack(rows)
        assert whole.shape == (height, width, 3)
        wanted = cv2.resize(truth, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(whole.astype(int) - wanted).mean() < 2
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": 0, "column": 3}), 422, "refused")
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": 3}), 422, "refused")
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": "x"}), 422, "malformed")
    assert _decoded(client.get("/api/thumbnail", params={"photo_id": "part-000.jpg"}).content).shape[1] == 192


def _tile(client: Client, level: int, column: int, row: int) -> Any:
    place = {"photo_id": "part-000.jpg", "level": level, "column": column, "row": row}
    return _decoded(client.get("/api/tile", params=place).content)


def _decoded(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_replaced_photo_is_shown_anew(client: Client, workspace: Workspace) -> None:
    before = client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]["version"]
    client.get("/api/tile", params={"photo_id": "part-000.jpg"})
    cv2.imwrite(str(workspace.photos / "part-000.jpg"), np.full((300, 400), 255, np.uint8))
    assert client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]["version"] != before
    assert _decoded(client.get("/api/tile", params={"photo_id": "part-000.jpg"}).content).min() > 250


def test_broken_photo_is_named_and_stops_nobody(client: Client, workspace: Workspace) -> None:
    (workspace.photos / "part-003.jpg").write_bytes(b"no picture at all")
    assert "part-003.jpg" in problem(client.get("/api/photo", params={"photo_id": "part-003.jpg"}), 422, "refused")
    assert client.get("/api/photo", params={"photo_id": "part-004.jpg"}).status_code == 200


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


def test_of_many_saves_from_one_revision_one_is_stored(client: Client, desk: Desk) -> None:
    for turn in range(10):
        race = partial(save, client, "part-000.jpg", revision=turn)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(race, [(n + 1, turn) for n in range(4)]))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        won = next(answer.json()["annotation"] for answer in answers if answer.status_code == 200)
        assert stored(desk, "part-000.jpg").centers[0].x == won["centers"][0]["x"]
    assert len(desk.store.history("part-000.jpg")) == 10


def test_without_a_key_only_this_machine_by_name_is_answered(desk: Desk) -> None:
    with serving(create_app(desk)) as address:
        for host in ("127.0.0.1", "localhost:9", "[::1]:8765"):
            assert Client(address, host).get("/api/photos").status_code == 200
        for host in ("evil.example", "10.0.0.5:8765", "127.0.0.1.evil.example", "localhost.evil", "[", "x@localhost:b"):
            problem(Client(address, host).get("/api/photos"), 403, "wrong_host")


def test_page_of_another_site_cannot_save(client: Client, desk: Desk) -> None:
    message = {"photo_id": "part-000.jpg", "centers": [], "status": "clean", "annotator": "x", "expected_revision": 0}
    elsewhere = {"Origin": "https://evil.example"}
    problem(client.post("/api/save", json=message, headers=elsewhere), 403, "wrong_origin")
    form = {"Content-Type": "text/plain"}
    problem(client.post("/api/save", content='{"photo_id": 1}', headers=form), 415, "not_json")
    assert desk.store.latest() == {}


def test_message_without_end_or_too_long_is_not_read(client: Client, desk: Desk) -> None:
    json_type = {"Content-Type": "application/json"}
    endless = client.post("/api/save", content=iter([b"{", b"}"]), headers=json_type)
    problem(endless, 411, "length_needed")
    problem(client.post("/api/save", content=b" " * 8_000_001, headers=json_type), 413, "too_large")
    assert desk.store.latest() == {}


def test_with_a_key_nothing_is_answered_without_it(desk: Desk) -> None:
    with serving(create_app(desk, key="a long enough key")) as address:
        stranger = Client(address, "10.0.0.5:8765")
        for path in ("/", "/api/photos", "/static/app.js", "/api/tile?photo_id=part-000.jpg", "/nothing"):
            problem(stranger.get(path), 401, "key_needed")
        problem(stranger.get("/?key=wrong"), 401, "key_needed")
        problem(save(stranger, "part-000.jpg", (1, 1)), 401, "key_needed")
        first = stranger.get("/?key=a+long+enough+key")
        assert first.status_code == 303 and "HttpOnly" in first.headers["set-cookie"]
        assert "key" not in first.headers["location"]
        friend = Client(address, "10.0.0.5:8765")
        friend.headers["Cookie"] = first.headers["set-cookie"].split(";")[0]
        assert friend.get("/").status_code == 200 and save(friend, "part-000.jpg", (1, 1)).status_code == 200


def test_errors_have_one_shape(client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    problem(client.get("/api/nothing"), 404, "not_found")
    problem(client.put("/api/save", json={}), 405, "method_not_allowed")
    body = client.post("/api/save", content=b"{", headers={"Content-Type": "application/json"})
    problem(body, 422, "malformed")
    monkeypatch.setattr(type(desk), "lines", lambda *_: 1 / 0)
    message = problem(client.get("/api/photos"), 500, "failed")
    assert "ZeroDivisionError" in message and str(Path.cwd()) not in message


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


def test_history_of_a_photo_is_told_latest_first(client: Client) -> None:
    for turn in range(3):
        save(client, "part-000.jpg", (10 + turn, 10), revision=turn)
    past = client.get("/api/history", params={"photo_id": "part-000.jpg"}).json()["history"]
    assert [(version["revision"], version["centers"][0]["x"]) for version in past] == [(3, 12), (2, 11), (1, 10)]


@pytest.fixture
def printed(workspace: Workspace) -> Iterator[str]:
    """What `dentline label --host 0.0.0.0` prints, while it runs."""
    command = [sys.executable, "-m", "commands.app", "label", str(workspace.root)]
    process = subprocess.Popen(
        [*command, "--host", "0.0.0.0", "--port", "0", "--no-browser"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline()
    process.terminate()
    process.communicate()


def test_open_to_the_network_it_makes_up_a_key_and_answers_nobody_without(printed: str) -> None:
    found = re.fullmatch(r"Label at http://\S+:(\d+)/\?key=(\S{16,})  \(Ctrl\+C stops\)\n", printed)
    assert found, printed
    with Client(f"http://127.0.0.1:{found[1]}") as visitor:
        problem(visitor.get("/"), 401, "key_needed")
        assert visitor.get("/", params={"key": found[2]}).status_code == 303


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--key", "short"], "--key: has 5 characters; use 8"), (["--host", "256.0.0.1"], "256.0.0.1:8765: cannot be")],
)
def test_address_or_key_that_will_not_do_is_refused_in_one_line(
    workspace: Workspace, options: list[str], words: str
) -> None:
    command = [sys.executable, "-m", "commands.app", "label", str(workspace.root), "--no-browser", *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


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
