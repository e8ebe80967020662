"""Both networks answer for a patch alone as they do for it in a photo."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX, STRIDE_PX
from training.models import scratch, symmetric, vgg16, weights

PHOTO = np.random.default_rng(0).integers(0, 256, (1, 8 * 21 + 5, 8 * 16 + 3, 3), np.uint8)


def smoothed() -> np.ndarray:
    """Noise with structure at several scales, so that activations differ from place to place."""
    photo = PHOTO[0].astype(np.float32)
    layers = [cv2.GaussianBlur(photo, (0, 0), s) for s in (1, 3, 9)]
    mixed = sum((x - x.mean()) / x.std() for x in layers)
    return np.clip(128 + 40 * mixed, 0, 255).astype(np.uint8)[None]


def vgg16_model() -> Any:
    rng = np.random.default_rng(1)
    network = vgg16.features(weights.random().arrays)
    reached = np.asarray(network(smoothed()))
    kernel = rng.normal(size=network.output_shape[-1]) / np.maximum(reached.std(axis=(0, 1, 2)), 1e-3) / 40
    return vgg16.with_head(network, kernel, -float((reached @ kernel).mean()))


MODELS = {"scratch": scratch.build, "vgg16": vgg16_model}


@pytest.mark.parametrize("name", MODELS)
def test_scan_of_a_photo_is_the_score_of_each_patch(name: str) -> None:
    model, photo = MODELS[name](), smoothed()
    scan = np.asarray(model(photo))
    rows, columns = ((side - FIELD_PX) // STRIDE_PX + 1 for side in photo.shape[1:3])
    assert scan.shape == (1, rows, columns) and scan.dtype == np.float32
    assert scan.std() > 1e-3
    for i in range(0, rows, 3):
        fields = np.concatenate([photo[:, 8 * i : 8 * i + FIELD_PX, 8 * j : 8 * j + FIELD_PX] for j in range(columns)])
        alone = np.asarray(model(fields))
        assert alone.shape == (columns, 1, 1)
        assert np.abs(alone[:, 0, 0] - scan[0, i]).max() < 1e-4


def test_scratch_answers_alike_to_the_eight_symmetries_and_to_exposure() -> None:
    model = scratch.build()
    field = smoothed()[:, :FIELD_PX, :FIELD_PX]
    turned = np.concatenate([symmetric.orient(field[0], g)[None] for g in range(8)])
    answers = np.asarray(model(np.ascontiguousarray(turned)))[:, 0, 0]
    assert np.ptp(answers) < 1e-5
    assert model.count_params() < 150_000
    dark = field // 4
    twice_the_light = 2 * dark + 8
    p = [float(np.asarray(model(x))[0, 0, 0]) for x in (dark, twice_the_light, field)]
    assert abs(p[0] - p[1]) < 1e-5 < abs(p[0] - p[2])


def test_vgg16_of_this_graph_is_that_of_keras(tmp_path: Path) -> None:
    import keras

    reference = keras.applications.VGG16(include_top=False, weights=None, input_shape=(160, 160, 3))
    rng = np.random.default_rng(2)
    for layer in reference.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            spread = np.sqrt(2 / np.prod(kernel.shape[:3]))
            layer.set_weights([rng.normal(0, spread, kernel.shape), rng.normal(size=bias.shape)])
    path = tmp_path / "vgg16.h5"
    reference.save(path)
    photo = smoothed()[:, :160, :128]
    found = np.asarray(vgg16.features(weights.read(path).arrays, ("block3",), ("mean",))(photo))
    deep = keras.Model(reference.input, reference.get_layer("block3_pool").output)
    padded = np.zeros((1, 160, 160, 3), np.uint8)
    padded[:, :, :128] = photo
    cells = np.asarray(deep(keras.applications.vgg16.preprocess_input(padded.astype(np.float32))))
    assert found[0, 2, 1] == pytest.approx(cells[0, 5:13, 4:12].mean(axis=(0, 1)), rel=1e-3, abs=1e-2)


def test_weights_that_are_not_vgg16_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = dict(weights.random().arrays)
    cases: dict[str, dict[str, Any]] = {
        "is missing": {k: v for k, v in right.items() if k != "block2_conv1_bias"},
        "VGG16 has (3, 3, 3, 64)": {**right, "block1_conv1_kernel": np.zeros((3, 3, 1, 64))},
    }
    for words, arrays in cases.items():
        np.savez(tmp_path / "wrong.npz", **arrays)
        with pytest.raises(DentlineError, match=r"wrong\.npz") as caught:
            weights.resolve(str(tmp_path / "wrong.npz"))
        assert words in str(caught.value)
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04")
    for path, words in (("torn.npz", "cannot be read"), ("none.h5", "no such"), ("none.bin", "no weights file")):
        with pytest.raises(DentlineError, match=words):
            weights.read(tmp_path / path)
    np.savez(tmp_path / "right.npz", **right)
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "right.npz"))
    assert weights.resolve("auto").sha256 == weights.random().sha256
    assert weights.random(1).sha256 != weights.random().sha256


def test_weights_that_cannot_be_had_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(weights, "SURFACE", tmp_path / "none.npz")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(weights.socket, "create_connection", refused)
    for choice in ("imagenet", "auto", "surface"):
        with pytest.raises(weights.WeightsUnavailable, match="weights") as caught:
            weights.resolve(choice)
        assert "\n" not in str(caught.value)
