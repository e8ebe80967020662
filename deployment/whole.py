"""What models of whole photos say: one probability, or the four corners of a field."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.images import ImageError
from dentline.prepare import PrepareError, View
from deployment.answer import Defects
from deployment.prepared import PreparedEngine

NOWHERE = Defects(np.empty((0, 2), np.float32), np.empty(0, np.float32))


def probability(engine: PreparedEngine, photo: NDArray[np.uint8]) -> float:
    """Return the probability that the whole photo is defective.

    Raises:
        ImageError: the photo does not show what the preparation looks for.
    """
    return float(engine.run_views([_view(engine, photo)]).reshape(-1)[0])


def corners(engine: PreparedEngine, photo: NDArray[np.uint8]) -> tuple[Defects, bool]:
    """Return the field's four corners in photo pixels, in order, and whether they can be a field's.

    The model answers with shares of the prepared picture's width and height. Corners that do not go
    round a convex field within the photo are an answer nobody should act on.

    Raises:
        ImageError: the photo does not show what the preparation looks for.
    """
    view = _view(engine, photo)
    height, width = view.array.shape[:2]
    shares = engine.run_views([view]).reshape(4, 2)
    xy = view.points_to_photo(shares * (width, height)).astype(np.float32)
    inside = (xy >= -0.02 * max(photo.shape)) & (xy < 1.02 * np.array([photo.shape[1], photo.shape[0]]))
    plausible = bool(cv2.isContourConvex(xy) and inside.all())
    return Defects(xy, np.ones(4, np.float32)), plausible


def _view(engine: PreparedEngine, photo: NDArray[np.uint8]) -> View:
    try:
        return engine.view(photo)
    except PrepareError as error:
        raise ImageError("unusable", error.problem, error.remedy) from error
