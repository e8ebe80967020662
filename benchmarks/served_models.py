"""What the servers of a benchmark serve: a photo of a megapixel, a small model of whole photos, a scanning one."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from deployment import bundle
from deployment.bundle import Golden
from tests import tiny_model

PREPARE = ("resize(width_px=112, height_px=112)",)


@dataclass(frozen=True)
class Served:
    """One network in three forms: as Keras has it, as ONNX, and as a bundle with its preparation."""

    keras: Path
    onnx: Path
    bundle: Path


def photo() -> bytes:
    """Return a photo of a megapixel with some texture, as a JPEG of quality 90."""
    surface = tiny_model.surface(1000, 1000, [(300, 400), (700, 200)]).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 20, (250, 250)).astype(np.float32)
    surface += cv2.resize(noise, (1000, 1000), interpolation=cv2.INTER_CUBIC)[:, :, None]
    return cv2.imencode(".jpg", np.clip(surface, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def whole(folder: Path) -> Served:
    """Write a network of whole photos: shrink to 112x112, four convolutions, one probability."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    from training import export

    keras.utils.set_random_seed(0)
    given = keras.Input((112, 112, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(given)
    for filters in (16, 32, 64, 96):
        x = keras.layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(x), name="bench")
    # Untrained features are small: the last layer is scaled so that another photo is another answer.
    head = model.layers[-1]
    head.set_weights([40 * head.get_weights()[0], head.get_weights()[1]])
    made = export.onnx(model)
    (folder / "model.onnx").write_bytes(made)
    model.save(folder / "model.keras")
    contract = replace(tiny_model.CONTRACT, task="image", model="bench", run_id="bench", prepare=PREPARE, threshold=0.9)
    pictures = np.stack([tiny_model.surface(200, 200, [(100, 100)] * n) for n in (0, 1)])
    small = np.stack([cv2.resize(one, (112, 112), interpolation=cv2.INTER_AREA) for one in pictures])
    p = model.predict(small, verbose=0).reshape(-1)
    bundle.write(folder / "whole", made, contract, Golden(pictures, p), {})
    return Served(folder / "model.keras", folder / "model.onnx", folder / "whole")


def scanning(folder: Path, name: str = "scratch") -> Path:
    """Write a bundle that scans every photo: the recipe's `scratch` untrained, or `vgg16` with a head of zeros."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from training import export
    from training.models import scratch, vgg16, weights

    if name == "scratch":
        model = scratch.build()
    else:
        network = vgg16.features(weights.resolve("surface").arrays)
        model = vgg16.with_head(network, np.zeros(network.output_shape[-1]), 0.0)
    made = export.onnx(model)
    fields = tiny_model.golden(tiny_model.model()).images
    p = np.asarray(model(fields)).reshape(-1)
    contract = replace(tiny_model.CONTRACT, model=name, run_id="scan", threshold=0.99)
    bundle.write(folder, made, contract, Golden(fields, p), {})
    return folder
