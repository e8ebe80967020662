"""Grad-CAM as a second output of the graph, so that whoever serves a model can ask it without gradients.

Every network here ends in pools and one linear answer. The gradient of its logit, averaged over the
places of the last map, is then the same for every picture: mean pooling spreads a weight evenly, maximum
pooling puts all of it on one place, and their means agree. Grad-CAM (Selvaraju et al. 2017) is therefore
one fixed mixture of that map's channels, clipped at 0, and is exported as such. Where dense layers follow the
map, the mixture changes from picture to picture: :mod:`training.cam_dense` writes their gradient into the
graph. A model of another kind gets no such output.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from dentline.geometry import FIELD_PX, PATCH_PX
from training.cam_dense import dense_cam, has_dense_head

_MOVES = (
    layers.InputLayer,
    layers.Rescaling,
    layers.Cropping2D,
    layers.ZeroPadding2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.Dropout,
    layers.Concatenate,
)
"""Layers that only pass on or pool what another one made."""


@keras.saving.register_keras_serializable("dentline")
class Mixture(layers.Layer):
    """(N, h, w, c) -> (N, h, w): a weighted sum of the channels, clipped at 0."""

    def __init__(self, weights: Any, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self.mixed = np.asarray(weights, np.float32).reshape(1, 1, -1, 1)

    def call(self, x: Any) -> Any:
        return ops.squeeze(ops.relu(ops.conv(x, self.mixed, padding="valid")), -1)


def with_cam(model: keras.Model) -> keras.Model:
    """Return the model with the outputs `p` and `cam`, or as it is where Grad-CAM is no fixed mixture.

    Args:
        model: uint8 (N, H, W, C) -> p. A patch model's `cam` (N, h, w) covers the 64 px patch of a 112 px
            field; a model of whole pictures' covers its picture.
    """
    layer = last_map(model)
    if layer is None:
        return model
    rng = np.random.default_rng(0)
    sides = [side or FIELD_PX for side in model.input_shape[1:3]]
    pictures = [rng.integers(0, 256, (1, *sides, model.input_shape[3]), np.uint8) for _ in range(2)]
    if has_dense_head(model, layer):
        return keras.Model(model.input, [model.output, dense_cam(model, layer)], name=model.name)
    one, other = (gradients(model, layer, picture).mean(axis=(0, 1, 2)) for picture in pictures)
    largest = float(np.abs(one).max())
    if not largest > 0 or float(np.abs(one - other).max()) > 1e-3 * largest:
        return model
    cam = Mixture(one / largest, name="cam")(layer.output)
    return keras.Model(model.input, [model.output, cam], name=model.name)


def last_map(model: keras.Model) -> layers.Layer | None:
    """Return the last layer that makes a map of the patch or the picture, if there is one."""
    patch = model.input_shape[1] is None
    known = {PATCH_PX, PATCH_PX // 2, PATCH_PX // 4, PATCH_PX // 8}
    shapes = _shapes(model)
    for layer in reversed(model.layers):
        shape = shapes.get(layer.name, ())
        joins = isinstance(layer, layers.Concatenate) and not patch  # branches side by side are a map of a picture
        if len(shape) != 4 or shape[1] <= 1 or (isinstance(layer, _MOVES) and not joins):
            continue
        if not patch or shape[1] in known:
            return layer
    return None


def _shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Return the shape of each layer's output for one picture."""
    inner = [layer for layer in model.layers if not isinstance(layer.output, list)]
    probe = keras.Model(model.input, [layer.output for layer in inner])
    sides = [side or FIELD_PX for side in model.input_shape[1:3]]
    made = probe(np.zeros((1, *sides, model.input_shape[3]), np.uint8))
    return {layer.name: tuple(out.shape) for layer, out in zip(inner, made, strict=True)}


def gradients(model: keras.Model, layer: layers.Layer, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (1, h, w, c): how the logit of a picture changes with each place and channel of a layer's output."""
    answers = (keras.activations.sigmoid, keras.activations.softmax)
    head = next(one for one in reversed(model.layers) if getattr(one, "activation", None) in answers)
    kept = head.activation
    probe = keras.Model(model.input, [layer.output, head.output])
    head.activation = keras.activations.linear
    try:
        with tf.GradientTape() as tape:
            for variable in model.variables:
                if variable.dtype.startswith("float"):
                    tape.watch(variable.value)
            seen, logit = probe(picture, training=False)
            total = tf.reduce_sum(logit if kept is keras.activations.sigmoid else logit[:, 1] - logit[:, 0])
        return np.asarray(tape.gradient(total, seen), np.float32)
    finally:
        head.activation = kept
