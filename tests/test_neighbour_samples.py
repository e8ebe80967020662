"""The generated photos of the four neighbours: the same bytes from the same seed, truth where it is said to be."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from dentline import prepare
from dentline.errors import DentlineError
from dentline.outline import find_part
from samples import album, certificates, nails, parts, screws


def pixels(photo: album.Photo) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(photo.data, np.uint8), cv2.IMREAD_COLOR_RGB)


MAKERS = {
    "nails": lambda seed: nails.photos(2, 1, seed),
    "screws": lambda seed: screws.photos(1, 1, 1, seed),
    "parts": lambda seed: parts.photos(2, 1, seed),
    "certificates": lambda seed: certificates.photos(2, 1, seed),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_seed_gives_the_same_bytes_and_another_gives_others(kind: str) -> None:
    one, again, other = (list(MAKERS[kind](seed)) for seed in (3, 3, 4))
    assert [p.data for p in one] == [p.data for p in again] != [p.data for p in other]
    assert len({p.part for p in one}) == 2
    shape = {"nails": (1216, 1936, 3), "screws": (1024, 1024, 3), "parts": (480, 480, 3), "certificates": (400, 400, 3)}
    assert {pixels(p).shape for p in one} == {shape[kind]}


def test_bent_nails_bow_and_good_ones_do_not() -> None:
    calls = prepare.parse(["grey", "upright(length_px=240, height_px=144)", "centre_line"])
    made = list(nails.photos(12, 1, 0))
    wave = np.array([prepare.prepare(pixels(p), calls).array[2] for p in made])
    bent = np.array([len(p.points) > 0 for p in made])
    assert bent.sum() == 6
    assert wave[~bent].max() < wave[bent].min(), (wave[~bent], wave[bent])


def test_a_bent_nails_mark_lies_on_the_nail() -> None:
    for photo in (p for p in nails.photos(6, 1, 1) if len(p.points)):
        grey = pixels(photo)[:, :, 0].astype(float)
        x, y = photo.points[0].astype(int)
        near, around = grey[y - 8 : y + 9, x - 8 : x + 9], grey[y - 80 : y + 80, x - 80 : x + 80]
        assert near.max() > np.median(around) + 15


def test_screws_are_as_many_as_asked_and_bad_ones_marked_on_the_screw() -> None:
    made = list(screws.photos(2, 4, 1, 0))
    assert [len(p.points) for p in made] == [0, 0, 1, 1, 1, 1]
    for photo in made[2:]:
        x, y = photo.points[0].astype(int)
        assert pixels(photo)[y - 40 : y + 41, x - 40 : x + 41].max() > 100


def test_large_parts_are_larger() -> None:
    made = list(parts.photos(12, 1, 0))
    extent = np.array([extent_px(pixels(p)) for p in made])
    large = np.array([len(p.points) > 0 for p in made])
    assert extent[~large].max() < extent[large].min()


def extent_px(photo: np.ndarray) -> float:
    outline = find_part(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    assert outline is not None
    return outline.length_px


def test_certificate_corners_go_clockwise_around_the_field() -> None:
    for photo in certificates.photos(8, 1, 0):
        corners = photo.points
        assert corners.shape == (4, 2)
        a, b, c, d = corners
        assert np.linalg.norm(b - a) == pytest.approx(np.linalg.norm(c - d))
        assert np.linalg.norm(b - a) > 3 * np.linalg.norm(d - a)
        assert np.linalg.det([b - a, c - b]) > 0  # clockwise on a picture, whose y goes down
        assert ((corners >= 0) & (corners < 400)).all()


def test_the_field_lies_where_the_corners_say() -> None:
    for photo in certificates.photos(4, 1, 5):
        to_field = cv2.getPerspectiveTransform(
            photo.points.astype(np.float32), np.array([[0, 0], [126, 0], [126, 30], [0, 30]], np.float32)
        )
        field = cv2.medianBlur(cv2.warpPerspective(pixels(photo), to_field, (126, 30)), 3)
        frame = np.concatenate([field[1, 5:-5], field[-2, 5:-5]]).astype(float)
        assert frame[:, 0].mean() - frame[:, 1].mean() > 20  # its red frame runs along the cut-out's border


def test_an_album_is_not_written_over(tmp_path: Path) -> None:
    made = parts.generate(tmp_path, 2, 1)
    assert (made.n_parts, made.n_photos, made.n_points) == (2, 2, 1)
    rows = list(csv.DictReader((tmp_path / "images.csv").read_text().splitlines()))
    assert [row["surface"] for row in rows] == ["free", "large"]
    with pytest.raises(DentlineError, match="holds files already"):
        parts.generate(tmp_path, 2, 1)
