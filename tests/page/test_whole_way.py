"""The whole way in one go: two people, a conflict, a server killed, a network cut; every version that is stored."""

from pathlib import Path
from typing import Any

from dentline.workspace import Workspace
from labeling.store import Store
from tests.labeling_person import Person, killable_server, stored
from tests.labeling_project import make_project
from tests.page.hands import PHOTO, near

A, B, C, D, E, F = (100, 80), (300, 200), (250, 150), (60, 240), (340, 60), (200, 40)


def test_two_people_mark_a_project_while_everything_breaks(browser: Any, tmp_path: Path) -> None:
    with killable_server(make_project(tmp_path / "door", 6)) as server:
        ada = Person(browser, server, "Ada", PHOTO)
        ada.click(*A)
        assert near(ada.stored(PHOTO), A)
        x, y = ada.at(*B)
        ada.page.mouse.move(x, y)
        for _ in range(3):
            ada.page.mouse.wheel(0, -200)
        ada.painted()
        ada.click(*B)
        ada.drag(B, C)
        assert near(ada.stored(PHOTO), A, C)
        ada.key("Control+z")
        assert near(ada.stored(PHOTO), A, B)
        ada.key("Control+Shift+z", "f")
        assert near(ada.stored(PHOTO), A, C)

        bo = Person(browser, server, "Bo", PHOTO)
        bo.page.wait_for_selector('#status:has-text("2 dents")')
        bo.context.set_offline(True)
        bo.sees("offline")
        bo.click(*D)
        ada.click(*E)
        assert near(ada.stored(PHOTO), A, C, E)
        bo.context.set_offline(False)
        bo.sees("conflict")
        assert near(stored(server.workspace, PHOTO), A, C, E), "nothing is overwritten before the choice"
        bo.page.click('[data-choice="both"]')
        assert near(bo.stored(PHOTO), A, C, E, D)

        bo.key("Enter")
        bo.page.wait_for_selector(f'body:not([data-painted="{PHOTO}"]):not([data-painted=""])')
        second = bo.photo
        bo.key("c")
        bo.page.wait_for_selector(f'body:not([data-painted="{second}"]):not([data-painted=""])')
        third = bo.photo
        assert bo.stored(second).status == "clean"

        ada.page.wait_for_selector('#status:has-text("4 dents")')
        server.kill()
        bo.click(*A)
        assert bo.sees("offline").startswith("Not saved: offline, 1 change kept here")
        ada.click(*F)
        ada.sees("offline")
        ada.page.close()
        server.start()
        assert near(bo.stored(third), A)
        ada.visit(PHOTO)
        assert near(ada.stored(PHOTO), A, C, E, D, F), "kept in the browser, sent by the next visit"

        ada.context.set_offline(True)
        ada.sees("offline")
        ada.click(*A, button="right")
        ada.key("Control+z", "Control+z")
        assert near(stored(server.workspace, PHOTO), A, C, E, D, F)
        ada.context.set_offline(False)
        assert near(ada.stored(PHOTO), A, C, E, D), "also what was done before the reload is taken back"
        for person in (ada, bo):
            person.context.close()
            assert person.problems == []
        versions = told(server.workspace, PHOTO)
        assert versions[:8] == [*[("Ada", n) for n in (1, 2, 2, 2, 2, 3)], ("Bo", 4), ("Ada", 5)]
        assert set(versions[8:]) == {("Ada", 4)}, "off line, one version or two stand for three changes"
        assert told(server.workspace, second) == [("Bo", 0)] and told(server.workspace, third) == [("Bo", 1)]


def told(workspace: Workspace, photo_id: str) -> list[tuple[str, int]]:
    """Who stored how many centres, version by version."""
    with Store(workspace.labels) as store:
        return [(past.annotator, len(past.centers)) for past in store.history(photo_id)]
