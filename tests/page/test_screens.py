"""Screens of high density, and fingers."""

from typing import Any

import pytest

from tests.labeling_person import Person, Server
from tests.page.hands import PHOTO, near


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
    assert near(person.stored(PHOTO), (150, 130), within_px=2)

    touch("Start", person.at(300, 200))
    person.page.wait_for_timeout(450)
    touch("Move", person.at(310, 210))
    touch("End")
    assert near(person.stored(PHOTO), (150, 130), (310, 210), within_px=2), "a resting finger aims, lifting marks"

    before = float(person.page.get_attribute("body", "data-camera").split()[0])
    (x, y) = person.at(200, 150)
    touch("Start", (x - 30, y), (x + 30, y))
    for step in range(1, 7):
        touch("Move", (x - 30 - 10 * step, y), (x + 30 + 10 * step, y))
    touch("End")
    person.painted()
    assert float(person.page.get_attribute("body", "data-camera").split()[0]) == pytest.approx(before * 3, rel=0.1)
    assert person.at(200, 150) == pytest.approx((x, y), abs=3), "the point between the fingers stays"
    assert len(person.stored(PHOTO).centers) == 2, "a pinch marks nothing"

    person.page.tap("#tones-button")
    person.page.locator("#brightness").fill("1")
    person.painted()
    assert "brightness(2)" in person.page.locator("#photo").evaluate("canvas => canvas.style.filter")
    person.page.tap("#tones-button")
    assert not person.page.is_visible("#brightness")
    person.context.set_offline(True)
    person.key("Control+z")
    person.page.wait_for_selector('#save:has-text("Not saved: offline")')
    for part in ("#bar", "#save", "#tools", "#marks"):
        box = person.page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, f"{part} does not fit the phone"
    person.context.close()
    assert person.problems == []
