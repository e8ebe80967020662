"""From annotations to patches: what is cut where, and that the split is inherited."""

import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dentline import images
from dentline.errors import DentlineError
from dentline.recipe import Patches
from labeling import cut_shards, cutting, negatives, patches
from labeling.annotation import Annotation, Center, Status
from labeling.split import Assignment


def note(
    photo: str, *xy: tuple[float, float], size: tuple[int, int] = (400, 300), status: Status = "clean"
) -> Annotation:
    centers = tuple(Center(*p) for p in xy)
    when = datetime(2026, 11, 20, tzinfo=UTC)
    return Annotation(photo, *size, centers, "marked" if xy else status, "ann", 1, when)


SIDES = {"a.jpg": Assignment("A", "train"), "b.jpg": Assignment("B", "test")}


@given(
    st.lists(st.tuples(st.floats(0, 399), st.floats(0, 299)), max_size=12),
    st.integers(1, 40),
    st.floats(1, 90),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_negatives_keep_their_distance_and_their_share(
    xy: list[tuple[float, float]], n: int, distance: float, border: float, seed: int
) -> None:
    wanted = Patches(negatives_per_photo=n, negative_distance_px=distance, border_negatives=border)
    drawn = negatives.sample(note("a.jpg", *xy), wanted, np.random.default_rng(seed))
    for x, y, origin in drawn:
        assert all(np.hypot(x - a, y - b) >= distance for a, b in xy)
        assert 0 <= x < 400 and 0 <= y < 300
        assert (32 <= x <= 368 and 32 <= y <= 268) == (origin == "random")
    assert len(drawn) <= n
    if not xy:
        assert sum(origin == "border" for *_, origin in drawn) == round(n * border)
        assert len(drawn) == n


def test_photo_full_of_dents_gives_fewer_negatives() -> None:
    dents = [(float(x), float(y)) for x in range(0, 400, 40) for y in range(0, 300, 40)]
    assert negatives.sample(note("a.jpg", *dents), Patches(), np.random.default_rng(0)) == []


def test_photo_smaller_than_a_patch_has_border_negatives_only() -> None:
    drawn = negatives.sample(note("a.jpg", size=(50, 300)), Patches(), np.random.default_rng(0))
    assert [origin for *_, origin in drawn] == ["border"] * 8


def test_plan_takes_reviewed_photos_and_their_side() -> None:
    notes = [note("a.jpg", (100, 100), (300, 200)), note("b.jpg"), note("new.jpg", status="skipped")]
    planned = cutting.plan(notes, SIDES, Patches())
    assert {p.photo_id for p in planned} == {"a.jpg", "b.jpg"}
    assert {(p.photo_id, p.group, p.split) for p in planned} == {("a.jpg", "A", "train"), ("b.jpg", "B", "test")}
    assert [(p.x, p.y) for p in planned if p.label] == [(100, 100), (300, 200)]
    assert {p.label for p in planned if p.photo_id == "b.jpg"} == {0}
    assert len(planned) == 2 + 2 * 8
    assert len({p.patch_id for p in planned}) == len(planned)


def test_one_photo_more_moves_no_negative() -> None:
    alone = cutting.plan([note("b.jpg")], SIDES, Patches())
    assert [p for p in cutting.plan([note("a.jpg"), note("b.jpg")], SIDES, Patches()) if p.photo_id == "b.jpg"] == alone
    assert cutting.plan([note("b.jpg")], SIDES, Patches(seed=1)) != alone


def test_two_centers_at_one_corner_are_one_patch() -> None:
    planned = cutting.plan([note("a.jpg", (100, 100), (100.2, 99.9), (101, 100))], SIDES, Patches())
    assert [(p.x, p.y) for p in planned if p.label] == [(100, 100), (101, 100)]


def test_patch_id_is_a_plain_file_name() -> None:
    for photo in ("a b/ü.jpg", "ü.jpg", "-x.jpg", "a.b.c.jpg"):
        (patch,) = cutting.plan([note(photo, (100, 100))], {photo: Assignment("A", "train")}, Patches(1, 400.0))
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", patch.patch_id), patch.patch_id


def test_reviewed_photo_outside_the_split_is_refused() -> None:
    with pytest.raises(DentlineError, match=r"new\.jpg.*dentline split"):
        cutting.plan([note("new.jpg")], SIDES, Patches())


def test_cut_patches_are_the_photos_pixels(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), photo[..., ::-1])
    sides = {"a.png": Assignment("A", "train")}
    planned = cutting.plan([note("a.png", (200, 150), (10, 10))], sides, Patches())
    made = cut_shards.cut(tmp_path / "patches", planned, {"a.png": tmp_path / "a.png"})
    inner, outer = made.patches[0], made.patches[1]
    assert (inner.edge, outer.edge) == (0, 1)
    assert np.array_equal(made.contexts[0], photo[70:230, 120:280])
    assert np.array_equal(
        images.read(tmp_path / "patches" / "positive" / f"{inner.patch_id}.png"), photo[118:182, 168:232]
    )
    assert np.array_equal(cutting.pictures(planned, {"a.png": tmp_path / "a.png"}), patches.middle(made.contexts))
    for patch, context in zip(made.patches, made.contexts, strict=True):
        again, edge = patches.cut_contexts(photo, np.array([[patch.x, patch.y]]))
        assert np.array_equal(again[0], context)
        assert edge[0] == patch.edge


def test_photo_that_changed_or_is_gone_is_refused_and_the_old_patches_stay(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((300, 400, 3), np.uint8))
    sides, photos = {"a.png": Assignment("A", "train")}, {"a.png": tmp_path / "a.png"}
    planned = cutting.plan([note("a.png", (200, 150))], sides, Patches())
    before = cut_shards.cut(tmp_path / "patches", planned, photos, sizes={"a.png": (400, 300)})
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(DentlineError, match=r"a\.png: is 40 x 30 px but was marked at 400 x 300"):
        cut_shards.cut(tmp_path / "patches", planned, photos, sizes={"a.png": (400, 300)})
    assert patches.read(tmp_path / "patches").patches == before.patches
    with pytest.raises(DentlineError, match=r"b\.png: was marked but is gone"):
        cut_shards.check_there([note("b.png")], {})
