"""Marking, choosing, moving, taking back: what the hands do, compared with what labels.db holds."""

import pytest

from dentline.workspace import Workspace
from labeling.annotation import Center
from labeling.store import Store
from tests.labeling_person import Person, Server
from tests.page.hands import PHOTO, near, spots


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
    ada.painted()
    assert ada.at(*aim) == pytest.approx((x, y), abs=0.1), "the wheel zooms at the pointer"
    ada.page.mouse.click(x, y)
    assert near(ada.stored(PHOTO), (100, 80), (300, 200))

    ada.key("f")
    ada.painted()
    ada.drag((300, 200), (250, 150))
    assert near(ada.stored(PHOTO), (100, 80), (250, 150))
    ada.click(100, 80, button="right")
    assert near(ada.stored(PHOTO), (250, 150))

    for points in ([(100, 80), (250, 150)], [(100, 80), (300, 200)], [(100, 80)], []):
        ada.key("Control+z")
        assert near(ada.stored(PHOTO), *points)
    assert ada.stored(PHOTO).status == "new"
    for _ in range(4):
        ada.key("Control+Shift+z")
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
    ada.painted()
    assert ada.stored(PHOTO).centers[0] == Center(pytest.approx(first.x + 2), pytest.approx(first.y + 1))
    ada.key("Delete")
    assert near(ada.stored(PHOTO), (200, 80))


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


def test_workspace_is_only_read_and_its_labels_written(ada: Person, server: Server) -> None:
    ada.click(100, 80)
    ada.sees("saved")
    assert {path.name for path in server.workspace.root.iterdir()} <= _expected(server.workspace)


def _expected(workspace: Workspace) -> set[str]:
    return {"photos", "recipe.toml", ".cache", *(f"labels.db{end}" for end in ("", "-wal", "-shm"))}


def test_undo_and_redo_go_on_after_a_reload_and_in_a_new_tab(ada: Person) -> None:
    ada.click(100, 80)
    ada.click(300, 200)
    ada.drag((300, 200), (250, 150))
    ada.key("Enter")
    ada.arrives("part-001.jpg")
    ada.key("c")
    ada.arrives("part-002.jpg")
    ada.sees("saved")
    ada.page.reload()
    ada.arrives("part-002.jpg")
    ada.key("Control+z")
    ada.arrives("part-001.jpg")
    assert ada.stored("part-001.jpg").status == "new"
    ada.key("Control+z")
    ada.arrives(PHOTO)
    assert near(ada.stored(PHOTO), (100, 80), (300, 200))
    ada.page.close()
    ada.visit("part-003.jpg")
    ada.key("Control+z")
    ada.arrives(PHOTO)
    assert near(ada.stored(PHOTO), (100, 80))
    ada.page.reload()
    ada.arrives(PHOTO)
    for points in ([(100, 80), (300, 200)], [(100, 80), (250, 150)]):
        ada.key("Control+Shift+z")
        assert near(ada.stored(PHOTO), *points)
    ada.key("Control+Shift+z")
    ada.arrives("part-001.jpg")
    assert ada.stored("part-001.jpg").status == "clean"


def test_a_browser_whose_store_is_full_still_keeps_what_was_not_sent(ada: Person) -> None:
    ada.click(100, 80)
    ada.click(200, 80)
    ada.sees("saved")
    fill = """(n) => {
        const more = () => localStorage.setItem(`x${localStorage.length}`, "x".repeat(n));
        for (; n >= 1; n /= 2) try { for (;;) more() } catch {}
    }"""
    ada.page.evaluate(fill, 1 << 20)
    ada.context.set_offline(True)
    ada.sees("offline")
    ada.click(300, 80)
    assert "only in this tab" in ada.sees("offline") or "kept here" in ada.sees("offline")
    ada.context.set_offline(False)
    assert near(ada.stored(PHOTO), (100, 80), (200, 80), (300, 80))
    ada.key("Control+z")
    assert near(ada.stored(PHOTO), (100, 80), (200, 80)), "what the tab remembers can still be undone"
