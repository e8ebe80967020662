"""The bytes of a picture to its pixels: one way for every door.

Sources: the JPEG (ITU-T T.81), PNG (W3C) and EXIF 2.32 specifications. JPEG is decoded by
libjpeg-turbo with every warning an error, so that half a picture is refused and not filled with
grey; the result equals OpenCV's to the bit. The rest is decoded by OpenCV.
"""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.picture_file import Header, ImageError, parse

__all__ = [
    "ALL_FORMATS",
    "ON_DISK",
    "Header",
    "ImageError",
    "Limits",
    "decode",
    "encode_png",
    "header",
    "pixels",
    "read",
    "size",
]

MAX_PIXELS = 40_000_000
"""Most pixels of a picture: a 40-megapixel camera."""

# OpenCV reads its own limit once, when it is loaded. It is the second guard: the first is parse().
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))

import cv2  # noqa: E402
import simplejpeg  # noqa: E402

ALL_FORMATS = frozenset({"jpeg", "png", "webp", "bmp"})


@dataclass(frozen=True)
class Limits:
    """What is decoded at all.

    Attributes:
        max_pixels: width times height.
        max_bytes: of the file.
        max_scans: of a progressive JPEG; encoders write about ten.
        formats: kinds of file, of ``jpeg``, ``png``, ``webp``, ``bmp``.
    """

    max_pixels: int = MAX_PIXELS
    max_bytes: int = 100_000_000
    max_scans: int = 40
    formats: frozenset[str] = frozenset({"jpeg", "png"})


ON_DISK = Limits(max_bytes=1_000_000_000, formats=ALL_FORMATS)
"""A user's own files: every format, any size up to the pixel limit."""

_TURNS: dict[int, Any] = {
    2: lambda a: cv2.flip(a, 1),
    3: lambda a: cv2.rotate(a, cv2.ROTATE_180),
    4: lambda a: cv2.flip(a, 0),
    5: cv2.transpose,
    6: lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
    7: lambda a: cv2.transpose(cv2.rotate(a, cv2.ROTATE_180)),
    8: lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""What an EXIF orientation asks for, so that the picture stands as it was taken."""


Size = tuple[int, int]
"""Width and height in pixels, after the EXIF turn."""


def decode(data: bytes, limits: Limits = Limits(), least: Size | None = None) -> NDArray[np.uint8]:
    """Return a picture's pixels, ``(H, W, 3)`` uint8 RGB, turned as EXIF says.

    Grey and palette become RGB, 16 bits become the upper 8, an alpha channel is dropped (the colours
    are taken as stored).

    Args:
        least: for who will shrink the picture anyway: a JPEG may be decoded at a half, a quarter or an
            eighth of its size, as long as that is not less than this. Twice as fast; the same at every
            door only when all ask for the same.

    Raises:
        ImageError: not an allowed format, over a limit, cut short or corrupt.
    """
    return pixels(data, header(data, limits), least)


def pixels(data: bytes, found: Header, least: Size | None = None) -> NDArray[np.uint8]:
    """Return the pixels of a picture that :func:`header` looked at before: the other half of :func:`decode`.

    Raises:
        ImageError: its data are cut short or corrupt.
    """
    try:
        picture = _pixels(data, found, least)
    except (ValueError, cv2.error, MemoryError) as error:
        raise ImageError("corrupt", f"its {found.format.upper()} data are damaged or cut short") from error
    if picture is None or picture.shape != (*_reduced(found, least), 3):
        raise ImageError("corrupt", f"its {found.format.upper()} data are damaged or cut short")
    turn = _TURNS.get(found.orientation)
    return picture if turn is None else turn(picture)


def header(data: bytes, limits: Limits = Limits()) -> Header:
    """Walk a picture's structure and hold it to the limits, without decoding.

    Raises:
        ImageError: as :func:`decode`, except for damage inside the compressed data.
    """
    if len(data) > limits.max_bytes:
        raise ImageError("too_large", f"has {len(data)} bytes, at most {limits.max_bytes} are read")
    found = parse(data)
    if found.format not in limits.formats:
        allowed = " or ".join(sorted(name.upper() for name in limits.formats))
        raise ImageError("unsupported_format", f"is {found.format.upper()}", f"send {allowed}")
    if found.stored_width_px * found.stored_height_px > limits.max_pixels:
        raise ImageError(
            "too_many_pixels",
            f"is {found.stored_width_px} x {found.stored_height_px} px, at most {limits.max_pixels} pixels are decoded",
        )
    if found.n_scans > limits.max_scans:
        raise ImageError(
            "too_many_scans", f"is a progressive JPEG of {found.n_scans} scans, at most {limits.max_scans} are decoded"
        )
    return found


def read(path: Path, limits: Limits = ON_DISK, least: Size | None = None) -> NDArray[np.uint8]:
    """Return the pixels of a file, as :func:`decode` does.

    Raises:
        ImageError: with the path: the file cannot be read or decoded.
    """
    try:
        return decode(path.read_bytes(), limits, least)
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error), where=str(path)) from error
    except ImageError as error:
        raise ImageError(error.code, error.problem, error.remedy, str(path)) from error


def size(source: Path | bytes) -> tuple[int, int]:
    """Return a picture's width and height in pixels after the EXIF turn, from its header alone.

    Raises:
        ImageError: not a picture, or its header is broken.
    """
    if isinstance(source, bytes):
        return parse(source, whole=False).size
    try:
        with source.open("rb") as handle:
            if os.fstat(handle.fileno()).st_size == 0:
                raise ImageError("empty", "has no bytes", where=str(source))
            with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return parse(mapped, whole=False).size
    except OSError as error:
        raise ImageError("unreadable", error.strerror or str(error), where=str(source)) from error
    except ImageError as error:
        raise ImageError(error.code, error.problem, error.remedy, str(source)) from error


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Return ``(H, W, 3)`` RGB or ``(H, W)`` grey uint8 pixels as a PNG file."""
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise DentlineError(
            "encode_png", f"got {picture.dtype} of shape {picture.shape}", "give uint8 (H, W, 3) or (H, W)"
        )
    stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, buffer = cv2.imencode(".png", stored)
    if not done:
        raise DentlineError("encode_png", f"OpenCV could not write shape {picture.shape}")
    return buffer.tobytes()


def _pixels(data: bytes, found: Header, least: Size | None) -> NDArray[np.uint8] | None:
    if found.format == "jpeg":
        height, width = _reduced(found, least)
        decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=height, min_width=width, strict=True
        )
        return decoded
    kept = b"".join(data[start:end] for start, end in found.keep) if found.keep else data
    return cv2.imdecode(  # type: ignore[return-value]
        np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    )


def _reduced(found: Header, least: Size | None) -> tuple[int, int]:
    """Return the height and width that a picture is decoded at, before its EXIF turn."""
    height, width = found.stored_height_px, found.stored_width_px
    if found.format != "jpeg" or least is None:
        return height, width
    wanted = least if found.orientation < 5 else least[::-1]
    sizes = ((-(-height // by), -(-width // by)) for by in (8, 4, 2))
    return next((size for size in sizes if size[1] >= wanted[0] and size[0] >= wanted[1]), (height, width))
