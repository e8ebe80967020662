"""The network that learns VGG16's first three blocks on generated surfaces, and its folding into weights.

While it learns, each convolution is followed by a batch normalisation and several heads hang on the
activations, pooled over the whole crop as they will be over a patch. At the end the normalisations are
folded into the convolutions: what is left is VGG16 to the letter, on the same input (BGR 0..255 minus
MEAN_BGR), and two 1x1 heads.
"""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from training.models.vgg16 import CONVOLUTIONS, MEAN_BGR

HEADS = ("cells2", "cells3")
"""The heads that are kept: which defect in which cell, on block2 (4 px) and block3 (8 px)."""


@keras.saving.register_keras_serializable("dentline")
class Norm(layers.Layer):
    """Batch normalisation in one fused pass each way: Keras' own takes a fifth of the training's time here."""

    epsilon = 1e-3

    def __init__(self, momentum: float = 0.95, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, shape: Any) -> None:
        make = functools.partial(self.add_weight, shape=shape[-1:], dtype="float32", autocast=False)
        self.gamma = make(name="gamma", initializer="ones")
        self.beta = make(name="beta", initializer="zeros")
        self.mean = make(name="mean", initializer="zeros", trainable=False)
        self.variance = make(name="variance", initializer="ones", trainable=False)

    def call(self, x: Any, training: bool | None = None) -> Any:
        fused = functools.partial(tf.compat.v1.nn.fused_batch_norm, x, self.gamma, self.beta, epsilon=self.epsilon)
        if not training:
            return fused(mean=self.mean, variance=self.variance, is_training=False)[0]
        out, mean, variance = fused(is_training=True)
        for held, now in ((self.mean, mean), (self.variance, variance)):
            held.assign(held + (1 - self.momentum) * (now - held))
        return out


def build(crop_px: int, n_kinds: int, n_textures: int, n_nuisances: int, bfloat16: bool) -> keras.Model:
    """Return the network that is trained: float32 RGB 0..255 (N, crop, crop, 3) -> logits by name.

    ``cells2`` (N, c, c, kinds + 1) for cells of 4 px and ``cells3`` for 8 px, the last channel for any
    defect at all; ``area2`` and ``area3``, the same shapes, no logits but 0 or 1 themselves, so that their
    mean over a crop is how much of it is defect; ``mean`` and ``max`` (N, kinds + 1):
    which defects, from one pooling alone; ``texture`` (N, textures); ``nuisances`` (N, nuisances).
    """
    policy = "mixed_bfloat16" if bfloat16 else "float32"
    image = keras.Input((crop_px, crop_px, 3), dtype="float32", name="image")
    x = layers.Rescaling(1.0, offset=(-np.array(MEAN_BGR[::-1], np.float32)).tolist(), dtype="float32")(image)
    found = {}
    for name, filters in CONVOLUTIONS.items():
        conv = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", dtype=policy, name=name
        )
        x = Norm(dtype=policy, name=f"{name}_norm")(conv(x))
        x = layers.ReLU(dtype=policy)(x)
        if name in ("block1_conv2", "block2_conv2", "block3_conv3"):
            x = layers.MaxPooling2D(2, dtype=policy)(x)
            found[name[:6]] = layers.Activation("linear", dtype="float32", name=f"{name[:6]}_found")(x)
    blocks = found["block2"], found["block3"]
    means = layers.Concatenate()([layers.GlobalAveragePooling2D(dtype="float32")(b) for b in blocks])
    maxima = layers.Concatenate()([layers.GlobalMaxPooling2D(dtype="float32")(b) for b in blocks])
    dense = functools.partial(layers.Dense, kernel_initializer="zeros", dtype="float32")
    # Heads that begin at zero leave the convolutions' start as He drew it.
    cells = functools.partial(layers.Conv2D, n_kinds + 1, 1, kernel_initializer="zeros", dtype="float32")
    outputs = {
        "cells2": cells(name="cells2")(blocks[0]),
        "cells3": cells(name="cells3")(blocks[1]),
        "area2": cells(name="area2")(blocks[0]),
        "area3": cells(name="area3")(blocks[1]),
        "mean": dense(n_kinds + 1, name="mean")(means),
        "max": dense(n_kinds + 1, name="max")(maxima),
        "texture": dense(n_textures, name="texture")(means),
        "nuisances": dense(n_nuisances, name="nuisances")(means),
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
        (kernel,) = network.get_layer(name).get_weights()
        norm = network.get_layer(f"{name}_norm")
        gamma, beta, mean, variance = norm.get_weights()
        gain = gamma / np.sqrt(variance + norm.epsilon)
        kernel = kernel * gain
        arrays[f"{name}_kernel"] = kernel[:, :, ::-1] if name == "block1_conv1" else kernel
        arrays[f"{name}_bias"] = beta - mean * gain
    for head in HEADS:
        kernel, bias = network.get_layer(head).get_weights()
        arrays[f"{head}_kernel"], arrays[f"{head}_bias"] = kernel[0, 0], bias
    return arrays


def normalisations(network: keras.Model) -> list[Any]:
    """Return the layers that :func:`folded` folds away."""
    return [network.get_layer(f"{name}_norm") for name in CONVOLUTIONS]
