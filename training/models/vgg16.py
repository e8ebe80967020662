"""VGG16's first three blocks, frozen, pooled over each patch, with a linear classifier on top.

One flat functional graph, valid convolutions throughout: a field of 112 px gives one patch, a photo
gives all of them, and there is no zero padding that could make the two differ. Source: Simonyan and
Zisserman, Very Deep Convolutional Networks, 2015.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from training.models.cells import POOLS, pooled

CONVOLUTIONS = {
    "block1_conv1": 64,
    "block1_conv2": 64,
    "block2_conv1": 128,
    "block2_conv2": 128,
    "block3_conv1": 256,
    "block3_conv2": 256,
    "block3_conv3": 256,
}
"""Every convolution by name, and its filters; all are 3x3."""

LAST_OF_BLOCK = ("block1_conv2", "block2_conv2", "block3_conv3")
"""The convolutions that a pooling follows."""

LAYERS = {"block1": (2, 8), "block2": (4, 3), "block3": (8, 0)}
"""A block's pooled activations: pixels between cells, and cells to take off before the first patch."""

MEAN_BGR = (103.939, 116.779, 123.68)

_MARGIN_PX = 6
"""Taken off the field: valid convolutions need 100 px for the 8x8 cells of a patch."""

_PARTS = {"mean": 1, "max": 1, "centre": 2}


def features(
    weights: Mapping[str, NDArray[np.float32]],
    take: tuple[str, ...] = ("block2", "block3"),
    pools: tuple[str, ...] = POOLS,
) -> keras.Model:
    """Return the frozen network: uint8 RGB `image` (N, H, W, 3) -> (N, h, w, f), h = (H - 112) // 8 + 1.

    Args:
        weights: ``<convolution>_kernel`` (3, 3, in, out) and ``<convolution>_bias`` (out,), Keras layout,
            for BGR 0..255 minus MEAN_BGR.
        take: whose pooled activations: block1, block2, block3.
        pools: how they are pooled over a patch: mean, max, centre.

    Raises:
        DentlineError: unknown layer or pool.
    """
    for chosen, known, field in ((take, LAYERS, "layers"), (pools, _PARTS, "pools")):
        wrong = [name for name in chosen if name not in known]
        if wrong:
            raise DentlineError(f"recipe: [vgg16] {field}", f"is {wrong[0]!r}", "known are: " + ", ".join(known))
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    mean_rgb = np.array(MEAN_BGR[::-1], np.float32)
    x = layers.Rescaling(1.0, offset=(-mean_rgb).tolist(), name="minus_mean")(image)
    x = layers.Cropping2D(_MARGIN_PX, name="margin")(x)
    found = []
    for name, filters in CONVOLUTIONS.items():
        if name[:6] > max(take):
            break
        x = layers.Conv2D(filters, 3, activation="relu", trainable=False, name=name)(x)
        if name in LAST_OF_BLOCK:
            block = name[:6]
            x = layers.MaxPooling2D(2, name=f"{block}_pool")(x)
            if block in take:
                stride_px, margin = LAYERS[block]
                found.append(pooled(layers.Cropping2D(margin)(x) if margin else x, stride_px, pools))
    joined = layers.Concatenate(name="features")(found) if len(found) > 1 else found[0]
    model = keras.Model(image, joined, name="vgg16_features")
    for name in CONVOLUTIONS:
        if name[:6] <= max(take):
            kernel, bias = weights[f"{name}_kernel"], weights[f"{name}_bias"]
            first = name == "block1_conv1"
            model.get_layer(name).set_weights([kernel[:, :, ::-1] if first else kernel, bias])
    assert model.compute_output_shape((1, FIELD_PX, FIELD_PX, 3))[:3] == (1, 1, 1)
    return model


def with_head(network: keras.Model, kernel: NDArray[Any], bias: float) -> keras.Model:
    """Return the network with a linear classifier on its features: uint8 (N, H, W, 3) -> `p` (N, h, w).

    Args:
        kernel: (f,) weights on the features as they come (a scaler is folded in). bias: intercept.
    """
    head = layers.Conv2D(1, 1, activation="sigmoid", name="head")
    x = head(network.output)
    x = keras.ops.squeeze(x, -1)
    model = keras.Model(network.input, x, name="vgg16")
    head.set_weights([kernel.reshape(1, 1, -1, 1).astype(np.float32), np.array([bias], np.float32)])
    return model
