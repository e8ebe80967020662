"""The baseline to beat: how blob-like the middle of a patch is, at several sizes, and a linear classifier."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMAS_PX = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0)
_REACH_PX = 6


def features(fields: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, f) for (n, 112, 112, 3): at each size the Laplacian of Gaussian and the determinant of the
    Hessian of log intensity, normalised for size, their extremes near the middle and their spread."""
    return np.stack([_of(field) for field in fields])


def _of(field: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = np.log(1 + cv2.cvtColor(field, cv2.COLOR_RGB2GRAY).astype(np.float32) / 8)
    middle = len(grey) // 2
    near = slice(middle - _REACH_PX, middle + _REACH_PX)
    whole = slice(24, 88)
    found: list[float] = []
    for sigma in SIGMAS_PX:
        smooth = cv2.GaussianBlur(grey, (0, 0), sigma)
        xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3) / 4 for order in ((2, 0), (0, 2), (1, 1)))
        for blob in ((xx + yy) * sigma**2, (xx * yy - xy**2) * sigma**4):
            patch = blob[whole, whole]
            found += [blob[near, near].max(), blob[near, near].min(), patch.max(), patch.min(), patch.std()]
    return np.array(found, np.float32)
