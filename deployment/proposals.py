"""Where a dent could be: blobs of a photo, dark and bright, at several sizes, without any training.

At each place and size the smaller of the two curvatures of log intensity is taken, so that lines and
edges, which curve one way only, answer nothing. Source: Lindeberg, Feature detection with automatic
scale selection, 1998. The photo is gone through in bands, so that its size costs no memory.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

SIGMAS_PX = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0)

MARGIN_PX = 4
"""No blob nearer to the photo's edge: half of it could not be seen."""

BAND_PX = 2_000_000
"""Most pixels of a band: some 70 MB of maps."""

_APART_PX = 12
_REACH_PX = 68
"""How far the widest blur, its derivatives and the search for a peak look."""

Maps = NDArray[np.float32]


def propose(photo: NDArray[np.uint8], most: int, band_px: int = BAND_PX) -> NDArray[np.float64]:
    """Return the strongest blobs of a photo: first the dark ones, then as many bright ones, the strongest first.

    Args:
        photo: (H, W, 3) uint8 RGB. most: blobs; of an odd number one more is dark.

    Returns:
        (n, 2) float64 x and y in photo pixels, n at most `most`; no two of the dark, or of the bright,
        within 12 px along both axes.
    """
    height, width = photo.shape[:2]
    tall = max(1, band_px // width)
    parts = [_band(photo, top, min(top + tall, height)) for top in range(0, height, tall)]
    found = []
    for sign, share in enumerate(((most + 1) // 2, most // 2)):
        xy, strength = (np.concatenate(column) for column in zip(*(part[sign] for part in parts), strict=True))
        found.append(xy[np.argsort(-strength, kind="stable")[:share]])
    return np.concatenate(found)


def _band(photo: NDArray[np.uint8], top: int, bottom: int) -> list[tuple[NDArray[np.float64], Maps]]:
    """Return places (n, 2) and strengths (n,) of the dark and of the bright blobs in the rows top..bottom."""
    height, width = photo.shape[:2]
    above = min(top, _REACH_PX)
    inside = np.zeros((min(bottom + _REACH_PX, height) - top + above, width), bool)
    rows = slice(max(top, MARGIN_PX) - top + above, max(min(bottom, height - MARGIN_PX) - top + above, 0))
    inside[rows, MARGIN_PX : width - MARGIN_PX] = True
    window = np.ones((2 * _APART_PX + 1,) * 2, np.uint8)
    found = []
    for strength in _strongest(photo[top - above : bottom + _REACH_PX]):
        y, x = np.nonzero(inside & (strength > 0) & (strength >= cv2.dilate(strength, window)))
        found.append((np.stack([x + 0.5, y + (top - above) + 0.5], axis=1), strength[y, x]))
    return found


def _strongest(photo: NDArray[np.uint8]) -> tuple[Maps, Maps]:
    """Return (H, W) of dark and of bright blobs: the strongest answer over the sizes."""
    grey = np.log(1 + cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) / 8)
    dark, bright = np.zeros_like(grey), np.zeros_like(grey)
    for sigma in SIGMAS_PX:
        smooth = cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        xx, yy, xy = (
            cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, scale=sigma**2 / 4, borderType=cv2.BORDER_REPLICATE)
            for order in ((2, 0), (0, 2), (1, 1))
        )
        middle, spread = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
        np.maximum(dark, middle - spread, out=dark)
        np.maximum(bright, -middle - spread, out=bright)
    return dark, bright
