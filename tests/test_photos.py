"""Whole photos of a project through a model that stands in for a trained one."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dentline import images
from dentline.errors import DentlineError
from dentline.recipe import Recipe, Scan
from dentline.workspace import Workspace
from deployment import places
from training import metrics, photo_stage, photos
from training.decision import decide, trusted


class Darkness:
    """Says how dark the middle of a field is against its surroundings."""

    def __call__(self, fields: Any) -> np.ndarray:
        grey = np.asarray(fields, float).mean(axis=-1)
        if grey.shape[1:] != (112, 112):
            return self.scan(grey[0])
        contrast = grey.mean(axis=(1, 2)) - grey[:, 52:60, 52:60].mean(axis=(1, 2))
        return (1 / (1 + np.exp(-(contrast - 25) / 5))).reshape(-1, 1, 1).astype(np.float32)

    def scan(self, grey: np.ndarray) -> np.ndarray:
        rows, columns = ((side - 112) // 8 + 1 for side in grey.shape)
        cut = [grey[8 * i : 8 * i + 112, 8 * j : 8 * j + 112] for i in range(rows) for j in range(columns)]
        return self(np.stack(cut)[..., None]).reshape(1, rows, columns)

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


def quiet(*_: Any) -> None:
    """Show no progress."""


def test_what_is_wrongly_called_a_dent_in_the_scan_becomes_a_negative(workspace: Workspace) -> None:
    found = photos.false_alarms(Darkness(), workspace, MARKED, 10, 0.5, quiet)
    assert found is not None and found.label.tolist() == [0] and found.group.tolist() == ["c"]
    assert found.contexts[0, 76:84, 76:84].min() < 80 < found.contexts[0, 0, 0].min()
    assert photos.false_alarms(Darkness(), workspace, MARKED[:2], 10, 0.5, quiet) is None


def test_every_blob_that_is_no_dent_is_a_negative(workspace: Workspace) -> None:
    found = photos.blobs(workspace, MARKED, 10, quiet)
    assert found is not None and not found.label.any() and set(found.group) == {"a", "b", "c"}
    near_dent = [c for c, name in zip(found.contexts, found.photo_id, strict=True) if name == "dent.png"]
    assert near_dent and min(int(context[72:88, 72:88].min()) for context in near_dent) > 100
    assert len(set(found.patch_id)) == len(found)


@pytest.mark.parametrize("source", ["blobs", "scan", "both"])
def test_places_are_found_and_told(workspace: Workspace, source: str) -> None:
    looked = photos.look(Darkness(), workspace, MARKED, source, 10, quiet)
    told = photos.told(looked, 0.2, np.random.default_rng(0))
    assert told["photos"] == told["parts"] == {"tp": 1, "fp": 1, "fn": 0, "tn": 1}
    assert told["average_precision"]["n"] == 1 and told["froc"]["y"][-1] == 1
    assert told["each"][0]["photo_id"] == "dent.png" and told["each"][0]["centers"] == [[80, 90]]
    x, y, p = told["each"][0]["found"][0]
    assert np.hypot(x - 80, y - 90) < 8 and p > 0.2
    with pytest.raises(DentlineError, match=r"gone\.png"):
        photos.look(Darkness(), workspace, [photos.Marked("gone.png", "d", np.empty((0, 2)))], source, 10, quiet)


class Blind(Darkness):
    """Sees nothing where single fields are given, so that only its scan finds anything."""

    def run(self, fields: np.ndarray) -> np.ndarray:
        return self(fields)

    def __call__(self, fields: Any) -> np.ndarray:
        seen = super().__call__(fields)
        return seen if np.shape(fields)[-1] == 1 or seen.shape[1] > 1 else np.zeros_like(seen)


def test_auto_takes_the_source_with_the_best_places(workspace: Workspace) -> None:
    assert photos.choose(Darkness(), workspace, MARKED[:2], "auto", 10, quiet)[0] == "blobs"
    name, looked = photos.choose(Blind(), workspace, MARKED[:2], "auto", 10, quiet)
    assert name == "scan" and len(looked.found) == 2


def test_serving_finds_what_training_did(workspace: Workspace) -> None:
    served = places.of_blobs(Darkness(), images.read(workspace.photos / "dent.png"), 10)
    trained = photos.look(Darkness(), workspace, MARKED[:1], "blobs", 10, quiet)
    assert served.p == pytest.approx(trained.found[0].p)
    assert np.hypot(*(served.xy[0] - (80, 90))) < 3


def test_the_threshold_is_that_of_parts_on_calibrated_probabilities(workspace: Workspace) -> None:
    looked = photos.look(Darkness(), workspace, MARKED, "blobs", 10, quiet)
    decision = decide(looked, Recipe(), np.random.default_rng(0))
    assert decision.told["n_defective"] == 1 and decision.told["n_good"] == 2 and decision.told["warning"]
    same_part = [replace(photo, group="one") for photo in MARKED]
    together = decide(photos.Looked(same_part, looked.found), Recipe(), np.random.default_rng(0))
    assert (together.told["n_defective"], together.told["n_good"]) == (1, 0)
    alarms = decide(looked, replace(Recipe(), scan=Scan(threshold="alarms")), np.random.default_rng(0))
    assert alarms.threshold <= decision.calibration.p(looked.places.photo_p).max()
    told = trusted(looked, decision.calibration)
    assert sum(told["before"]["n"]) == sum(told["after"]["n"]) == 3


def test_a_model_not_named_for_photos_knows_patches_alone(workspace: Workspace) -> None:
    recipe = replace(Recipe(), scan=Scan(models=("scratch",), hard_negatives=2))
    assert photo_stage.of_model(recipe, "scratch") is recipe and photo_stage.rounds(recipe) == 2
    alone = photo_stage.of_model(recipe, "vgg16")
    assert photo_stage.rounds(alone) == 0
    nothing: Any = None  # no photo is asked for
    assert photo_stage.with_blobs(workspace, alone, nothing, nothing, quiet) is nothing
    assert photo_stage.judge(nothing, workspace, alone, nothing, quiet) == photo_stage.Seen({}, {})


@pytest.mark.parametrize("sure", [0.9, 0.2])
def test_near_misses_are_hard_negatives_too(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, sure: float) -> None:
    """What is called a dent at 0.9 only leaves few alarms; places from DOUBTFUL on are learnt as well."""
    asked: list[float] = []
    monkeypatch.setattr(photos, "false_alarms", lambda *given: asked.append(given[4]))
    monkeypatch.setattr(photo_stage, "predict", lambda *_: np.array([sure, 0.1]))
    judged = SimpleNamespace(label=np.array([1, 0], np.int8), fields=lambda: None)
    nothing: Any = SimpleNamespace(patches=())
    assert photo_stage.false_alarms(nothing, workspace, Recipe(), nothing, judged, quiet) is None
    called = metrics.best_threshold(judged.label, np.array([sure, 0.1]))
    assert (called > photo_stage.DOUBTFUL) == (sure == 0.9)
    assert asked == [min(called, photo_stage.DOUBTFUL)]
