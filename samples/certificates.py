"""Photos of registration certificates, 400 x 400, with the four corners of their number field.

As in the talk this recipe follows: turned by a quarter and by up to 10 degrees more, noise on up to a
tenth of the pixels, and fields that lie anywhere from the photo's edge to its middle. The corners go
clockwise from the field's own top left, whichever way the certificate lies.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from samples import album

SIDE_PX = 400
SHEET_PX = (300, 210)
"""Width and height of the certificate before it is turned."""

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def generate(folder: Path, n_certificates: int = 200, photos_per_certificate: int = 1, seed: int = 0) -> album.Made:
    """Write photos of certificates and the corners; the same arguments give the same bytes."""
    return album.write(folder, photos(n_certificates, photos_per_certificate, seed), marked="field")


def photos(n_certificates: int, photos_per_certificate: int, seed: int) -> Iterator[album.Photo]:
    """Yield the photos of each certificate, one after another."""
    for number in range(n_certificates):
        for shot in range(photos_per_certificate):
            pixels, corners = take(np.random.default_rng([seed, number]), np.random.default_rng([seed, number, shot]))
            name = f"certificate-{number:04d}"
            yield album.Photo(f"{name}-{shot}.jpg", name, album.jpeg(pixels, 90), corners)


def take(content: np.random.Generator, shot: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return one photo (400, 400, 3) uint8 RGB and the field's corners (4, 2), all on the photo."""
    sheet, field = _sheet(content)
    while True:
        matrix = _placed(shot)
        corners = field @ matrix[:, :2].T + matrix[:, 2]
        if ((corners >= 0) & (corners < SIDE_PX)).all():
            break
    table = shot.uniform(40, 150, 3) + 12 * shot.standard_normal(3)
    to_centres = matrix.copy()  # warpAffine counts from pixel middles, corners from pixel corners
    to_centres[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    photo = np.asarray(
        cv2.warpAffine(
            sheet, to_centres, (SIDE_PX, SIDE_PX), flags=cv2.INTER_AREA, borderValue=tuple(float(v) for v in table)
        ),
        np.float32,
    )
    ramp = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    shade = 1 + shot.uniform(-0.15, 0.15) * ramp[None, :] + shot.uniform(-0.15, 0.15) * ramp[:, None]
    photo = photo * (shade * shot.uniform(0.75, 1.15))[..., None].astype(np.float32)
    photo += np.float32(shot.uniform(1, 6)) * shot.standard_normal(photo.shape, dtype=np.float32)
    noisy = shot.random(photo.shape[:2]) < shot.uniform(0, 0.1)
    photo[noisy] = shot.uniform(0, 255, (int(noisy.sum()), 3))
    return np.clip(np.rint(photo), 0, 255).astype(np.uint8), corners


def _sheet(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a certificate lying upright and the corners of its number field (4, 2)."""
    width, height = SHEET_PX
    paper = np.array([205, 222, 205]) + rng.uniform(-14, 14, 3)
    sheet = np.tile(np.clip(paper, 0, 255).astype(np.uint8), (height, width, 1))
    ink = tuple(int(v) for v in rng.integers(20, 80, 3))
    cv2.rectangle(sheet, (0, 0), (width, 26), (60, 90, 150), -1)
    cv2.putText(sheet, "REGISTRATION", (10, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1, cv2.LINE_AA)
    for row in range(44, height - 10, 17):
        for column in (12, 164):
            end = column + int(rng.integers(40, 120))
            cv2.line(sheet, (column, row), (end, row), ink, 1 + int(rng.random() < 0.3), cv2.LINE_AA)
    left, top = int(rng.integers(100, 112)), int(rng.integers(96, 106))
    wide, high = 126, 30
    cv2.rectangle(sheet, (left, top), (left + wide, top + high), (245, 245, 240), -1)
    cv2.rectangle(sheet, (left, top), (left + wide - 1, top + high - 1), (150, 40, 40), 2)
    text = "".join(LETTERS[i] for i in rng.integers(0, len(LETTERS), 8))
    cv2.putText(sheet, text, (left + 7, top + 21), cv2.FONT_HERSHEY_SIMPLEX, 0.6, ink, 2, cv2.LINE_AA)
    corners = np.array([[left, top], [left + wide, top], [left + wide, top + high], [left, top + high]], np.float64)
    return sheet, corners


def _placed(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (2, 3) from the sheet to the photo: a quarter turn or none, up to 10 degrees, a shift."""
    angle = rng.integers(4) * np.pi / 2 + np.deg2rad(rng.uniform(-10, 10))
    scale = rng.uniform(0.92, 1.12)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = SIDE_PX / 2 + rng.uniform(-70, 70, 2) - turn @ (np.array(SHEET_PX) / 2)
    return np.hstack([turn, shift[:, None]])
