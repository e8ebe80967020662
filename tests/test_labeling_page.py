"""The labeling page in a real Chromium: what people do there, compared with what labels.db holds then."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from commands.label import champion, helper
from dentline.workspace import Workspace
from deployment.champion import promote
from labeling import guesses
from labeling.annotation import Annotation, Center
from labeling.gallery import Gallery
from labeling.proposals import Proposals
from labeling.scout import Scout
from labeling.store import Store
from tests import tiny_model
from tests.browser import chromium
from tests.labeling_person import Person, Server, killable_server, serving_project, stored
from tests.labeling_project import make_project

PHOTO = "part-000.jpg"
NEW: dict[str, Any] = {"revision": 0, "updated_at": datetime.now(UTC)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving_project(make_project(tmp_path / "door", 8)) as server:
        yield server


@pytest.fixture
def ada(browser: Any, server: Server) -> Iterator[Person]:
    yield from visiting(browser, server, "Ada")


@pytest.fixture
def bo(browser: Any, server: Server) -> Iterator[Person]:
    yield from visiting(browser, server, "Bo")


def visiting(browser: Any, server: Server, name: str) -> Iterator[Person]:
    """Somebody at the page, on whose page nothing goes wrong."""
    person = Person(browser, server, name, PHOTO)
    yield person
    person.context.close()
    assert person.problems == []


def near(annotation: Annotation, *points: tuple[float, float], within_px: float = 0.6) -> bool:
    """Whether the centres are where they were clicked: a screen pixel is under 0.6 photo pixels here."""
    pairs = zip(annotation.centers, points, strict=True)
    return all(abs(center.x - x) <= within_px and abs(center.y - y) <= within_px for center, (x, y) in pairs)


def test_mark_zoom_drag_undo_clean_and_go_on(ada: Person, server: Server) -> None:
    ada.click(100, 80)
    assert near(ada.stored(PHOTO), (100, 80))
    assert ada.stored(PHOTO).annotator == "Ada" and ada.stored(PHOTO).revision == 1

    x, y = (round(place) for place in ada.at(300, 200))
    aim = ada.photo_at(x, y)
    ada.page.mouse.move(x, y)
    before = ada.page.get_attribute("body", "data-camera")
    for _ in range(3):
        ada.page.mouse.wheel(0, -200)
    ada.page.wait_for_selector(f'body:not([data-camera="{before}"])')
    ada.page.wait_for_timeout(200)
    assert ada.at(*aim) == pytest.approx((x, y), abs=0.1), "the wheel zooms at the pointer"
    ada.page.mouse.click(x, y)
    assert near(ada.stored(PHOTO), (100, 80), (300, 200))

    ada.key("f")
    ada.page.wait_for_timeout(100)
    ada.drag((300, 200), (250, 150))
    assert near(ada.stored(PHOTO), (100, 80), (250, 150))
    ada.click(100, 80, button="right")
    assert near(ada.stored(PHOTO), (250, 150))

    for points in ([(100, 80), (250, 150)], [(100, 80), (300, 200)], [(100, 80)], []):
        ada.key("Control+z")
        ada.page.wait_for_timeout(60)
        assert near(ada.stored(PHOTO), *points)
    assert ada.stored(PHOTO).status == "new"
    for _ in range(4):
        ada.key("Control+Shift+z")
    ada.page.wait_for_timeout(60)
    assert near(ada.stored(PHOTO), (250, 150))
    with Store(server.workspace.labels) as store:
        assert len(store.history(PHOTO)) == 12, "every step is in the history"

    ada.key("Enter")
    ada.arrives("part-001.jpg")
    ada.key("c")
    ada.arrives("part-002.jpg")
    ada.key("x")
    ada.arrives("part-003.jpg")
    assert (ada.stored("part-001.jpg").status, ada.stored("part-002.jpg").status) == ("clean", "skipped")
    ada.key("Control+z", "Control+z")
    ada.arrives("part-001.jpg")
    assert ada.stored("part-001.jpg").status == "new"
    assert ada.page.inner_text("#progress") == "1 of 8 photos, 1 dent"


def test_keys_choose_nudge_and_take_out(ada: Person) -> None:
    ada.click(100, 80)
    ada.click(200, 80)
    first = ada.stored(PHOTO).centers[0]
    ada.key("Tab", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown")
    ada.page.wait_for_timeout(60)
    assert ada.stored(PHOTO).centers[0] == Center(pytest.approx(first.x + 2), pytest.approx(first.y + 1))
    ada.key("Delete")
    ada.page.wait_for_timeout(60)
    assert near(ada.stored(PHOTO), (200, 80))


def test_dragging_the_ground_or_with_space_pans_and_marks_nothing(ada: Person, server: Server) -> None:
    ada.key("2")
    ada.page.wait_for_timeout(100)
    before = ada.at(200, 150)
    ada.page.mouse.move(*before)
    ada.page.mouse.down()
    ada.page.mouse.move(before[0] + 90, before[1] + 40, steps=3)
    ada.page.mouse.up()
    ada.page.wait_for_timeout(100)
    assert ada.at(200, 150) == pytest.approx((before[0] + 90, before[1] + 40), abs=0.6)
    ada.page.keyboard.down(" ")
    ada.page.mouse.down()
    ada.page.mouse.move(before[0] + 190, before[1] + 40, steps=3)
    ada.page.mouse.up()
    ada.page.keyboard.up(" ")
    ada.page.wait_for_timeout(100)
    assert ada.at(200, 150)[0] == pytest.approx(before[0] + 190, abs=0.6)
    with Store(server.workspace.labels) as store:
        assert store.latest() == {}


def test_zoom_and_tone_stay_from_photo_to_photo_and_from_visit_to_visit(ada: Person) -> None:
    ada.key("2", "b", "]", "k")
    ada.page.wait_for_timeout(100)
    camera = ada.page.get_attribute("body", "data-camera")
    tone = ada.page.locator("#photo").evaluate("canvas => canvas.style.filter")
    assert "brightness(1.2" in tone and "contrast(1.12)" in tone
    ada.key("d")
    ada.arrives("part-001.jpg")
    assert ada.page.get_attribute("body", "data-camera") == camera
    ada.page.wait_for_timeout(500)
    ada.visit("part-002.jpg")
    assert ada.page.get_attribute("body", "data-camera") == camera
    assert ada.page.locator("#photo").evaluate("canvas => canvas.style.filter") == tone


def spots(n: int) -> list[tuple[float, float]]:
    """Where make_project put the spots of its first photo."""
    rng = np.random.default_rng(0)
    rng.normal(130, 5, (300, 400))
    return [(float(x), float(y)) for x, y in rng.uniform([40, 40], [360, 260], (3, 2))[:n]]


def test_snap_finds_the_middle_of_the_spot(ada: Person) -> None:
    (x, y), (x2, y2) = spots(2)
    ada.page.mouse.move(*ada.at(x + 4, y - 3))
    ada.key("s")
    ada.page.wait_for_selector('#status[data-status="marked"]')
    assert near(ada.stored(PHOTO), (x, y), within_px=0.7)
    ada.page.keyboard.down("Shift")
    ada.click(x2 - 4, y2 + 2)
    ada.page.keyboard.up("Shift")
    ada.page.wait_for_selector('#status:has-text("2 dents")')
    assert near(ada.stored(PHOTO), (x, y), (x2, y2), within_px=0.7)


@pytest.mark.parametrize(("choice", "kept"), [("mine", [60]), ("theirs", [40]), ("both", [40, 60])])
def test_conflict_shows_both_versions_and_keeps_what_is_chosen(
    ada: Person, bo: Person, server: Server, choice: str, kept: list[int]
) -> None:
    bo.context.set_offline(True)
    bo.sees("offline")
    bo.click(60, 60)
    ada.click(40, 40)
    assert near(ada.stored(PHOTO), (40, 40))
    assert bo.sees("offline").startswith("Not saved: offline")
    bo.context.set_offline(False)
    bo.sees("conflict")
    assert "Ada changed this photo while you did" in bo.page.inner_text("#conflict")
    assert near(stored(server.workspace, PHOTO), (40, 40)), "nothing is overwritten before the choice"
    bo.key("c", "Control+z")
    bo.click(200, 200)
    bo.page.wait_for_timeout(100)
    assert bo.photo == PHOTO and near(stored(server.workspace, PHOTO), (40, 40)), "the choice comes first"
    bo.page.click(f'[data-choice="{choice}"]')
    bo.sees("saved")
    assert near(bo.stored(PHOTO), *[(at, at) for at in kept])
    ada.page.wait_for_selector(f'#status:has-text("{len(kept)} dent")')
    ada.page.wait_for_timeout(2700)
    ada.click(300, 100)
    assert near(ada.stored(PHOTO), *[(at, at) for at in kept], (300, 100)), "the other page goes on from there"


def test_server_killed_and_started_again_loses_nothing_shown_as_saved(browser: Any, tmp_path: Path) -> None:
    with killable_server(make_project(tmp_path / "door", 3)) as server:
        ada = Person(browser, server, "Ada", PHOTO)
        ada.click(100, 80)
        assert near(ada.stored(PHOTO), (100, 80))
        server.kill()
        ada.click(200, 80)
        assert ada.sees("offline") == "Not saved: offline, 1 change kept here"
        ada.click(300, 80)
        assert near(stored(server.workspace, PHOTO), (100, 80))
        server.start()
        assert near(ada.stored(PHOTO), (100, 80), (200, 80), (300, 80))
        ada.context.close()
        assert ada.problems == []


def test_marks_made_off_line_outlive_the_tab(ada: Person, server: Server) -> None:
    ada.context.set_offline(True)
    ada.sees("offline")
    ada.click(100, 80)
    ada.click(200, 80)
    ada.key("Enter")
    ada.arrives("part-001.jpg")
    ada.key("c")
    assert "3 changes kept here" in ada.sees("offline")
    ada.page.close()
    with Store(server.workspace.labels) as store:
        assert store.latest() == {}
    ada.context.set_offline(False)
    ada.visit(PHOTO)
    assert near(ada.stored(PHOTO), (100, 80), (200, 80))
    assert ada.stored("part-001.jpg").status == "clean"
    assert ada.page.inner_text("#status") == "2 dents"


def test_two_people_are_given_different_photos_unless_they_ask_for_the_same(ada: Person, bo: Person) -> None:
    ada.key("Enter")
    bo.key("Enter")
    ada.page.wait_for_selector(f'body:not([data-painted="{PHOTO}"]):not([data-painted=""])')
    bo.page.wait_for_selector(f'body:not([data-painted="{PHOTO}"]):not([data-painted=""])')
    assert ada.photo != bo.photo
    bo.key("/")
    bo.page.fill("#jump", ada.photo)
    bo.key("Enter")
    bo.arrives(ada.photo)
    bo.page.wait_for_selector('#company:has-text("Ada also here")')


def test_a_page_that_closes_gives_its_photos_back_at_once(ada: Person, bo: Person) -> None:
    bo.page.wait_for_selector('#company:has-text("Ada also here")')
    ada.page.goto("about:blank")
    bo.key("d")
    bo.page.wait_for_selector("#company:empty", state="attached")
    bo.key("a")
    bo.arrives(PHOTO)
    bo.page.wait_for_timeout(500)
    assert bo.page.inner_text("#company") == ""


def test_strip_filters_and_jump(ada: Person) -> None:
    ada.key("c")
    ada.arrives("part-001.jpg")
    ada.click(100, 80)
    ada.page.click('[data-filter="clean"]')
    assert ada.page.inner_text('[data-filter="clean"] small') == "1"
    cells = ada.page.locator(".thumb")
    assert cells.count() == 2, "the clean one, and the open one keeps its place"
    ada.page.click(f'.thumb[data-id="{PHOTO}"]')
    ada.arrives(PHOTO)
    ada.page.click('[data-filter="all"]')
    ada.key("/")
    ada.page.fill("#jump", "5")
    ada.key("Enter")
    ada.arrives("part-004.jpg")
    ada.key("Home")
    ada.arrives(PHOTO)
    ada.key("End")
    ada.arrives("part-007.jpg")
    ada.key("?")
    assert "no dents here, and go on" in ada.page.inner_text("#help-dialog")


def test_what_the_champion_finds_is_offered_and_only_what_is_accepted_is_stored(browser: Any, tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 2)
    tiny_model.write(workspace.bundle("20260102-030405-tiny"), gain=0.6, bias=-4)
    promote(workspace, "20260102-030405-tiny")
    with serving_project(workspace, champion(workspace)) as server:
        person = Person(browser, server, "Ada", PHOTO)
        person.page.wait_for_selector("#accept:visible")
        n_ghosts = int(person.page.inner_text("#accept"))
        assert n_ghosts == 3, "one for each spot"
        with Store(workspace.labels) as store:
            assert store.latest() == {}
        (x, y), *_ = spots(1)
        person.page.mouse.move(*person.at(x + 15, y))
        person.key("g")
        person.page.wait_for_selector('#status[data-status="marked"]')
        assert near(person.stored(PHOTO), (x, y), within_px=8)
        person.key("Shift+G")
        person.page.wait_for_selector('#status:has-text("3 dents")')
        assert sorted((round(c.x, -1), round(c.y, -1)) for c in person.stored(PHOTO).centers) != []
        assert len(person.stored(PHOTO).centers) == 3
        person.page.wait_for_selector("#accept", state="hidden")
        person.context.close()
        assert person.problems == []


def test_the_queue_gives_the_likeliest_photo_first_and_doubted_labels_to_look_at_again(
    browser: Any, tmp_path: Path
) -> None:
    workspace = make_project(tmp_path / "door", 4)
    size = {"width": 400, "height": 300}
    for number in (0, 1, 3):
        cv2.imwrite(str(workspace.photos / f"part-00{number}.jpg"), np.full((300, 400), 130 + number, np.uint8))
    tiny_model.write(workspace.bundle("20260102-030405-tiny"), gain=0.6, bias=-4)
    promote(workspace, "20260102-030405-tiny")
    with Store(workspace.labels) as store:
        marked = Annotation("part-003.jpg", **size, centers=(Center(50, 60),), status="marked", annotator="Bo", **NEW)
        store.save(marked, 0)
    model = champion(workspace)
    assert model is not None
    gallery = Gallery(workspace)
    for photo_id in gallery.ids():
        Scout(model, gallery, workspace.cache / "looks").look(gallery.photo(photo_id))
    with serving_project(workspace, model) as server:
        first = Person(browser, server, "Ada", PHOTO)
        first.page.wait_for_selector("#doubted li")
        assert "no dent? part-003.jpg" in first.page.inner_text("#doubted")
        first.page.wait_for_timeout(2700)
        first.key("Enter")
        first.arrives("part-002.jpg")
        first.page.wait_for_selector('#why:has-text("likely a dent")')
        first.page.click("#doubted button")
        first.arrives("part-003.jpg")
        first.context.close()
        assert first.problems == []


def test_guesses_made_before_any_label_are_offered(browser: Any, tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 2)
    found = {"part-001.jpg": Proposals("day-0", (Center(200, 150),), (0.4,)), PHOTO: Proposals("day-0", (), ())}
    guesses.write(workspace.proposals, found)
    with serving_project(workspace, helper(workspace)) as server:
        person = Person(browser, server, "Ada", "part-001.jpg")
        person.page.wait_for_selector('#accept:has-text("1"):visible')
        person.key("Shift+G")
        assert near(person.stored("part-001.jpg"), (200, 150))
        person.context.close()


def test_second_look_is_blind_and_a_disagreement_is_settled(ada: Person, browser: Any, server: Server) -> None:
    ada.click(100, 80)
    ada.click(200, 80)
    ada.key("Enter")
    ada.arrives("part-001.jpg")
    ada.key("c")
    ada.arrives("part-002.jpg")
    ada.sees("saved")

    bo = Person(browser, server, "Bo")
    bo.page.click("#second-look")
    bo.arrives(PHOTO)
    assert bo.page.inner_text("#status") == "Not reviewed", "no mark of Ada's is shown"
    assert "Second look" in bo.page.inner_text("#reading")
    bo.click(103, 80)
    bo.click(300, 200)
    bo.key("Enter")
    bo.arrives("part-001.jpg")
    bo.key("c")
    bo.sees("saved")
    assert near(bo.stored(PHOTO), (100, 80), (200, 80)), "the first reading stays"
    assert near(bo.stored(PHOTO, "Bo"), (103, 80), (300, 200))
    bo.context.close()

    ada.page.click("#settle")
    ada.arrives(PHOTO)
    ada.page.wait_for_selector("#conflict:visible")
    assert "Bo read this photo without seeing Ada's marks" in ada.page.inner_text("#conflict")
    assert "Dented or clean: 100 % (34 to 100) alike, 2 photos" in ada.page.inner_text("#figures")
    assert "Centres: 50 % (15 to 85) paired, 4 centres" in ada.page.inner_text("#figures")
    ada.key("3")
    ada.page.wait_for_selector("#conflict", state="hidden")
    assert near(ada.stored(PHOTO), (100, 80), (200, 80), (300, 200))
    assert ada.page.inner_text('[data-filter="disagreed"] small') == "0"
    ada.page.wait_for_selector("#settle", state="hidden")


def test_an_earlier_version_is_brought_back_as_a_new_one(ada: Person, server: Server) -> None:
    ada.click(100, 80)
    ada.click(200, 80)
    ada.key("Delete", "Tab", "Delete")
    ada.sees("saved")
    ada.page.click('#past li:has-text("2 dents") button')
    ada.page.wait_for_selector('#status:has-text("2 dents")')
    assert near(ada.stored(PHOTO), (100, 80), (200, 80))
    with Store(server.workspace.labels) as store:
        assert [len(past.centers) for past in store.history(PHOTO)] == [1, 2, 1, 0, 2]


def test_screen_of_high_density_is_drawn_in_its_own_pixels(browser: Any, server: Server) -> None:
    person = Person(browser, server, "Ada", PHOTO, device_scale_factor=2)
    box = person.page.locator("#photo").bounding_box()
    width = person.page.locator("#photo").evaluate("canvas => canvas.width")
    assert width == pytest.approx(box["width"] * 2, abs=1)
    person.click(100, 80)
    assert near(person.stored(PHOTO), (100, 80))
    person.context.close()


def test_fingers_mark_move_aim_and_pinch(browser: Any, server: Server) -> None:
    screen = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
    person = Person(browser, server, "Ada", PHOTO, **screen)
    fingers = person.context.new_cdp_session(person.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches})

    person.page.touchscreen.tap(*person.at(100, 80))
    assert near(person.stored(PHOTO), (100, 80), within_px=1.2)

    touch("Start", person.at(100, 80))
    for step in range(1, 6):
        touch("Move", person.at(100 + 10 * step, 80 + 10 * step))
    touch("End")
    person.page.wait_for_timeout(60)
    assert near(person.stored(PHOTO), (150, 130), within_px=2)

    touch("Start", person.at(300, 200))
    person.page.wait_for_timeout(450)
    touch("Move", person.at(310, 210))
    touch("End")
    person.page.wait_for_timeout(60)
    assert near(person.stored(PHOTO), (150, 130), (310, 210), within_px=2), "a resting finger aims, lifting marks"

    before = float(person.page.get_attribute("body", "data-camera").split()[0])
    (x, y) = person.at(200, 150)
    touch("Start", (x - 30, y), (x + 30, y))
    for step in range(1, 7):
        touch("Move", (x - 30 - 10 * step, y), (x + 30 + 10 * step, y))
    touch("End")
    person.page.wait_for_timeout(100)
    assert float(person.page.get_attribute("body", "data-camera").split()[0]) == pytest.approx(before * 3, rel=0.1)
    assert person.at(200, 150) == pytest.approx((x, y), abs=3), "the point between the fingers stays"
    assert len(person.stored(PHOTO).centers) == 2, "a pinch marks nothing"

    person.context.set_offline(True)
    person.key("Control+z")
    person.page.wait_for_selector('#save:has-text("Not saved: offline")')
    for part in ("#bar", "#save", "#tools", "#marks"):
        box = person.page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, f"{part} does not fit the phone"
    person.context.close()
    assert person.problems == []


def test_name_of_a_photo_is_only_text(browser: Any, tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 1)
    nasty = "<img src=x onerror=alert(1)>&amp; #1 %41?.jpg"
    (workspace.photos / PHOTO).rename(workspace.photos / nasty)
    with serving_project(workspace) as server:
        person = Person(browser, server, "<b>Ada</b>")
        assert person.page.inner_text("#title") == nasty and person.photo == nasty
        person.click(100, 80)
        assert near(person.stored(nasty), (100, 80)) and person.stored(nasty).annotator == "<b>Ada</b>"
        person.context.close()
        assert person.problems == []


def test_refused_save_says_why_and_can_be_sent_again(ada: Person, server: Server) -> None:
    photo = server.workspace.photos / PHOTO
    away = photo.with_name("away.bin")
    photo.rename(away)
    ada.click(100, 80)
    assert PHOTO in ada.sees("refused")
    away.rename(photo)
    ada.page.click('[data-choice="again"]')
    assert near(ada.stored(PHOTO), (100, 80))


def test_photo_that_cannot_be_decoded_is_named_and_passed(ada: Person, server: Server) -> None:
    data = (server.workspace.photos / "part-001.jpg").read_bytes()
    (server.workspace.photos / "part-001.jpg").write_bytes(data[: len(data) // 2])
    ada.page.reload()
    ada.arrives(PHOTO)
    ada.key("d")
    ada.page.wait_for_selector("#empty:visible")
    assert "cannot be shown" in ada.page.inner_text("#empty") and "part-001.jpg" in ada.page.inner_text("#empty")
    ada.key("d")
    ada.arrives("part-002.jpg")
    assert not ada.page.is_visible("#empty")


def test_empty_project_says_what_to_do(browser: Any, tmp_path: Path) -> None:
    with serving_project(make_project(tmp_path / "door", 0)) as server:
        page = browser.new_page()
        page.goto(server.address)
        page.fill("#name", "Ada")
        page.keyboard.press("Enter")
        page.wait_for_selector("#empty:visible")
        assert "put JPEG or PNG files into the folder photos" in page.inner_text("#empty")
        page.close()


def test_workspace_is_only_read_and_its_labels_written(ada: Person, server: Server) -> None:
    ada.click(100, 80)
    ada.sees("saved")
    assert {path.name for path in server.workspace.root.iterdir()} <= _expected(server.workspace)


def _expected(workspace: Workspace) -> set[str]:
    return {"photos", "recipe.toml", ".cache", *(f"labels.db{end}" for end in ("", "-wal", "-shm"))}
