"""The dark card that small parts are photographed on: light that falls off, fibres, specks, sensor noise."""

import cv2
import numpy as np
from numpy.typing import NDArray


def draw(rng: np.random.Generator, width: int, height: int, level: float = 55.0) -> NDArray[np.float32]:
    """Return grey (height, width) float32, 0..255, brightest somewhere near the middle."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] - np.float32(rng.uniform(-0.3, 0.3))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(rng.uniform(-0.3, 0.3))
    card = np.float32(level) * (1 - np.float32(rng.uniform(0.15, 0.3)) * (x**2 + y**2))
    coarse = rng.standard_normal((height // 6 + 2, width // 6 + 2), dtype=np.float32)
    card += 1.2 * np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    n_specks = int(rng.integers(20, 80))
    rows, columns = rng.integers(0, height, n_specks), rng.integers(0, width, n_specks)
    card[rows, columns] += rng.uniform(10, 50, n_specks).astype(np.float32)
    return card


def exposed(rng: np.random.Generator, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture as a camera gives it: a little blur, noise, whole numbers."""
    blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 0.9))), np.float32)
    noisy = blurred + np.float32(rng.uniform(1.0, 2.5)) * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
