"""The nail article's network, as it describes it: four valid convolutions, two dense layers, two classes."""

import keras
from keras import layers

CONVOLUTIONS = ((16, 5), (16, 5), (32, 5), (64, 3))
"""Filters and kernel side of each; each followed by instance norm, relu, 2x2 maximum and dropout."""


def build(height_px: int = 112, width_px: int = 112, channels: int = 1, dropout: float = 0.5) -> keras.Model:
    """Return the network: uint8 `image` (N, H, W, C) -> `p` (N, 1), the probability of a bad nail."""
    image = keras.Input((height_px, width_px, channels), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(image)
    for filters, side in CONVOLUTIONS:
        x = layers.Conv2D(filters, side)(x)
        x = layers.GroupNormalization(groups=-1)(x)  # one group a channel: instance normalisation
        x = layers.MaxPooling2D(2)(layers.ReLU()(x))
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(512, activation="relu")(x)
    x = layers.Dense(512, activation="relu")(x)
    classes = layers.Dense(2, activation="softmax")(x)
    return keras.Model(image, classes[:, 1:], name="nails")
