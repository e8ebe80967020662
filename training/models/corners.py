"""A small network that finds four corners: convolutions, then where each corner's own heat lies."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

SIZES = {"corners_xs": 4, "corners_s": 8, "corners_m": 16, "corners_l": 24}
"""The width of the first convolutions of each size; start small and enlarge until it overfits."""


@keras.saving.register_keras_serializable("dentline")
class MeanPlace(layers.Layer):
    """Maps (N, h, w, 4) -> (N, 8): of each map's softmax the mean place, x and y as shares of the picture.

    A dense layer over flattened maps, as the talk's network had, holds nearly all of its weights; this
    has none, and a corner is found to a fraction of a cell (Levine et al. 2016, spatial softmax).
    """

    def call(self, maps: Any) -> Any:
        height, width, n = maps.shape[1:]
        heat = ops.softmax(ops.reshape(maps, (-1, height * width, n)), axis=1)
        x = np.tile((np.arange(width) + 0.5) / width, height).astype(np.float32)
        y = np.repeat((np.arange(height) + 0.5) / height, width).astype(np.float32)
        places = ops.einsum("npk,pc->nkc", heat, np.stack([x, y], axis=1))
        return ops.reshape(places, (-1, 2 * n))


def build(name: str, shape: tuple[int, int, int]) -> keras.Model:
    """Return uint8 `image` (N, H, W, C) -> `corners` (N, 8), x and y of each as shares of width and height."""
    width = SIZES[name]
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = _block(x, width, 5, strides=2)
    fine = _block(x, width * 2, 3, strides=2)
    x = _block(fine, width * 3, 3, strides=2)
    for reach in (1, 2, 4):  # the field's way up is told by the whole sheet
        x = _block(x, width * 3, 3, dilation_rate=reach)
    x = layers.UpSampling2D(2, interpolation="nearest")(_block(x, width * 2, 1))
    x = _block(layers.Add()([fine, x]), width * 2, 3)
    maps = layers.Conv2D(4, 1)(x)
    return keras.Model(image, MeanPlace(name="corners")(maps), name=name)


def by_quarters(core: keras.Model) -> keras.Model:
    """Return a model that shows `core` a square picture four ways round and answers with the mean.

    The corners found on a picture turned by k quarters are turned back; their errors are nearly
    independent, so the mean lies nearer, and the weights are the same.
    """
    side = core.input_shape[1]
    image = keras.Input(core.input_shape[1:], dtype="uint8", name="image")
    backwards = np.arange(side - 1, -1, -1, dtype=np.int32)
    quarter = ops.take(ops.transpose(image, (0, 2, 1, 3)), backwards, axis=1)  # anticlockwise
    two = ops.concatenate([image, quarter], axis=0)
    half = ops.take(ops.take(two, backwards, axis=1), backwards, axis=2)
    # All four in one batch: the core stands in the exported graph once.
    found = ops.reshape(core(ops.concatenate([two, half], axis=0)), (4, -1, 4, 2))
    x, y = found[..., 0], found[..., 1]
    mean_x = (x[0] + (1 - y[1]) + (1 - x[2]) + y[3]) / 4
    mean_y = (y[0] + x[1] + (1 - y[2]) + (1 - x[3])) / 4
    return keras.Model(image, ops.reshape(ops.stack([mean_x, mean_y], axis=-1), (-1, 8)), name=core.name)


def _block(x: Any, width: int, side: int, **other: Any) -> Any:
    x = layers.Conv2D(width, side, padding="same", use_bias=False, **other)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
