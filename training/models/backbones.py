"""Networks for whole photos, by name: each one flat graph, with its own input size and preparation inside.

Flat: every layer is in the one functional model, so that any convolution's activations can be asked
for (Grad-CAM on a nested model fails: tensorflow#44462).
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import keras
from keras import layers

from training.models import scratch, vgg16
from training.models import weights as weight_files
from training.models.weights import WeightsUnavailable


@dataclass(frozen=True)
class Backbone:
    """A network by which a photo becomes a map of features.

    Attributes:
        side_px: of the square picture it is meant for.
        build: picture (N, H, W, C) float32 0..255 and the weights asked for -> features (N, h, w, f).
        weights: whose it can begin with: none, ImageNet's of ``keras.applications``, or those that
            ``[vgg16] weights`` names.
    """

    side_px: int
    build: Callable[[Any, str], Any]
    weights: Literal["none", "imagenet", "vgg16"] = "none"


def model(
    name: str, shape: tuple[int, int, int], weights: str = "random", dropout: float = 0.5, pool: str = "mean"
) -> keras.Model:
    """Return uint8 `image` (N, H, W, C) -> `p` (N, 1), its head a linear one on the pooled features.

    Args:
        name: of BACKBONES. shape: (H, W, C) of the prepared picture; one channel is repeated where a
            network was trained on three.
        weights: ``random``, ``imagenet``, or for a network with VGG16's what ``[vgg16] weights`` may name;
            ignored by networks that have none.
        pool: ``mean``, ``max`` or ``both``, over the whole map.

    Raises:
        WeightsUnavailable: the weights are neither on this machine nor to be downloaded.
    """
    backbone = BACKBONES[name]
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0, name="as_float")(image)
    if backbone.weights != "none" and shape[2] == 1:
        x = layers.Concatenate(name="as_rgb")([x, x, x])
    if backbone.weights == "imagenet" and weights == "imagenet":
        _reachable(name)
    features = backbone.build(x, weights)
    x = _POOLED[pool](features)
    x = layers.Dropout(dropout)(x)
    return keras.Model(image, layers.Dense(1, activation="sigmoid", name="p")(x), name=name)


def _both(features: Any) -> Any:
    pooled = layers.GlobalAveragePooling2D()(features), layers.GlobalMaxPooling2D()(features)
    return layers.Concatenate(name="features")(pooled)


_POOLED: dict[str, Callable[[Any], Any]] = {
    "mean": lambda features: layers.GlobalAveragePooling2D(name="features")(features),
    "max": lambda features: layers.GlobalMaxPooling2D(name="features")(features),
    "both": _both,
}


def _scratch(x: Any, weights: str) -> Any:
    """The patch model's network: log intensity, filters in eight orientations."""
    return scratch.cells(x)


def _tiny_vgg(x: Any, weights: str) -> Any:
    """Two blocks of two 3x3 convolutions and a pooling, as CNN Explainer's (Wang et al. 2020), with batch norm."""
    x = layers.Rescaling(1 / 255)(x)
    for width in (16, 32):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(_norm()(x))
        x = layers.MaxPooling2D(4)(x)
    return layers.ReLU()(_norm()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x)))


def _resnet18(x: Any, weights: str) -> Any:
    """He et al. 2016, table 1, for any number of channels."""
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = _normed(layers.Conv2D(64, 7, strides=2, padding="same", use_bias=False)(x))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        short = x
        y = _normed(layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x))
        y = _norm()(layers.Conv2D(width, 3, padding="same", use_bias=False)(y))
        if stride > 1 or short.shape[-1] != width:
            short = _norm()(layers.Conv2D(width, 1, strides=stride, use_bias=False)(short))
        x = layers.ReLU()(layers.Add()([short, y]))
    return x


def _norm() -> Any:
    """Statistics of some ten batches: at Keras' 0.99 they lag behind a training of a few hundred steps."""
    return layers.BatchNormalization(momentum=0.9)


def _normed(x: Any) -> Any:
    return layers.ReLU()(_norm()(x))


def _vgg16_to_block3(x: Any, weights: str) -> Any:
    """Simonyan and Zisserman 2015, to the third pooling: as far as the weights that come with Dentline go."""
    x = _caffe(x)
    arrays = weight_files.resolve(weights).arrays
    for name, filters in vgg16.CONVOLUTIONS.items():
        layer = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)
        x = layer(x)
        layer.set_weights([arrays[f"{name}_kernel"], arrays[f"{name}_bias"]])
        if name in vgg16.LAST_OF_BLOCK:
            x = layers.MaxPooling2D(2, name=f"{name[:6]}_pool")(x)
    return x


def _keras(module: str, application: str) -> Callable[[Any, str], Any]:
    """Return a builder of a ``keras.applications`` network, its own preparation before it."""

    def build(x: Any, weights: str) -> Any:
        kind = getattr(keras.applications, module)
        chosen = "imagenet" if weights == "imagenet" else None
        return getattr(kind, application)(include_top=False, weights=chosen, input_tensor=_PREPARED[module](x)).output

    return build


def _caffe(x: Any) -> Any:
    """BGR minus ImageNet's mean, as VGG and ResNet were trained."""
    blue_green_red = layers.Concatenate(name="bgr")([x[..., 2:3], x[..., 1:2], x[..., 0:1]])
    return layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="minus_mean")(blue_green_red)


_PREPARED: dict[str, Callable[[Any], Any]] = {
    "vgg16": _caffe,
    "resnet": _caffe,
    "inception_v3": layers.Rescaling(1 / 127.5, offset=-1.0),
    "mobilenet": layers.Rescaling(1 / 127.5, offset=-1.0),
    "efficientnet": lambda x: x,  # its own layers rescale
}

_EFFICIENTNET_SIDES_PX = (224, 240, 260, 300, 380, 456, 528, 600)
"""Of b0 to b7 (Tan and Le 2019)."""

BACKBONES: MappingProxyType[str, Backbone] = MappingProxyType(
    {
        "scratch": Backbone(112, _scratch),
        "tiny_vgg": Backbone(112, _tiny_vgg),
        "resnet18": Backbone(256, _resnet18),
        "vgg16_to_block3": Backbone(112, _vgg16_to_block3, "vgg16"),
        "vgg16_whole": Backbone(224, _keras("vgg16", "VGG16"), "imagenet"),
        "resnet50": Backbone(224, _keras("resnet", "ResNet50"), "imagenet"),
        "inception_v3": Backbone(299, _keras("inception_v3", "InceptionV3"), "imagenet"),
        "mobilenet": Backbone(224, _keras("mobilenet", "MobileNet"), "imagenet"),
        **{
            f"efficientnet_b{i}": Backbone(side, _keras("efficientnet", f"EfficientNetB{i}"), "imagenet")
            for i, side in enumerate(_EFFICIENTNET_SIDES_PX)
        },
    }
)
"""By the name a recipe gives. ``vgg16_whole`` is all five blocks on a photo; ``vgg16`` is the patch model."""


def _reachable(name: str) -> None:
    """Raise WeightsUnavailable unless Keras has the weights or can download them."""
    kept = [path.name.replace("_", "").lower() for path in Path("~/.keras/models").expanduser().glob("*notop*.h5")]
    if any(name.removesuffix("_whole").replace("_", "") in file for file in kept):
        return
    try:
        reach(_HOST)
    except OSError as error:
        raise WeightsUnavailable(
            f"weights of {name}",
            f"not in Keras' cache, and {_HOST} gave: {error}",
            'run it untrained with [backbone] weights = "random"',
        ) from error


_HOST = "storage.googleapis.com"


def reach(host: str) -> None:
    """Open and close a connection.

    Raises:
        OSError: the host cannot be reached.
    """
    socket.create_connection((host, 443), timeout=3).close()
