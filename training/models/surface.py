"""The network that learns VGG16's first three blocks on generated surfaces, and its folding into weights.

While it learns, each convolution is followed by a batch normalisation and several heads hang on the
pooled activations. At the end the normalisations are folded into the convolutions: what is left is
VGG16 to the letter, on the same input (BGR 0..255 minus MEAN_BGR), and two 1x1 heads.
"""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from training.models.vgg16 import CONVOLUTIONS, MEAN_BGR

HEADS = ("cells2", "cells3")
"""The heads that are kept: which defect in which cell, on block2 (4 px) and block3 (8 px)."""


def build(crop_px: int, n_kinds: int, n_textures: int, n_nuisances: int, bfloat16: bool) -> keras.Model:
    """Return the network that is trained: float32 RGB 0..255 (N, crop, crop, 3) -> logits by name.

    ``cells2`` (N, c, c, kinds + 1) for cells of 4 px and ``cells3`` for 8 px, the last channel for any
    defect at all; ``mean`` and ``max`` (N, kinds + 1): which defects, from one pooling alone; ``square``
    (N, kinds + 1): averaged over the four crops of a square, which defects lie in it; ``texture``
    (N, textures); ``nuisances`` (N, nuisances).
    """
    policy = "mixed_bfloat16" if bfloat16 else "float32"
    image = keras.Input((crop_px, crop_px, 3), dtype="float32", name="image")
    x = layers.Rescaling(1.0, offset=(-np.array(MEAN_BGR[::-1], np.float32)).tolist(), dtype="float32")(image)
    pooled = {}
    for name, filters in CONVOLUTIONS.items():
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", dtype=policy, name=name)(x)
        x = layers.BatchNormalization(momentum=0.95, dtype=policy, name=f"{name}_norm")(x)
        x = layers.ReLU(dtype=policy)(x)
        if name in ("block1_conv2", "block2_conv2", "block3_conv3"):
            x = layers.MaxPooling2D(2, dtype=policy)(x)
            pooled[name[:6]] = x
    block2, block3 = pooled["block2"], pooled["block3"]
    means = layers.Concatenate()([layers.GlobalAveragePooling2D(dtype="float32")(b) for b in (block2, block3)])
    maxima = layers.Concatenate()([layers.GlobalMaxPooling2D(dtype="float32")(b) for b in (block2, block3)])
    outputs = {
        "cells2": layers.Conv2D(n_kinds + 1, 1, dtype="float32", name="cells2")(block2),
        "cells3": layers.Conv2D(n_kinds + 1, 1, dtype="float32", name="cells3")(block3),
        "mean": layers.Dense(n_kinds + 1, dtype="float32", name="mean")(means),
        "square": layers.Dense(n_kinds + 1, dtype="float32", name="square")(means),
        "max": layers.Dense(n_kinds + 1, dtype="float32", name="max")(maxima),
        "texture": layers.Dense(n_textures, dtype="float32", name="texture")(means),
        "nuisances": layers.Dense(n_nuisances, dtype="float32", name="nuisances")(means),
    }
    return keras.Model(image, outputs, name="surface")


def folded(network: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Return VGG16's arrays and the kept heads', the batch normalisations folded in.

    Returns:
        ``<convolution>_kernel`` and ``_bias`` as :mod:`training.models.weights` reads them (input BGR),
        ``<head>_kernel`` (channels, kinds + 1) and ``<head>_bias``.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    for name in CONVOLUTIONS:
        kernel, bias = network.get_layer(name).get_weights()
        norm = network.get_layer(f"{name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        gain = gamma / np.sqrt(variance + norm.epsilon)
        kernel = kernel * gain
        arrays[f"{name}_kernel"] = kernel[:, :, ::-1] if name == "block1_conv1" else kernel
        arrays[f"{name}_bias"] = (bias - mean) * gain + beta
    for head in HEADS:
        kernel, bias = network.get_layer(head).get_weights()
        arrays[f"{head}_kernel"], arrays[f"{head}_bias"] = kernel[0, 0], bias
    return arrays


def normalisations(network: keras.Model) -> list[Any]:
    """Return the layers that :func:`folded` folds away."""
    return [network.get_layer(f"{name}_norm") for name in CONVOLUTIONS]
