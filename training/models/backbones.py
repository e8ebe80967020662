"""Networks for whole photos, by name: each one flat graph, with its own input size and preparation inside.

Flat: every layer is in the one functional model, so that any convolution's activations can be asked
for (Grad-CAM on a nested model fails: tensorflow#44462).
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers

from training.models.weights import WeightsUnavailable

Network = Callable[[Any], Any]


@dataclass(frozen=True)
class Backbone:
    """A network by which a photo becomes a map of features.

    Attributes:
        side_px: of the square picture it is meant for.
        build: picture (N, H, W, C) float32 0..255 -> features (N, h, w, f), layers frozen or not.
        pretrained: ``keras.applications`` class it takes its ImageNet weights from, if any.
    """

    side_px: int
    build: Callable[[Any, str | None], Any]
    pretrained: bool = False


def model(name: str, shape: tuple[int, int, int], weights: str = "random", dropout: float = 0.5) -> keras.Model:
    """Return uint8 `image` (N, H, W, C) -> `p` (N, 1), its head a linear one on the features' mean.

    Args:
        name: of BACKBONES. shape: (H, W, C) of the prepared picture; one channel is repeated where a
            network was trained on three.
        weights: ``imagenet`` or ``random``; ignored by networks that have none.

    Raises:
        WeightsUnavailable: the ImageNet weights are neither in Keras' cache nor to be downloaded.
    """
    backbone = BACKBONES[name]
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0, name="as_float")(image)
    if backbone.pretrained and shape[2] == 1:
        x = layers.Concatenate(name="as_rgb")([x, x, x])
    chosen = "imagenet" if backbone.pretrained and weights == "imagenet" else None
    if chosen:
        _reachable(name)
    features = backbone.build(x, chosen)
    x = layers.GlobalAveragePooling2D(name="features")(features)
    x = layers.Dropout(dropout)(x)
    return keras.Model(image, layers.Dense(1, activation="sigmoid", name="p")(x), name=name)


def _tiny_vgg(x: Any, weights: str | None) -> Any:
    """Two blocks of two 3x3 convolutions and a pooling, as CNN Explainer's (Wang et al. 2020), with batch norm."""
    x = layers.Rescaling(1 / 255)(x)
    for width in (16, 32):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(4)(x)
    return layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 3, padding="same", use_bias=False)(x)))


def _resnet18(x: Any, weights: str | None) -> Any:
    """He et al. 2016, table 1, for any number of channels."""
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = _normed(layers.Conv2D(64, 7, strides=2, padding="same", use_bias=False)(x))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        short = x
        y = _normed(layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x))
        y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", use_bias=False)(y))
        if stride > 1 or short.shape[-1] != width:
            short = layers.BatchNormalization()(layers.Conv2D(width, 1, strides=stride, use_bias=False)(short))
        x = layers.ReLU()(layers.Add()([short, y]))
    return x


def _normed(x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(x))


def _keras(module: str, application: str) -> Callable[[Any, str | None], Any]:
    """Return a builder of a ``keras.applications`` network, its own preparation before it."""

    def build(x: Any, weights: str | None) -> Any:
        kind = getattr(keras.applications, module)
        x = _PREPARED[module](x)
        return getattr(kind, application)(include_top=False, weights=weights, input_tensor=x).output

    return build


def _caffe(x: Any) -> Any:
    """BGR minus ImageNet's mean, as VGG and ResNet were trained."""
    blue_green_red = layers.Concatenate(name="bgr")([x[..., 2:3], x[..., 1:2], x[..., 0:1]])
    return layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68], name="minus_mean")(blue_green_red)


_PREPARED: dict[str, Network] = {
    "vgg16": _caffe,
    "resnet": _caffe,
    "inception_v3": layers.Rescaling(1 / 127.5, offset=-1.0),
    "mobilenet": layers.Rescaling(1 / 127.5, offset=-1.0),
    "efficientnet": lambda x: x,  # its own layers rescale
}

BACKBONES: dict[str, Backbone] = {
    "tiny_vgg": Backbone(112, _tiny_vgg),
    "resnet18": Backbone(256, _resnet18),
    "vgg16_whole": Backbone(224, _keras("vgg16", "VGG16"), True),
    "resnet50": Backbone(224, _keras("resnet", "ResNet50"), True),
    "inception_v3": Backbone(299, _keras("inception_v3", "InceptionV3"), True),
    "efficientnet_b0": Backbone(224, _keras("efficientnet", "EfficientNetB0"), True),
    "efficientnet_b1": Backbone(240, _keras("efficientnet", "EfficientNetB1"), True),
    "mobilenet": Backbone(224, _keras("mobilenet", "MobileNet"), True),
}
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
