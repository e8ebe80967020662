"""Grad-CAM of a photo as it was scored: which pixels moved the answer, from the model's own second output.

A patch model is asked about the patch around the surest place; its scan says where in the photo that is.
"""

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX, PATCH_PX
from deployment.scorer import Prediction, Scorer
from labeling.patches import corners as nearest
from labeling.patches import cut_contexts

NEED = "has no Grad-CAM output"


@dataclass(frozen=True)
class Cam:
    """What moved the answer.

    Attributes:
        strength: (h, w) float32, 0 to 1: the largest is 1 unless nothing spoke for a dent.
        corners_xy: (4, 2) photo pixels, clockwise from its top left: where the map lies in the photo.
    """

    strength: NDArray[np.float32]
    corners_xy: NDArray[np.float64]


def cam(scorer: Scorer, photo: NDArray[np.uint8], prediction: Prediction) -> Cam:
    """Return the Grad-CAM map of a photo.

    Args:
        photo: (H, W, 3) uint8 RGB. prediction: the scorer's answer to it.

    Raises:
        DentlineError: the model has none.
    """
    if not scorer.has_cam:
        raise DentlineError(str(scorer.bundle.folder), NEED, "train it again, or explain it by hiding areas")
    if scorer.bundle.contract.task == "patch":
        left, top = nearest(_surest(prediction)[None])[0] - PATCH_PX // 2
        fields, _ = cut_contexts(photo, np.array([[left, top]]) + PATCH_PX // 2, FIELD_PX)
        right, bottom = left + PATCH_PX, top + PATCH_PX
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
        return Cam(_scaled(scorer.cam(fields)[0]), box)
    view, found = scorer.cam_of_view(photo)
    height, width = view.array.shape[:2]
    box = view.points_to_photo(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64))
    return Cam(_scaled(found), np.asarray(box, np.float64))


def on_photo(found: Cam, height: int, width: int) -> NDArray[np.float32]:
    """Return the map's strength at each pixel (H, W) of the photo."""
    rows, columns = found.strength.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    onto = cv2.getPerspectiveTransform(source - 0.5, found.corners_xy.astype(np.float32) - 0.5)
    over = cv2.warpPerspective(found.strength, onto, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(over, np.float32)


def drawn(photo: NDArray[np.uint8], found: Cam) -> NDArray[np.uint8]:
    """Return the photo with what moved the answer in yellow, and a frame around what was looked at."""
    height, width = photo.shape[:2]
    made = tinted(photo, on_photo(found, height, width))
    frame = np.rint(found.corners_xy).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(made, [frame], True, (31, 111, 235), max(1, round(max(height, width) / 400)))
    return made


def heat_drawn(photo: NDArray[np.uint8], prediction: Prediction) -> NDArray[np.uint8]:
    """Return the photo under its scan: yellow from half the threshold on, fully at the threshold."""
    height, width = photo.shape[:2]
    stride, first = prediction.stride_px, prediction.first_px
    matrix = np.array([[stride, 0, first - 0.5], [0, stride, first - 0.5]], np.float64)
    over = cv2.warpAffine(prediction.heat, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    reached = 2 * np.asarray(over, np.float32) / max(prediction.threshold, 1e-6) - 1
    return tinted(photo, reached.astype(np.float32))


def tinted(photo: NDArray[np.uint8], strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the photo, the yellower the larger `strength` (H, W), 0 to 1: painted parts are often red."""
    share = 0.6 * np.clip(strength, 0, 1)[..., None]
    yellow = np.array([255, 214, 0], np.float32)
    return np.ascontiguousarray(np.rint(photo * (1 - share) + yellow * share), np.uint8)


def told(found: Cam) -> dict[str, Any]:
    """Return the map as a grey PNG (255 is the strongest), and where its corners lie in the photo."""
    grey = np.rint(found.strength * 255).astype(np.uint8)
    return {
        "png": base64.b64encode(images.encode_png(grey)).decode("ascii"),
        "corners": np.round(found.corners_xy, 2).tolist(),
    }


def _surest(prediction: Prediction) -> NDArray[np.float64]:
    """Return x and y of the surest defect, or of the highest place of the scan where none was called."""
    if len(prediction.defects):
        return np.array(prediction.defects.xy[0], np.float64)
    row, column = np.unravel_index(int(np.argmax(prediction.heat)), prediction.heat.shape)
    first, stride = prediction.first_px, prediction.stride_px
    return np.array([first + stride * int(column), first + stride * int(row)], np.float64)


def _scaled(found: NDArray[np.float32]) -> NDArray[np.float32]:
    largest = float(found.max())
    return (found / largest).astype(np.float32) if largest > 0 else np.zeros_like(found)
