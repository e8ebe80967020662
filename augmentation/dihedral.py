"""The 48 variants of a patch: 24 turns by 15 degrees, each also mirrored, about the exact centre.

Five warps make all of them. Only the turns by 15, 30, 45, 60 and 75 degrees fall between pixels;
these and the unturned patch, each seen under the eight exact symmetries of the square, are the 48.
A vertical mirror is a horizontal one turned by 180 degrees, so both mirrors of the article are
among them.

The eight symmetries move pixels without touching them, at the speed of a copy. RGB is padded to 4
bytes a pixel for the warps and transpositions, which OpenCV then does in half the time; upside down
moves whole rows, of six pictures at once.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.errors import DentlineError
from dentline.geometry import FIELD_PX
from labeling.patches import middle

STEP_DEG = 15
N_TURNS = 360 // STEP_DEG
N_VARIANTS = 2 * N_TURNS

Pixels = NDArray[np.uint8]

_QUARTERS = 4
_BETWEEN = N_TURNS // _QUARTERS

_Move = Callable[[Pixels, Pixels], Any]
_QUARTER_TURNS: tuple[_Move, ...] = (
    lambda image, out: np.copyto(out, image),
    lambda image, out: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE, out),
    lambda image, out: cv2.rotate(image, cv2.ROTATE_180, out),
    lambda image, out: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE, out),
)
_MIRROR_THEN_QUARTER_TURNS: tuple[_Move, ...] = (
    lambda image, out: cv2.flip(image, 1, out),
    lambda image, out: cv2.transpose(image, out),
    lambda image, out: cv2.flip(image, 0, out),
    lambda image, out: cv2.rotate(cv2.flip(image, 1), cv2.ROTATE_90_CLOCKWISE, out),
)


def turn_deg(index: int) -> int:
    """Return by how many degrees variant `index` is turned, counter-clockwise as seen."""
    return index % N_TURNS * STEP_DEG


def is_mirrored(index: int) -> bool:
    """Return whether variant `index` was mirrored left to right before it was turned."""
    return index >= N_TURNS


def variants(context: Pixels, side: int = FIELD_PX, out: Pixels | None = None) -> Pixels:
    """Return all variants of one patch, cut from its context so that no pixel is made up.

    Args:
        context: (H, H, C) uint8 with C 1, 3 or 4, H even, the patch in its middle; at least
            ``side * sqrt(2)`` wide, so that the corners of a turned square still lie inside.
        side: of the squares returned, pixels, even.
        out: (48, side, side, C) uint8 to write into, for who makes them patch after patch.

    Returns:
        (48, side, side, C) uint8. Variant k < 24 is turned by ``15 * k`` degrees counter-clockwise;
        k + 24 is mirrored left to right and then turned so.

    Raises:
        DentlineError: the context has another shape or is too small for `side`, or `out` does not fit.
    """
    _check(context, side)
    shape = (N_VARIANTS, side, side, context.shape[2])
    if out is not None and (out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous):
        raise DentlineError("variants", f"out is {out.dtype} {out.shape}", f"give contiguous uint8 {shape}")
    made = np.empty(shape, np.uint8) if out is None else out
    padded = _padded(context)
    turned, across = np.empty((2, _BETWEEN, side, side, padded.shape[2]), np.uint8)
    for k in range(_BETWEEN):
        _turn(padded, k, turned[k])
        cv2.transpose(turned[k], across[~k])

    def pile(first: int, n: int) -> Pixels:
        return made[first : first + n].reshape(-1, *shape[2:])

    _unpad(turned.reshape(-1, *turned.shape[2:]), pile(0, 6))
    _unpad(across.reshape(-1, *across.shape[2:]), pile(25, 6))
    for k in range(_BETWEEN):
        # A turn by t, mirrored, is the mirrored patch turned by -t: what is mirrored runs backwards.
        cv2.flip(made[k], 1, made[N_TURNS + -k % N_TURNS])
        cv2.flip(made[25 + k], -1, made[37 + k])
    # A pile turned upside down as one runs backwards too.
    for n, first, first_below in ((6, 0, 31), (1, 24, 12), (5, 43, 13), (6, 25, 6), (6, 37, 18)):
        cv2.flip(pile(first, n), 0, pile(first_below, n))
    return made


def variant(context: Pixels, index: int, side: int = FIELD_PX) -> Pixels:
    """Return ``variants(context, side)[index]`` without making the others: (side, side, C) uint8."""
    (made,) = chosen(context[np.newaxis], np.array([index]), side)
    return np.asarray(made, dtype=np.uint8)


def chosen(contexts: Pixels, indices: NDArray[Any], side: int = FIELD_PX) -> Pixels:
    """Return one variant of each patch.

    Args:
        contexts: (N, H, H, C) uint8, each as :func:`variants` takes it.
        indices: (N,) integers 0..47.
        side: of the squares returned, pixels.

    Returns:
        (N, side, side, C) uint8, to the bit what :func:`variants` makes.

    Raises:
        DentlineError: as :func:`variants`, or an index is not one of the 48.
    """
    if len(indices) != len(contexts) or (len(indices) and not 0 <= min(indices) <= max(indices) < N_VARIANTS):
        raise DentlineError("variants", f"{len(indices)} indices for {len(contexts)} patches", "give one of 0..47 each")
    made = np.empty((len(contexts), side, side, *contexts.shape[3:]), dtype=np.uint8)
    if len(contexts):
        _check(contexts[0], side)
    for context, index, out in zip(contexts, indices, made, strict=True):
        turn = int(index) % N_TURNS
        moves = _MIRROR_THEN_QUARTER_TURNS if is_mirrored(int(index)) else _QUARTER_TURNS
        between = (-turn if is_mirrored(int(index)) else turn) % _BETWEEN
        quarter = (turn + between if is_mirrored(int(index)) else turn - between) // _BETWEEN % _QUARTERS
        padded = _padded(context)
        turned, unpadded = np.empty((side, side, padded.shape[2]), np.uint8), np.empty_like(out)
        _turn(padded, between, turned)
        _unpad(turned, unpadded)
        moves[quarter](unpadded, out)
    return made


def about_centre(linear: NDArray[np.float64], context_px: int, side: int) -> NDArray[np.float64]:
    """Return the (2, 3) matrix from places of the result to places of the context, centre on centre.

    In OpenCV's coordinates a pixel's middle is a whole number, so the middle of n pixels is
    ``(n - 1) / 2``.
    """
    shift = (context_px - 1) / 2 - linear @ np.full(2, (side - 1) / 2)
    return np.hstack([linear, shift[:, np.newaxis]])


def _padded(context: Pixels) -> Pixels:
    image = cv2.cvtColor(context, cv2.COLOR_RGB2RGBA) if context.shape[2] == 3 else np.ascontiguousarray(context)
    return np.asarray(image, dtype=np.uint8)


def _unpad(picture: Pixels, out: Pixels) -> None:
    if picture.shape == out.shape:
        np.copyto(out, picture)
    else:
        cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB, out)


def _turn(padded: Pixels, between: int, out: Pixels) -> None:
    """Write a context turned by ``15 * between`` degrees, its middle, into `out` (side, side, C)."""
    side = len(out)
    if between == 0:
        np.copyto(out, middle(padded, side))
        return
    warp = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(padded, _turn_matrix(between, len(padded), side), (side, side), out, warp, cv2.BORDER_REFLECT)


@cache
def _turn_matrix(between: int, context_px: int, side: int) -> NDArray[np.float64]:
    angle = np.deg2rad(STEP_DEG * between)
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return about_centre(linear, context_px, side)


def _check(context: Pixels, side: int) -> None:
    shape = context.shape
    if (
        context.dtype != np.uint8
        or len(shape) != 3
        or shape[2] not in (1, 3, 4)
        or shape[0] != shape[1]
        or shape[0] % 2
    ):
        raise DentlineError(
            "variants", f"context is {context.dtype} {shape}", "give uint8 (H, H, C), H even, C one of 1, 3, 4"
        )
    if side < 2 or side % 2 or side * np.sqrt(2) > shape[0]:
        raise DentlineError(
            "variants", f"side {side} from a context of {shape[0]} px", "give an even side of at most H / sqrt(2)"
        )
