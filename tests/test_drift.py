"""Drift: what a script does to the pictures is found within 200 of them, and stable ones do not alarm."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dashboards import drift
from dashboards.drift import STEP, WINDOWS, Picture, Thresholds
from dentline import exif, images
from dentline.errors import DentlineError
from dentline.picture_file import parse
from dentline.workspace import Workspace
from deployment import quality, records
from deployment import reference as references
from deployment.answer import Answer, Defects, ids_from
from deployment.drift_check import DriftCheck
from deployment.records import ScoreRecord
from deployment.reference import MEASURES, Reference

Photo = NDArray[np.uint8]
FALSE_ALARMS = 0.1


def part(rng: np.random.Generator, kind: int) -> Photo:
    """A part as the station's camera sees it: its own panel lines and holes, lying a little differently each time."""
    own = np.random.default_rng(kind)
    picture = np.full((150, 200), 120, np.float32)
    for _ in range(5):
        x, y = own.integers(10, 190), own.integers(10, 140)
        cv2.line(picture, (int(x), 0), (int(200 - x), 149), float(own.uniform(60, 100)), 2)
        cv2.circle(picture, (int(x), int(y)), int(own.integers(4, 12)), float(own.uniform(10, 60)), -1)
    turn = cv2.getRotationMatrix2D((100, 75), float(rng.normal(0, 0.7)), float(rng.normal(1, 0.005)))
    turn[:, 2] += rng.normal(0, 2, 2)
    moved = cv2.warpAffine(picture, turn, (200, 150), borderMode=cv2.BORDER_REFLECT)
    noisy = moved * rng.normal(1, 0.05) + rng.normal(0, 4, picture.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def tilt(photo: Photo) -> Photo:
    corners = np.array([[0, 0], [200, 0], [200, 150], [0, 150]], np.float32)
    seen = corners + np.array([[12, 8], [-4, 0], [0, 0], [0, -6]], np.float32)
    turned: Photo = cv2.warpPerspective(
        photo, cv2.getPerspectiveTransform(corners, seen), (200, 150), borderMode=cv2.BORDER_REFLECT
    ).astype(np.uint8)
    return turned


CHANGES: dict[str, Callable[[Photo], Photo]] = {
    "dimming by a fifth": lambda photo: (photo * 0.8).astype(np.uint8),
    "defocus": lambda photo: cv2.GaussianBlur(photo, (0, 0), 1.0).astype(np.uint8),
    "a tilted camera": tilt,
}


def measure(photo: Photo) -> dict[str, float]:
    seen = quality.measure(photo)
    size = float(np.sqrt(photo.shape[0] * photo.shape[1]))
    return {
        "brightness": seen.brightness,
        "contrast": seen.contrast,
        "sharpness": seen.sharpness,
        "saturation": seen.saturation,
        "size": size,
    }


@pytest.fixture(scope="module")
def reference() -> Reference:
    rng = np.random.default_rng(1)
    photos = [part(rng, 7) for _ in range(300)]
    groups = [f"part-{i // 2}" for i in range(300)]
    described, measured = [references.features(p) for p in photos], [measure(p) for p in photos]
    return references.make(described, measured, groups, [""] * 300)


def picture(seq: int, photo: Photo, reference: Reference) -> Picture:
    values = measure(photo) | {"camera": 0.0, "distance": reference.distance(references.features(photo))}
    return Picture(seq, f"2026-11-20T00:00:{seq % 60:02d}", tuple(values[name] for name in MEASURES))


def alarms(pictures: list[Picture], thresholds: Thresholds) -> list[tuple[int, str]]:
    """Return after how many pictures each alarm of the running windows came, and of which measure."""
    found = []
    for end in range(min(WINDOWS), len(pictures) + 1, STEP):
        for size in WINDOWS:
            if end >= size:
                checks = drift.compare(pictures[end - size : end], thresholds, "photos", "run", "line 1")
                found += [(end, check.measure) for check in checks if check.is_alarm]
    return found


@pytest.mark.parametrize("change", [*CHANGES, "a new part"])
def test_each_scripted_change_is_found_within_200_photos(reference: Reference, change: str) -> None:
    rng = np.random.default_rng(2)
    thresholds = Thresholds(reference, FALSE_ALARMS)
    n_before = min(WINDOWS)
    before = [part(rng, 7) for _ in range(n_before)]
    after = [part(rng, 8) if change == "a new part" else CHANGES[change](part(rng, 7)) for _ in range(200)]
    found = alarms([picture(i, p, reference) for i, p in enumerate(before + after)], thresholds)
    assert found and found[0][0] > n_before, "not before it happened"
    assert found[0][0] - n_before <= 200


def test_at_most_one_false_alarm_in_10_000_stable_photos(reference: Reference) -> None:
    rng = np.random.default_rng(3)
    thresholds = Thresholds(reference, FALSE_ALARMS)
    stable = [picture(i, part(rng, 7), reference) for i in range(10_000)]
    assert len(alarms(stable, thresholds)) <= 1


@pytest.mark.parametrize(("n_reference", "n"), [(40, 100), (150, 100), (1000, 100), (200, 30), (300, 2000)])
@pytest.mark.parametrize("alike", [1, 5])
def test_thresholds_hold_the_rate_they_are_given(reference: Reference, n_reference: int, n: int, alike: int) -> None:
    """Both statistics depend on ranks alone, so uniform numbers stand for any stable measure; photos come `alike`."""
    rng = np.random.default_rng(4)
    crowding = dict.fromkeys(MEASURES, float(alike))
    values = dict.fromkeys(MEASURES, np.zeros(n_reference))
    thresholds = Thresholds(replace(reference, values=values, crowding=crowding), FALSE_ALARMS)
    thresholds.level = 1e-3
    n_trials, n_ks, n_psi = 4000, 0, 0
    known, limit, n_bins = thresholds.ks("size", n), thresholds.psi("size", n), thresholds.bins("size", n)
    for _ in range(n_trials):
        one, other = (np.repeat(rng.random(size // alike), alike) for size in (n_reference, n))
        one.sort()
        n_ks += drift.ks(one, other) >= known
        n_psi += drift.psi(one, other, n_bins) >= limit
    assert n_ks <= 11 and n_psi <= 11, "4 are expected; 11 are passed once in 1,000"


def test_crowding_tells_how_many_photos_count_for_one() -> None:
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(200), 6)
    assert references.crowded(rng.random(1200), group) == pytest.approx(1, abs=0.25), "as different as any others"
    assert references.crowded(np.repeat(rng.random(200), 6), group) == pytest.approx(6), "the same"
    half = np.repeat(rng.normal(size=200), 6) + rng.normal(size=1200)
    assert references.crowded(half, group) == pytest.approx(1 + 5 * 0.5, abs=0.5)
    assert references.crowded(np.zeros(1200), group) == 1, "a constant says nothing"


def test_ks_is_scipys(reference: Reference) -> None:
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(5)
    one, other = np.sort(rng.normal(size=80)), rng.normal(0.3, 1, 60).round(1)
    assert drift.ks(one, other) == pytest.approx(ks_2samp(one, other).statistic)


def test_reference_reads_back_the_same(reference: Reference) -> None:
    again = references.loads(references.dumps(reference))
    assert again.distance(again.mean) == reference.distance(reference.mean)
    assert all((again.values[name] == reference.values[name]).all() for name in MEASURES)
    with pytest.raises(DentlineError, match="cannot be read"):
        references.loads(b"PK\x03\x04 cut")


def scored(seq: int, photo: Photo, moment: datetime, reference: Reference) -> ScoreRecord:
    seen = quality.measure(photo)
    seen = replace(seen, distance=reference.distance(references.features(photo)))
    nothing = Defects(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    answer = Answer(
        f"{ids_from(moment)}{seq:020x}",
        "r",
        moment.strftime("%Y-%m-%dT%H:%M:%S.000"),
        "run",
        "00",
        200,
        150,
        0.1,
        0.5,
        "ok",
        nothing,
        seen,
        5.0,
    )
    return ScoreRecord(answer, "http", None, None, "line 1")


def test_check_reads_what_is_new_and_records_it_once(
    reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    monkeypatch.setattr(drift.bundle, "load", lambda folder: SimpleNamespace(reference=reference))
    rng, start, made = np.random.default_rng(6), datetime(2026, 11, 19, 20, tzinfo=UTC), 0
    writer = records.Records(workspace.scores)
    found: list[DriftCheck] = []
    for dim, n in ((1.0, 330), (0.6, 170)):
        for first in range(0, n, 45):
            batch = []
            for _ in range(min(45, n - first)):
                photo = (part(rng, 7) * dim).astype(np.uint8)
                batch.append(scored(made, photo, start + timedelta(minutes=made), reference))
                made += 1
            writer.add(batch)
            found += drift.check(workspace, FALSE_ALARMS).checks
    writer.close()
    assert not drift.check(workspace, FALSE_ALARMS).checks, "what was looked at is not looked at again"
    connection = records.open_for_reading(workspace.scores)
    stored = connection.execute("SELECT period, measure, n_photos, is_alarm, upto_seq FROM drift").fetchall()
    assert len(stored) == len(found)
    running = [row for row in stored if row[:3] == ("photos", "brightness", 100)]
    assert [row[4] for row in running] == list(range(100, 501, 50))
    longer = [row for row in stored if row[:3] == ("photos", "brightness", 200)]
    assert [row[4] for row in longer] == list(range(200, 501, 50))
    assert [row[3] for row in running] == [0] * 6 + [1] * 3, "350 has 20 dim photos of 100"
    hours = [row for row in stored if row[:2] == ("hour", "brightness")]
    assert [row[2] for row in hours] == [60] * 8 and [row[2] for row in stored if row[:2] == ("day", "size")] == [240]
    latest = records.latest_drift(connection)
    assert {(c.station, c.measure) for c in latest if c.is_alarm} >= {("line 1", "brightness")}


def test_model_without_a_reference_is_named(reference: Reference, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    writer = records.Records(workspace.scores)
    writer.add([scored(1, part(np.random.default_rng(0), 7), datetime(2026, 11, 20, tzinfo=UTC), reference)])
    writer.close()
    assert drift.check(workspace, FALSE_ALARMS) == drift.Checked((), ("run",))


def test_too_few_training_photos_make_no_reference() -> None:
    with pytest.raises(DentlineError, match="19 training photos"):
        references.make([np.zeros(48)] * 19, [dict.fromkeys(MEASURES, 0.0)] * 19, ["a"] * 19, [""] * 19)


def test_camera_is_read_from_exif() -> None:
    plain = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    assert exif.camera(parse(plain).exif) is None
    texts = (b"Basler\0", b"acA2440\0")
    entries, place, tail = b"", 8 + 2 + 24 + 4, b""
    for tag, text in zip((0x010F, 0x0110), texts, strict=True):
        entries += tag.to_bytes(2, "little") + b"\x02\0" + len(text).to_bytes(4, "little")
        entries += (place + len(tail)).to_bytes(4, "little")
        tail += text
    tiff = b"II*\0\x08\0\0\0" + b"\x02\0" + entries + b"\0\0\0\0" + tail
    body = b"Exif\0\0" + tiff
    told = plain[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]
    assert exif.camera(parse(told).exif) == "Basler acA2440"
    assert images.decode(told).shape == (8, 8, 3)
