"""What black corners cost: turned dents with real pixels around them, and cut out first and turned then."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data import Examples

Features = NDArray[np.float32]


def arms(network: object, examples: Examples, rng: np.random.Generator) -> Iterator[tuple[str, Features, Features]]:
    """Yield each arm's name, the features (n, f) of the unturned patches, and (n_dents, 8, f) of turned dents.

    In both arms a network sees a 64 px patch with its own reflection around, so that the corners are
    all that differs.
    """
    from training.trainers import features as of_fields

    angles = rng.uniform(0, 360, (int(examples.label.sum()), 8))
    dents = examples.contexts[examples.label == 1]
    plain = of_fields(network, alone(examples.contexts[:, 48:112, 48:112]), lambda *_: None)
    for name, side in (("real context", 160), ("black corners", 64)):
        margin = (160 - side) // 2
        cut = dents[:, margin : 160 - margin, margin : 160 - margin]
        patches = np.stack([turned(patch, angle) for patch, many in zip(cut, angles, strict=True) for angle in many])
        yield name, plain, of_fields(network, alone(patches), lambda *_: None).reshape(*angles.shape, -1)


def turned(patch: NDArray[np.uint8], angle_deg: float) -> NDArray[np.uint8]:
    """Turn a square about its middle, black where it ends, and keep the middle 64 px."""
    side = len(patch)
    middle = (side - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), angle_deg, 1)
    whole = cv2.warpAffine(patch, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    edge = (side - 64) // 2
    return np.asarray(whole[edge : edge + 64, edge : edge + 64], np.uint8)


def alone(patches: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Surround (n, 64, 64, 3) by its own reflection: (n, 112, 112, 3)."""
    return np.pad(patches, ((0, 0), (24, 24), (24, 24), (0, 0)), mode="reflect")
