"""A frozen network's features of whole photos, computed once and kept, and the linear head on them."""

import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from dentline.files import replacing
from training import linear
from training.pictures import Pictures

CHUNK = 16

STRENGTHS = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""Inverse regularisation tried, on features of unit variance."""


def fit_head(model: keras.Model, train: Pictures, rng: np.random.Generator, kept: Path | None) -> NDArray[np.float64]:
    """Fit a linear head on the frozen features, its penalty chosen over groups left out, and put it into the model.

    Returns (n,), each photo's p by a head that never saw its group; NaN where there is none.

    Args:
        model: its layer ``features`` is followed by its layer ``p``.
        kept: folder of features of former trainings, or None to keep nothing.
    """
    found = features(model, train.inputs, kept)
    fitted = linear.crossfit(found, (train.target[:, 0] > 0.5).astype(np.int8), train.group, rng, strengths=STRENGTHS)
    head = fitted.head
    model.get_layer("p").set_weights([head.kernel[:, None].astype(np.float32), np.array([head.bias], np.float32)])
    return fitted.p


def features(model: keras.Model, inputs: NDArray[Any], kept: Path | None) -> NDArray[np.float32]:
    """Return (n, f), what the layer ``features`` gives for pictures (n, H, W, C).

    A file in `kept` is named by the network's weights and the pictures themselves: it is read when both are the
    same again, whatever the head, the labels or the split have become.
    """
    network = keras.Model(model.input, model.get_layer("features").output)
    path = kept / f"{model.name}-{_digest(network, inputs)}.npy" if kept else None
    if path and path.is_file():
        held: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return held
    parts = [np.asarray(network(inputs[i : i + CHUNK], training=False)) for i in range(0, len(inputs), CHUNK)]
    found = np.concatenate(parts).astype(np.float32)
    if path:
        with replacing(path) as temporary, temporary.open("wb") as handle:
            np.save(handle, found, allow_pickle=False)
    return found


def _digest(network: keras.Model, inputs: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for layer in network.layers:
        digest.update(f"{type(layer).__name__} {layer.output.shape}".encode())
    for array in [*network.get_weights(), inputs]:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]
