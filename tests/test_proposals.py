"""Blobs of a photo as proposals, and places merged."""

import numpy as np

from deployment import scan
from deployment.proposals import MARGIN_PX, propose


def pitted(*pits: tuple[float, float, float, float]) -> np.ndarray:
    """A noisy photo with pits (x, y, radius, depth); a bright one where depth is negative."""
    yy, xx = np.mgrid[:240, :320] + 0.5
    photo = np.random.default_rng(0).normal(130, 2, (240, 320))
    for x, y, radius, depth in pits:
        photo -= depth * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * radius**2))
    return np.repeat(np.clip(photo, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_dark_and_bright_pits_of_any_size_come_first() -> None:
    pits = [(60.0, 50.0, 2.0, 50.0), (200.0, 120.0, 5.0, 40.0), (120.0, 180.0, 9.0, 40.0), (270.0, 60.0, 4.0, -50.0)]
    found = propose(pitted(*pits), 4)
    for x, y, _, _ in pits:
        assert np.hypot(*(found - (x, y)).T).min() < 2.5


def test_a_line_and_an_edge_are_no_blobs() -> None:
    photo = pitted((160, 120, 4, 40))
    photo[:, 80:84] //= 2
    photo[:, 250:] //= 2
    assert np.hypot(*(propose(photo, 1)[0] - (160, 120))) < 2


def test_nothing_is_proposed_on_the_edge_or_without_contrast() -> None:
    found = propose(pitted((0, 120, 6, 60), (160, 239, 6, 60)), 500)
    assert len(found) and found[:, 0].min() >= MARGIN_PX and found[:, 1].max() <= 240 - MARGIN_PX
    assert propose(np.full((80, 90, 3), 7, np.uint8), 5).shape == (0, 2)


def test_of_near_places_the_surest_is_kept() -> None:
    xy = np.array([[10.0, 10], [30, 10], [100, 100], [45, 10]])
    merged = scan.merge(xy, np.array([0.5, 0.9, 0.7, 0.8]))
    assert merged.xy.tolist() == [[30, 10], [100, 100]] and merged.p.tolist() == [np.float32(0.9), np.float32(0.7)]
    assert len(scan.merge(np.empty((0, 2)), np.empty(0))) == 0
