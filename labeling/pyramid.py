"""A photo at every size a screen asks for: level k is the photo halved k times, cut into tiles.

A page that shows a 12-megapixel photo draws a handful of tiles as fine as its screen instead of all
its pixels. The source is decoded once and kept for a while; what opens a photo (the coarsest level, in
one tile) and stands in the strip (the thumbnail) is kept on disk as well.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.errors import DentlineError
from dentline.files import replacing
from labeling.gallery import Photo

TILE_PX = 1024
THUMBNAIL_PX = 192
_QUALITY = 94
_MEMORY_BYTES = 400_000_000

Levels = list[NDArray[np.uint8]]


def n_levels(width: int, height: int) -> int:
    """Return how many levels a photo has: the last one fits into one tile."""
    return max(math.ceil(math.log2(max(width, height) / TILE_PX)), 0) + 1


def halved(picture: NDArray[np.uint8]) -> Levels:
    """Return every level of a ``(H, W, 3)`` picture, the picture itself first; odd sides round up."""
    levels = [picture]
    for _ in range(n_levels(picture.shape[1], picture.shape[0]) - 1):
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    return levels


def encode(picture: NDArray[np.uint8]) -> bytes:
    """Return RGB pixels as a JPEG fit for looking at."""
    done, buffer = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise DentlineError("tile", f"OpenCV could not write shape {picture.shape}")
    return buffer.tobytes()


class Pyramids:
    """The levels of the photos looked at last, and the small pictures kept in `folder`.

    Any number of threads may ask; a photo is decoded once for all who wait for it.
    """

    def __init__(self, folder: Path, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Levels] = OrderedDict()
        self._making: dict[tuple[str, str], threading.Lock] = {}

    def tile(self, photo: Photo, level: int, column: int, row: int) -> bytes:
        """Return one tile as a JPEG.

        Raises:
            DentlineError: the photo has no such tile.
            ImageError: the photo cannot be decoded.
        """
        last = n_levels(photo.width, photo.height) - 1
        side = TILE_PX << max(level, 0)
        if not (0 <= level <= last and 0 <= column * side < photo.width and 0 <= row * side < photo.height):
            raise DentlineError(f"photo {photo.id}", f"has no tile {column}, {row} at level {level}", "reload the page")
        if level == last:
            return self._small(photo, "top", lambda levels: levels[-1])
        picture = self._levels(photo)[level]
        y, x = row * TILE_PX, column * TILE_PX
        return encode(picture[y : y + TILE_PX, x : x + TILE_PX])

    def thumbnail(self, photo: Photo) -> bytes:
        """Return the photo within THUMBNAIL_PX as a JPEG."""
        return self._small(photo, "thumbnail", _thumbnail)

    def warm(self, photo: Photo) -> None:
        """Make ready what is asked for when the photo is opened."""
        self._levels(photo)
        self.tile(photo, n_levels(photo.width, photo.height) - 1, 0, 0)
        self.thumbnail(photo)

    def _small(self, photo: Photo, name: str, make: Callable[[Levels], NDArray[np.uint8]]) -> bytes:
        digest = hashlib.sha256(f"{photo.id}\n{photo.version}".encode()).hexdigest()[:32]
        path = self._folder / f"{digest}-{name}.jpg"
        if path.is_file():
            return path.read_bytes()
        data = encode(make(self._levels(photo)))
        with replacing(path) as temporary:
            temporary.write_bytes(data)
        return data

    def _levels(self, photo: Photo) -> Levels:
        key = (photo.id, photo.version)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                levels = halved(images.read(photo.path))
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._kept[key] = levels
                while len(self._kept) > 1 and sum(_n_bytes(kept) for kept in self._kept.values()) > self._memory_bytes:
                    self._kept.popitem(last=False)
            return levels


def _thumbnail(levels: Levels) -> NDArray[np.uint8]:
    height, width = levels[-1].shape[:2]
    scale = min(THUMBNAIL_PX / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _n_bytes(levels: Levels) -> int:
    return sum(level.nbytes for level in levels)
