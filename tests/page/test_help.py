"""Help from the model: ghosts, the queue, doubts, guesses of day 0."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from commands.label import champion, helper
from deployment.champion import promote
from labeling import guesses
from labeling.annotation import Annotation, Center
from labeling.gallery import Gallery
from labeling.proposals import Proposals
from labeling.scout import Scout
from labeling.store import Store
from tests import tiny_model
from tests.labeling_person import Person, serving_project
from tests.labeling_project import make_project
from tests.page.hands import PHOTO, near, spots

NEW: dict[str, Any] = {"revision": 0, "updated_at": datetime.now(UTC)}


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
        person.page.wait_for_selector('#accept:has-text("1 guessed"):visible')
        assert "guess" in str(person.page.get_attribute("#accept", "title"))
        person.page.wait_for_selector('#why:has-text("a guess: ")')
        person.key("Shift+G")
        assert near(person.stored("part-001.jpg"), (200, 150))
        person.context.close()
