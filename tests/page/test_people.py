"""Several people at once: conflicts, different photos, second looks."""

from typing import Any

import pytest

from tests.labeling_person import Person, Server, stored
from tests.page.hands import PHOTO, near


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
    bo.painted()
    assert bo.photo == PHOTO and near(stored(server.workspace, PHOTO), (40, 40)), "the choice comes first"
    bo.page.click(f'[data-choice="{choice}"]')
    bo.sees("saved")
    assert near(bo.stored(PHOTO), *[(at, at) for at in kept])
    ada.page.wait_for_selector(f'#status:has-text("{len(kept)} dent")')
    ada.page.wait_for_timeout(2700)
    ada.click(300, 100)
    assert near(ada.stored(PHOTO), *[(at, at) for at in kept], (300, 100)), "the other page goes on from there"


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
