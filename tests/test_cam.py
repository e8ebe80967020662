"""Grad-CAM as a fixed mixture: what the exported graph gives is what gradients give."""

import re
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from deployment import cam as grad_cam
from deployment import explain
from deployment.answer import Defects
from deployment.engine import OnnxEngine
from deployment.scorer import Prediction
from tests import tiny_model
from training import cam, export
from training.models import backbones, nails, scratch, vgg16
from training.models.weights import resolve


def vgg(layers: tuple[str, ...] = ("block2", "block3")) -> keras.Model:
    network = vgg16.features(resolve("random").arrays, layers)
    rng = np.random.default_rng(1)
    return vgg16.with_head(network, rng.normal(0, 1e-3, network.output_shape[-1]), 0.1)


MODELS = {
    "scratch": scratch.build,
    "vgg16": vgg,
    "tiny_vgg": lambda: backbones.model("tiny_vgg", (96, 128, 1)),
    "both pools": lambda: backbones.model("tiny_vgg", (96, 128, 3), pool="both"),
    "nails": lambda: nails.build(112, 112, 1),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_the_exported_map_is_grad_cam(name: str) -> None:
    keras.utils.set_random_seed(0)
    model = MODELS[name]()
    if name in ("tiny_vgg", "both pools"):  # an untrained answer may be moved by nothing upwards
        kernel, bias = model.get_layer("p").get_weights()
        model.get_layer("p").set_weights([np.abs(kernel), bias])
    engine = OnnxEngine(export.onnx(model))
    assert engine.has_cam
    shape = [side or FIELD_PX for side in model.input_shape[1:3]]
    picture = np.random.default_rng(5).integers(0, 256, (1, *shape, model.input_shape[3]), np.uint8)
    layer = cam.last_map(model)
    assert layer is not None
    weights = cam.gradients(model, layer, picture).mean(axis=(0, 1, 2))
    seen = np.asarray(keras.Model(model.input, layer.output)(picture))
    expected = np.maximum((seen * weights).sum(axis=-1), 0)[0]
    got = engine.cam(picture)[0]
    assert expected.max() > 0
    np.testing.assert_allclose(got / got.max(), expected / expected.max(), atol=2e-4)
    np.testing.assert_allclose(engine.run(picture).reshape(-1), np.asarray(model(picture)).reshape(-1), atol=5e-6)


def test_a_dent_is_red_where_it_lies() -> None:
    tests_photo = tiny_model.surface(300, 400, [(203.0, 181.0)])
    prediction = Prediction(
        0.9, 0.5, Defects(np.array([[203.0, 181.0]], np.float32), np.array([0.9], np.float32)), lambda: np.zeros((1, 1))
    )

    class Seen:
        """Answers with how dark each 8 px cell of the patch is."""

        has_cam = True
        bundle = SimpleNamespace(contract=SimpleNamespace(task="patch"), folder="bundle")

        def cam(self, fields: np.ndarray) -> np.ndarray:
            middle = 255.0 - fields[:, 24:88, 24:88].mean(axis=-1)
            cells = middle.reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4))
            return np.maximum(cells - np.median(cells), 0).astype(np.float32)

    found = grad_cam.cam(Seen(), tests_photo, prediction)
    assert found.corners_xy.tolist() == [[171, 149], [235, 149], [235, 213], [171, 213]]
    assert found.strength.max() == 1 and found.strength[3:5, 3:5].min() > 0.5
    picture = grad_cam.drawn(tests_photo, found).astype(int)
    redness = picture[..., 0] - picture[..., 2]
    assert redness[181, 203] > 60 and abs(redness[60, 60]) < 5
    Seen.has_cam = False
    with pytest.raises(DentlineError, match="no Grad-CAM"):
        grad_cam.cam(Seen(), tests_photo, prediction)


WHOLE = [name for name in backbones.BACKBONES if not re.fullmatch("efficientnet_b[2-7]", name)]


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_every_network_of_the_table_is_exported_with_its_map(name: str) -> None:
    side = 96 if backbones.BACKBONES[name].side_px < 299 else 128
    model = backbones.model(name, (side, side, 3), "random")
    engine = OnnxEngine(export.onnx(model))
    assert engine.has_cam
    picture = np.random.default_rng(5).integers(0, 256, (1, side, side, 3), np.uint8)
    rows, columns = engine.cam(picture).shape[1:]
    assert 2 <= rows == columns < side
    np.testing.assert_allclose(engine.run(picture).reshape(-1), np.asarray(model(picture)).reshape(-1), atol=1e-5)


class Bright:
    """Answers with how bright the photo is in a square, or with four corners that lie there."""

    def __init__(self, task: str) -> None:
        self.bundle = SimpleNamespace(contract=SimpleNamespace(task=task), folder="bundle")

    def predict(self, photo: np.ndarray) -> Prediction:
        seen = float(photo[40:60, 70:90].mean()) / 255
        corners = Defects(np.full((4, 2), 100 * seen, np.float32), np.ones(4, np.float32))
        return Prediction(seen, 0.5, corners, lambda: np.zeros((1, 1)))


@pytest.mark.parametrize("task", ["image", "corners"])
def test_hiding_what_the_answer_rests_on_moves_it(task: str) -> None:
    photo = np.zeros((100, 140, 3), np.uint8)
    photo[40:60, 70:90] = 255
    scorer: Any = Bright(task)
    found = explain.explain(scorer, photo, 7)
    assert found.strongest in ((2, 3), (2, 4)) and found.drop.max() > 0.2 and found.drop[0, 0] == 0
    on, off = np.zeros((2, 100, 140), np.float32)
    on[42:58, 72:88], off[10:20, 10:20] = 1, 1
    rng = np.random.default_rng(0)
    right, wrong = explain.worth(scorer, photo, on, rng), explain.worth(scorer, photo, off, rng)
    assert right.drop > 0.2 > wrong.drop and right.elsewhere < 0.2 and right.n == 8
    assert right.share == pytest.approx(16 * 16 / photo[..., 0].size)
    with pytest.raises(DentlineError, match="map is empty"):
        explain.worth(scorer, photo, 0 * on, rng)
    everywhere = explain.worth(scorer, photo, np.ones_like(on), rng)
    assert (everywhere.share, everywhere.elsewhere, everywhere.n) == (1, 0, 0)


def test_a_map_that_is_not_the_patchs_is_not_exported() -> None:
    assert not OnnxEngine(export.onnx(vgg(("block1",)))).has_cam
