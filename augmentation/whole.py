"""Random variants of whole photos while a network trains, and what becomes of corners marked on them."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline.recipe import Augment


def vary(
    picture: NDArray[np.uint8], corners: NDArray[np.float32] | None, augment: Augment, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
    """Return a variant of a picture (H, W, C) and its corners (8,), shares of width and height.

    A quarter turn and a flip keep real pixels; a turn by less fills the border with the picture's edge.
    Corners are never mirrored: their order would change. Brightness and contrast stay within the
    recipe's limits, and noise replaces no more than its share of the pixels.
    """
    height, width = picture.shape[:2]
    matrix = np.eye(3)
    if augment.flip and corners is None:
        flips = rng.integers(0, 2, 2) * 2 - 1
        matrix = _about_middle(np.diag(flips.astype(float)), width, height) @ matrix
    if augment.turn_degrees or augment.quarter_turns:
        quarters = int(rng.integers(4)) if augment.quarter_turns else 0
        angle = np.deg2rad(rng.uniform(-1, 1) * augment.turn_degrees) + quarters * np.pi / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = _about_middle(turn, width, height) @ matrix
    varied = _warped(picture, matrix) if not np.array_equal(matrix, np.eye(3)) else picture
    moved = None if corners is None else _moved(corners, matrix, width, height)
    return _lit(varied, augment, rng), moved


def _about_middle(linear: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    middle = np.array([width / 2, height / 2])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, middle - linear @ middle
    return matrix


def _warped(picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    half = np.array([[1.0, 0, 0.5], [0, 1.0, 0.5], [0, 0, 1.0]])  # warpAffine counts from pixel middles
    at_middles = np.linalg.inv(half) @ matrix @ half
    size = picture.shape[1], picture.shape[0]
    warped = cv2.warpAffine(picture, at_middles[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8).reshape(picture.shape)


def _moved(corners: NDArray[np.float32], matrix: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    xy = corners.reshape(4, 2) * (width, height)
    moved = xy @ matrix[:2, :2].T + matrix[:2, 2]
    return (moved / (width, height)).astype(np.float32).reshape(8)


def _lit(picture: NDArray[np.uint8], augment: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    if not (augment.brightness or augment.contrast or augment.noise):
        return picture
    gain = 1 + rng.uniform(-augment.brightness, augment.brightness)
    stretch = 1 + rng.uniform(-augment.contrast, augment.contrast)
    mean = float(picture.mean())
    table = np.clip((np.arange(256) - mean) * stretch * gain + mean * gain, 0, 255).astype(np.uint8)
    lit: NDArray[Any] = table[picture]
    if augment.noise:
        hit = rng.random(picture.shape[:2]) < rng.uniform(0, augment.noise)
        lit[hit] = rng.integers(0, 256, (int(hit.sum()), picture.shape[2]), dtype=np.uint8)
    return lit
