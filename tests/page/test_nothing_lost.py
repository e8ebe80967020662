"""Server killed, network cut, tab closed, save refused: nothing shown as saved is lost."""

from pathlib import Path
from typing import Any

from labeling.store import Store
from tests.labeling_person import Person, Server, killable_server, stored
from tests.labeling_project import make_project
from tests.page.hands import PHOTO, near


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


def test_refused_save_says_why_and_can_be_sent_again(ada: Person, server: Server) -> None:
    photo = server.workspace.photos / PHOTO
    away = photo.with_name("away.bin")
    photo.rename(away)
    ada.click(100, 80)
    assert PHOTO in ada.sees("refused")
    away.rename(photo)
    ada.page.click('[data-choice="again"]')
    assert near(ada.stored(PHOTO), (100, 80))
