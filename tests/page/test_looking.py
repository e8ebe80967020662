"""Zoom, pan, tone, the strip, names and broken photos: finding and seeing, without marking."""

from pathlib import Path
from typing import Any

import pytest

from labeling.store import Store
from tests.labeling_person import Person, Server, serving_project
from tests.labeling_project import make_project
from tests.page.hands import PHOTO, near


def test_dragging_the_ground_or_with_space_pans_and_marks_nothing(ada: Person, server: Server) -> None:
    ada.key("2")
    ada.painted()
    before = ada.at(200, 150)
    ada.page.mouse.move(*before)
    ada.page.mouse.down()
    ada.page.mouse.move(before[0] + 90, before[1] + 40, steps=3)
    ada.page.mouse.up()
    ada.painted()
    assert ada.at(200, 150) == pytest.approx((before[0] + 90, before[1] + 40), abs=0.6)
    ada.page.keyboard.down(" ")
    ada.page.mouse.down()
    ada.page.mouse.move(before[0] + 190, before[1] + 40, steps=3)
    ada.page.mouse.up()
    ada.page.keyboard.up(" ")
    ada.painted()
    assert ada.at(200, 150)[0] == pytest.approx(before[0] + 190, abs=0.6)
    with Store(server.workspace.labels) as store:
        assert store.latest() == {}


def test_zoom_and_tone_stay_from_photo_to_photo_and_from_visit_to_visit(ada: Person) -> None:
    ada.key("2", "b", "]", "k")
    ada.painted()
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
