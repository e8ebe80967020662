"""The scout: looks at photos in the background, and stops when it is told."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labeling.annotation import Center
from labeling.desk import Desk
from labeling.gallery import Gallery
from labeling.proposals import Proposals
from labeling.scout import Model, Scout
from tests.labeling_project import make_project


def test_it_stops_after_the_photo_in_hand_and_the_desk_stops_it(tmp_path: Path) -> None:
    looked: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def find(photo_id: str, photo: NDArray[np.uint8]) -> Proposals:
        looked.append(photo_id)
        begun.set()
        assert go_on.wait(10)
        return Proposals("m", (Center(1, 1),), (0.5,))

    desk = Desk.of(make_project(tmp_path / "door", 4), Model("m", 0.5, find))
    assert begun.wait(10)
    threading.Timer(0.2, go_on.set).start()
    desk.close()
    assert looked == ["part-000.jpg"]
    assert not [thread for thread in threading.enumerate() if thread.name == "scout"]


def test_what_it_saw_is_kept_for_the_next_start_and_seen_anew_by_another_model(tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 1)
    gallery = Gallery(workspace)
    photo = gallery.photo("part-000.jpg")
    asked: list[str] = []

    def model(name: str) -> Model:
        def find(_: str, photo: NDArray[np.uint8]) -> Proposals:
            asked.append(name)
            return Proposals(name, (Center(10, 20),), (0.75,))

        return Model(name, 0.5, find)

    for name in ("a", "a", "b"):
        look = Scout(model(name), gallery, tmp_path / "looks").look(photo)
        assert look.xy.tolist() == [[10, 20]] and look.p.tolist() == [0.75]
    assert asked == ["a", "b"]
