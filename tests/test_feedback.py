"""Judgements: taken over HTTP and on the tray, and back into labeling as centres and hard negatives."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from dentline import recipe
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import feedback, keep, records
from deployment import judged as judgements
from deployment.drift_check import DriftCheck
from labeling import cutting, groups, hard, returned, split, versions
from labeling.returned import Judged
from labeling.store import Store
from tests.serving import Service, project, running
from tests.test_door import CLEAN, DENTED

NOW = datetime(2026, 11, 20, 9, 30, 0, 123_000, tzinfo=UTC)
PNG = {"content-type": "image/png"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "lacks score_id or truth"),
        (b'{"score_id": "a", "truth": "maybe"}', "'maybe'"),
        (b'{"score_id": "a", "truth": "dent", "sure": true}', "'sure'"),
        (b'{"score_id": 7, "truth": "dent"}', "score_id is '7'"),
        (b'{"score_id": "a", "truth": "clean", "marks": [{"x": 1, "y": 2}]}', "says clean and marks 1"),
        (b'{"score_id": "a", "truth": "dent", "marks": [{"x": 1}]}', "mark 1"),
        (b'{"score_id": "a", "truth": "dent", "marks": [{"x": "1", "y": 2}]}', "numbers"),
        (b'{"score_id": "a", "truth": "dent", "marks": [{"x": -1, "y": 2}]}', "(-1, 2)"),
        (b'{"score_id": "a", "truth": "dent", "marks": [{"x": NaN, "y": 2}]}', "(nan, 2)"),
        (b'{"score_id": "a", "truth": "dent", "marks": 3}', "no list"),
    ],
)
def test_what_is_no_judgement_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(DentlineError) as caught:
        feedback.parse(body, "f", NOW)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_judgement_is_read() -> None:
    body = json.dumps({"score_id": "a", "truth": "dent", "operator": "kim", "marks": [{"x": 1, "y": 2.5}]}).encode()
    expected = feedback.Feedback("f", "a", "2026-11-20T09:30:00.123", "dent", "kim", ((1.0, 2.5),))
    assert feedback.parse(body, "f", NOW) == expected


def test_sample_holds_its_share_and_is_the_same_for_all() -> None:
    ids = [f"{0:012x}{hashlib.sha256(str(i).encode()).hexdigest()[:20]}" for i in range(20_000)]
    assert 300 < sum(keep.is_sampled(i, 0.02) for i in ids) < 500
    assert all(keep.is_sampled(i, 1) for i in ids) and not any(keep.is_sampled(i, 0) for i in ids)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return project(tmp_path_factory.mktemp("feedback") / "project")


@pytest.fixture(scope="module")
def service(workspace: Workspace) -> Iterator[Service]:
    with running(workspace, "--keep-images", str(workspace.kept), judge_share=1) as started:
        yield started


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as opened:
        yield opened


def scored(client: httpx.Client, photo: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/score?part_id=door-7", content=photo, headers=PNG).json()["photos"][0]
    return answer


def waiting(client: httpx.Client, score_id: str) -> dict[str, Any] | None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        found: list[dict[str, Any]] = client.get("/tray/answers").json()["answers"]
        shown = next((one for one in found if one["score_id"] == score_id), None)
        if shown is not None:
            return shown
        time.sleep(0.05)
    return None


def test_flagged_answer_waits_in_the_tray_until_it_is_judged(client: httpx.Client, workspace: Workspace) -> None:
    answer = scored(client, DENTED)
    shown = waiting(client, answer["score_id"])
    assert shown is not None and shown["verdict"] == "defect" and shown["defects"] == answer["defects"]
    assert client.get(f"/tray/photos/{shown['photo_sha256']}").content == DENTED
    said = {"score_id": answer["score_id"], "truth": "dent", "marks": [{"x": 100, "y": 80}], "operator": "kim"}
    given = client.post("/feedback", json=said)
    assert given.status_code == 200, given.text
    stored = judgements.judgements(records.open_for_reading(workspace.scores))[-1]
    assert stored["feedback_id"] == given.json()["feedback_id"]
    assert (stored["truth"], stored["marks"], stored["operator"]) == ("dent", [(100, 80)], "kim")
    assert answer["score_id"] not in [one["score_id"] for one in client.get("/tray/answers").json()["answers"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score_id": "0" * 32}, "no answer"),
        ({"marks": [{"x": 300, "y": 5}]}, "off the photo"),
        ({"truth": "x"}, "'x'"),
    ],
)
def test_wrong_judgement_is_refused_in_one_shape_and_not_stored(
    client: httpx.Client, workspace: Workspace, change: dict[str, Any], words: str
) -> None:
    answer = scored(client, DENTED)
    before = len(judgements.judgements(records.open_for_reading(workspace.scores)))
    found = client.post("/feedback", json={"score_id": answer["score_id"], "truth": "dent", **change})
    assert found.status_code == 400 and words in found.json()["error"]["message"]
    assert len(judgements.judgements(records.open_for_reading(workspace.scores))) == before


def test_photo_that_was_not_kept_is_not_found(client: httpx.Client) -> None:
    assert client.get(f"/tray/photos/{'0' * 64}").status_code == 404
    assert client.get("/tray/photos/..%2f..%2frecipe.toml").status_code == 404


@pytest.mark.parametrize("width", [1200, 390])
def test_people_judge_on_the_tray(
    client: httpx.Client, service: Service, workspace: Workspace, browser: Browser, width: int
) -> None:
    for one in client.get("/tray/answers").json()["answers"]:
        client.post("/feedback", json={"score_id": one["score_id"], "truth": "dent"})
    passed, flagged = scored(client, CLEAN), scored(client, DENTED)
    assert waiting(client, flagged["score_id"]) and waiting(client, passed["score_id"])
    page = browser.new_page(viewport={"width": width, "height": 850})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(service.url + "/tray")
    page.wait_for_selector('#photo[width="300"]')
    assert "flagged, 1 dent" in page.inner_text("#said"), "the newest first"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#photo").bounding_box()
    assert box is not None
    scale = box["width"] / 300
    page.mouse.click(box["x"] + 100 * scale, box["y"] + 80 * scale)
    assert page.is_disabled("#clean"), "a marked photo is not clean"
    page.keyboard.press("d")
    expect(page.locator("#said")).to_contain_text("passed")
    expect(page.locator("#clean")).to_be_enabled()
    page.keyboard.press("c")
    page.wait_for_selector("#done:visible")
    assert not complaints
    if width == 1200:
        assert page.inner_text("#done") == "Nothing waits to be judged."
    page.close()
    said = {row["score_id"]: row for row in judgements.judgements(records.open_for_reading(workspace.scores))}
    (mark,) = said[flagged["score_id"]]["marks"]
    assert mark == pytest.approx((100, 80), abs=1.5)
    assert said[passed["score_id"]]["truth"] == "clean"


def test_drift_is_among_the_metrics(client: httpx.Client, workspace: Workspace) -> None:
    check = DriftCheck(
        "d" * 32, "2026-11-20T09:00:00.000", "A", "one", "photos", "brightness", 100, 0.9, 0.5, 0.3, 0.25, 100
    )
    writer = records.Records(workspace.scores)
    writer.note_drift([check])
    writer.close()
    assert 'dentline_drift{measure="brightness",model="one",station="A"} 3.0' in client.get("/metrics").text


def judged(photo: Path, data: bytes, name: str, **changes: Any) -> Judged:
    photo.parent.mkdir(exist_ok=True)
    photo.write_bytes(data)
    one = Judged(
        name, photo, hashlib.sha256(data).hexdigest(), "door-7", True, ((100.0, 80.0),), ((99.0, 81.0),), "kim"
    )
    return replace(one, **changes)


def test_marks_come_back_as_centres_and_false_alarms_as_hard_negatives(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "p")
    workspace.photos.mkdir(parents=True)
    dented = judged(tmp_path / "kept" / "a.png", DENTED, "f1")
    clean = judged(tmp_path / "kept" / "b.png", CLEAN, "f2", has_dent=False, marks=(), called=((50.0, 60.0),))
    came = returned.bring_back(workspace, [dented, clean], NOW)
    assert len(came.copied) == 2 and came.stored == 2 and came.version.number == 1
    assert came.version.feedback_ids == ("f1", "f2") and came.version.source == "feedback"
    with Store(workspace.labels) as store:
        latest = store.latest()
    marked, empty = (latest[photo_id] for photo_id in came.copied)
    assert [(c.x, c.y) for c in marked.centers] == [(100, 80)] and marked.annotator == "feedback:kim"
    assert empty.status == "clean"
    assert [(p.photo_id, p.x, p.y, p.origin) for p in hard.read(workspace.hard)] == [
        (empty.photo_id, 50, 60, "feedback:f2")
    ]
    assert len({member.group for member in groups.read(workspace.groups).values()}) == 1, "one part is one group"
    sides = {photo_id: split.Assignment("g", "train") for photo_id in latest}
    planned = cutting.plan(latest.values(), sides, recipe.Patches(), hard.read(workspace.hard))
    assert [(p.x, p.y, p.label) for p in planned if p.origin == "hard"] == [(50, 60, 0)]

    again = returned.bring_back(workspace, [dented, clean], NOW)
    assert not again.copied and not again.stored and again.version.number == 1, "the same again changes nothing"
    third = returned.bring_back(workspace, [replace(clean, feedback_id="f3", has_dent=True, marks=((9.0, 9.0),))], NOW)
    assert third.version.number == 2 and len(versions.read(workspace.versions)) == 2


def test_dent_that_nobody_marked_waits_for_a_person(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "p")
    workspace.photos.mkdir(parents=True)
    unclear = judged(tmp_path / "kept" / "a.png", DENTED, "f1", marks=(), called=((10.0, 10.0), (20.0, 20.0)))
    came = returned.bring_back(workspace, [unclear], NOW)
    assert came.unmarked == came.copied and came.stored == 0
    confirmed = replace(unclear, called=((99.0, 81.0),))
    assert returned.bring_back(workspace, [confirmed], NOW).stored == 1, "one place called and confirmed is a centre"


def test_photo_that_is_not_what_was_scored_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "p")
    other = replace(judged(tmp_path / "kept" / "a.png", DENTED, "f1"), photo_sha256="0" * 64)
    with pytest.raises(DentlineError, match="not the photo that was scored"):
        returned.bring_back(workspace, [other], NOW)
