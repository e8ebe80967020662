"""A small network learnt from nothing: log intensity, filters in eight orientations, pooled cells."""

from typing import Any

import keras
from keras import layers, ops

from dentline.geometry import FIELD_PX, STRIDE_PX
from training.models.cells import POOLS, pooled
from training.models.symmetric import N_ORIENTATIONS, SymmetricConv2D

_MARGIN_PX = 8
"""Taken off the field: with valid convolutions 96 px are what 8x8 cells need."""


@keras.saving.register_keras_serializable("dentline")
class LogIntensity(keras.layers.Layer):
    """uint8 (N, H, W, c) -> (N, H, W, 1), log(1 + x / 8) averaged over the colours.

    Light that falls on a surface scales what it sends back, so its log adds.
    """

    def call(self, x: Any) -> Any:
        return ops.mean(ops.log(1 + ops.cast(x, "float32") / 8), axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("dentline")
class OrientationPool(keras.layers.Layer):
    """(N, H, W, 8 * c) -> (N, H, W, c): the largest answer of a filter over its eight orientations."""

    def call(self, x: Any) -> Any:
        return ops.max(ops.stack(ops.split(x, N_ORIENTATIONS, axis=-1)), axis=0)


WIDTHS = (2, 4, 6, 8)
"""Filters of each layer, in each of the eight orientations."""


def cells(image: Any, widths: tuple[int, int, int, int] = WIDTHS, margin_px: int = 0) -> Any:
    """Return the map (N, h, w, c) of 8 px cells that the network sees in a picture (N, H, W, 1 or 3), less a margin.

    The first kernels sum to zero, so a photo taken with another exposure gives the same answer.
    """
    x = LogIntensity(name="log_intensity")(image)
    x = layers.Cropping2D(margin_px)(x) if margin_px else x
    x = SymmetricConv2D(widths[0], 5, lifts=True, balanced=True, name="conv1")(x)
    for number, width in enumerate(widths[1:], 2):
        x = layers.MaxPooling2D(2)(x)
        x = SymmetricConv2D(width, 3, name=f"conv{number}")(x)
    return OrientationPool(name="cells")(x)


def build(widths: tuple[int, int, int, int] = WIDTHS, dropout: float = 0.2) -> keras.Model:
    """Return the network: uint8 RGB `image` (N, H, W, 3) -> `p` (N, h, w), h = (H - 112) // 8 + 1."""
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    x = pooled(cells(image, widths, _MARGIN_PX), STRIDE_PX, POOLS)
    x = layers.Dropout(dropout)(x)
    x = layers.Conv2D(1, 1, activation="sigmoid", name="head")(x)
    model = keras.Model(image, ops.squeeze(x, -1), name="scratch")
    assert model.compute_output_shape((1, FIELD_PX, FIELD_PX, 3)) == (1, 1, 1)
    return model
