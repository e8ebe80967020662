"""Blobs of a photo as proposals, and places merged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deployment import places, scan
from deployment.calibration import Calibration
from deployment.proposals import MARGIN_PX, propose
from deployment.scorer import Scorer
from tests import tiny_model


def pitted(*pits: tuple[float, float, float, float]) -> np.ndarray:
    """A noisy photo with pits (x, y, radius, depth); a bright one where depth is negative."""
    yy, xx = np.mgrid[:240, :320] + 0.5
    photo = np.random.default_rng(0).normal(130, 2, (240, 320))
    for x, y, radius, depth in pits:
        photo -= depth * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * radius**2))
    return np.repeat(np.clip(photo, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_dark_and_bright_pits_of_any_size_come_first() -> None:
    pits = [(60.0, 50.0, 2.0, 50.0), (200.0, 120.0, 5.0, 40.0), (120.0, 180.0, 9.0, 40.0), (270.0, 60.0, 4.0, -50.0)]
    found = propose(pitted(*pits), 6)
    assert (np.hypot(*(found[3:] - (270, 60)).T) < 2.5).any()
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


def test_bands_find_what_the_whole_photo_does() -> None:
    photo = pitted((60, 50, 2, 50), (200, 119, 5, 40), (120, 121, 9, 40), (270, 60, 4, -50))
    whole = propose(photo, 40)
    assert np.array_equal(whole, propose(photo, 40, band_px=320 * 30))
    assert len(whole) == 40


def test_a_dark_spot_cut_by_the_edge_is_no_blob_but_a_pit_near_it_is() -> None:
    photo = pitted((160, 0, 8, 60), (310, 120, 4, 60))
    found = propose(photo, 2)[:1]
    assert np.hypot(*(found[0] - (310, 120))) < 2.5


def test_of_near_places_the_surest_is_kept() -> None:
    xy = np.array([[10.0, 10], [30, 10], [100, 100], [45, 10]])
    merged = scan.merge(xy, np.array([0.5, 0.9, 0.7, 0.8]))
    assert merged.xy.tolist() == [[30, 10], [100, 100]] and merged.p.tolist() == [np.float32(0.9), np.float32(0.7)]
    assert len(scan.merge(np.empty((0, 2)), np.empty(0))) == 0


def test_a_dent_that_lights_up_several_places_is_surer_than_a_lone_spike() -> None:
    heat = np.full((30, 40), 0.1, np.float32)
    heat[5, 6] = 0.95
    heat[20:23, 30:33] = 0.9
    photo = np.zeros((232, 312, 3), np.uint8)
    found = places.of_scan(heat, photo, 2)
    assert found.xy.tolist() == [pytest.approx([31 * 8, 21 * 8], abs=1), pytest.approx([6 * 8, 5 * 8], abs=1)]
    assert found.p[0] > 0.5 > found.p[1] > 0.1
    steady = np.full((30, 40), 0.7, np.float32)  # what is the same everywhere stays, at the photo's edge too
    assert places.of_scan(steady, photo, 50).p == pytest.approx(0.7)


@pytest.mark.parametrize("source", ["", "blobs", "scan", "both"])
def test_the_contracts_calibration_threshold_and_source_decide(tmp_path: Path, source: str) -> None:
    made = tiny_model.write(tmp_path / "bundle")
    contract = replace(made.contract, source=source, n_proposals=8, calibration=(0.5, -1.0), scan_threshold=0.2)
    photo = tiny_model.surface(200, 300, [(104.0, 120.0), (200.0, 64.0)])
    plain, scorer = Scorer(made), Scorer(replace(made, contract=contract))
    plain.setup()
    scorer.setup()
    before, after = plain.predict(photo), scorer.predict(photo)
    calibrated = Calibration(0.5, -1.0)
    np.testing.assert_allclose(after.heat, calibrated.p(before.heat), atol=1e-6)
    assert after.threshold == 0.2 and len(after.defects) == 2 and after.verdict == "defect"
    for x, y in ((104, 120), (200, 64)):
        assert np.hypot(*(after.defects.xy - (x, y)).T).min() < 6
    assert after.p == pytest.approx(float(after.defects.p.max()))
    patch = photo[120 - 32 : 120 + 32, 104 - 32 : 104 + 32]
    assert scorer.predict(patch).p == plain.predict(patch).p
    strict = Scorer(replace(made, contract=replace(contract, scan_threshold=0.9999)))
    strict.setup()
    assert len(strict.predict(photo).defects) == 0 and strict.predict(photo).verdict == "ok"
