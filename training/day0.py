"""Day 0: the pretraining's own heads as a patch model, before anybody has marked a dent.

The surface weights come with two linear heads: which defect lies in which cell of 4 px (block2) and of
8 px (block3). The likeliest cell in the middle of a patch says whether a defect is there, on any photo,
with no label of it; less what the whole patch says, for a surface that looks wrong everywhere is not
dented everywhere. Both were chosen on generated photos. That is a guess: it knows generated surfaces and
nothing of this part.
"""

from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from dentline import __version__
from dentline.errors import DentlineError
from dentline.files import sha256
from dentline.geometry import FIELD_PX, PATCH_PX, STRIDE_PX
from deployment.bundle import Bundle, Golden, write
from deployment.contract import Contract
from training import export as exporting
from training.models import vgg16, weights

THRESHOLD = 0.3
"""p at or above it is proposed; by eye on generated surfaces, where it finds more than it leaves out."""

_MIDDLE_PX = 16
"""Side of the square in the middle of a patch whose cells are asked."""

_QUIET = -5.0
"""Mean logit of a patch from which on it speaks against what its middle says."""

_HEADS = {"cells2": "block2", "cells3": "block3"}
_PARTS = ("kernel", "bias")


def heads(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return ``cells2_kernel`` (128, k + 1), ``cells3_kernel`` (256, k + 1) and their biases.

    Raises:
        DentlineError: the file cannot be read, or holds weights without heads.
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as held:
            return {f"{h}_{part}": held[f"{h}_{part}"].astype(np.float32) for h in _HEADS for part in _PARTS}
    except (OSError, ValueError, KeyError) as error:
        raise DentlineError(
            str(path), f"has no heads for day 0: {error}", "use the weights of a pretraining"
        ) from error


def build(path: Path = weights.SURFACE) -> keras.Model:
    """Return the model: uint8 RGB `image` (N, H, W, 3) -> `p` (N, h, w), h = (H - 112) // 8 + 1.

    Raises:
        DentlineError: as :func:`heads` and :func:`training.models.weights.read`.
    """
    found, arrays = heads(path), weights.read(path).arrays
    trunk = vgg16.features(arrays, pools=("max",))
    logits = []
    for head, block in _HEADS.items():
        stride_px, margin = vgg16.LAYERS[block]
        x = trunk.get_layer(f"{block}_pool").output
        x = layers.Cropping2D(margin, name=f"{head}_margin")(x) if margin else x
        answer = layers.Conv2D(1, 1, name=head)
        x = answer(x)  # the last channel alone: any defect at all
        answer.set_weights([found[f"{head}_kernel"][:, -1].reshape(1, 1, -1, 1), found[f"{head}_bias"][-1:]])
        side = STRIDE_PX // stride_px
        logits.append(layers.AveragePooling2D(side, name=f"{head}_cells")(x) if side > 1 else x)
    cells = layers.Average()(logits)
    middle, edge = _MIDDLE_PX // STRIDE_PX, (PATCH_PX - _MIDDLE_PX) // 2 // STRIDE_PX
    likeliest = layers.MaxPooling2D(middle, 1, name="middle")(layers.Cropping2D(edge)(cells))
    around = layers.AveragePooling2D(PATCH_PX // STRIDE_PX, 1, name="around")(cells)
    against = layers.ReLU()(layers.Rescaling(1.0, offset=-_QUIET)(around))
    p = layers.Activation("sigmoid")(layers.Subtract()([likeliest, against]))
    model = keras.Model(trunk.input, keras.ops.squeeze(p, -1), name="day0")
    assert model.compute_output_shape((1, FIELD_PX, FIELD_PX, 3)) == (1, 1, 1)
    return model


def export(folder: Path, golden: NDArray[np.uint8], path: Path = weights.SURFACE) -> Bundle:
    """Write the model as a bundle, so that asking it needs no TensorFlow.

    Args:
        golden: (n, 112, 112, 3) uint8, replayed before the bundle is written.

    Raises:
        DentlineError: as :func:`build`; or the exported model answers otherwise.
    """
    model = build(path)
    p = np.asarray(model(golden))[:, 0, 0]
    contract = Contract(
        task="patch",
        name="day 0",
        model="day0",
        run_id="day0-surface",
        threshold=THRESHOLD,
        weights="surface",
        created_at_utc=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        code_version=__version__,
        data_fingerprint=sha256(path),
    )
    note = {"note": "a guess: learnt on generated surfaces alone"}
    return write(folder, exporting.onnx(model), contract, Golden(golden, p), note)
