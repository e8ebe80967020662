"""The contact sheet: all variants of a patch on one picture, each with what was done to it."""

from collections.abc import Sequence

import cv2
import numpy as np

from augmentation.dihedral import N_TURNS, N_VARIANTS, Pixels, is_mirrored, turn_deg, variants
from augmentation.random import random_article
from dentline.geometry import PATCH_PX

_CELL_PX = 2 * PATCH_PX
_GAP_PX = 6
_CAPTION_PX = 20
_PAPER = 250
_INK = (40, 40, 40)
_PER_ROW = N_TURNS // 2


def caption(index: int) -> str:
    """Return what variant `index` is, in words: ``45``, ``mirror 45``."""
    return f"{'mirror ' if is_mirrored(index) else ''}{turn_deg(index)}"


def all_variants(context: Pixels) -> Pixels:
    """Return the 48 variants of one context (160, 160, 3) as one picture (H, W, 3) uint8.

    Two rows of turns, two rows of mirrored turns, each patch at twice its size.
    """
    return sheet(variants(context, PATCH_PX), [caption(k) for k in range(N_VARIANTS)])


def random_draws(context: Pixels, rng: np.random.Generator, n: int = N_VARIANTS) -> Pixels:
    """Return `n` of the article's random transforms of one context as one picture."""
    made = random_article(np.repeat(context[np.newaxis], n, axis=0), rng, PATCH_PX)
    return sheet(made, [str(k + 1) for k in range(n)])


def sheet(patches: Pixels, captions: Sequence[str], per_row: int = _PER_ROW) -> Pixels:
    """Lay patches (n, 64, 64, 3) out in rows with a caption above each."""
    rows = -(-len(patches) // per_row)
    step_x, step_y = _CELL_PX + _GAP_PX, _CELL_PX + _GAP_PX + _CAPTION_PX
    page = np.full((rows * step_y + _GAP_PX, per_row * step_x + _GAP_PX, 3), _PAPER, np.uint8)
    for k, (patch, words) in enumerate(zip(patches, captions, strict=True)):
        top, left = _GAP_PX + k // per_row * step_y, _GAP_PX + k % per_row * step_x
        cv2.putText(page, words, (left, top + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
        enlarged = cv2.resize(patch, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_NEAREST)
        page[top + _CAPTION_PX : top + _CAPTION_PX + _CELL_PX, left : left + _CELL_PX] = enlarged
    return page
