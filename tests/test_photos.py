"""Whole photos of a project through a model that stands in for a trained one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dentline import images
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import proposals
from training import photos
from training.cost import Costs


class Darkness:
    """Says how dark the middle of a field is against its surroundings."""

    def __call__(self, fields: Any) -> np.ndarray:
        grey = np.asarray(fields, float).mean(axis=-1)
        contrast = grey.mean(axis=(1, 2)) - grey[:, 52:60, 52:60].mean(axis=(1, 2))
        return (1 / (1 + np.exp(-(contrast - 25) / 5))).reshape(-1, 1, 1).astype(np.float32)

    def run(self, fields: np.ndarray) -> np.ndarray:
        return self(fields)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.photos.mkdir()
    yy, xx = np.mgrid[:200, :240] + 0.5
    for name, pits in (("dent.png", [(80, 90)]), ("clean.png", []), ("false.png", [(150, 60)])):
        photo = np.random.default_rng(0).normal(130, 2, (200, 240))
        for x, y in pits:
            photo -= 80 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 50)
        pixels = np.repeat(np.clip(photo, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        (made.photos / name).write_bytes(images.encode_png(pixels))
    return made


MARKED = [
    photos.Marked("dent.png", "a", np.array([[80.0, 90.0]])),
    photos.Marked("clean.png", "b", np.empty((0, 2))),
    photos.Marked("false.png", "c", np.empty((0, 2))),
]


def test_what_is_wrongly_called_a_dent_becomes_a_negative(workspace: Workspace) -> None:
    found = photos.false_alarms(Darkness(), workspace, MARKED, 10, 0.5, lambda *_: None)
    assert found is not None and found.label.tolist() == [0] and found.group.tolist() == ["c"]
    assert found.contexts[0, 80, 80].max() < 80 < found.contexts[0, 0, 0].min()
    assert photos.false_alarms(Darkness(), workspace, MARKED[:2], 10, 0.5, lambda *_: None) is None


def test_places_are_found_and_told(workspace: Workspace) -> None:
    found = photos.find(Darkness(), workspace, MARKED, 10, lambda *_: None)
    told = photos.told(found, 0.5, np.random.default_rng(0))
    assert told["photos"] == {"tp": 1, "fp": 1, "fn": 0, "tn": 1}
    assert told["average_precision"]["n"] == 1 and told["froc"]["y"][-1] == 1
    priced = photos.priced(found, Costs(200, 5, 1000, 0.02), np.random.default_rng(0))
    assert priced["n_defective"] == 1 and "1 missed" not in priced["warning"] and priced["warning"]
    with pytest.raises(DentlineError, match=r"gone\.png"):
        photos.find(Darkness(), workspace, [photos.Marked("gone.png", "d", np.empty((0, 2)))], 10, lambda *_: None)


def test_serving_finds_what_training_did(workspace: Workspace) -> None:
    served = proposals.places(Darkness(), images.read(workspace.photos / "dent.png"), 10)
    trained = photos.find(Darkness(), workspace, MARKED[:1], 10, lambda *_: None)
    assert served.p == pytest.approx(trained.p)
    assert np.hypot(*(served.xy[0] - (80, 90))) < 3
