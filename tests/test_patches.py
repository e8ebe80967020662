from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dentline.errors import DentlineError
from labeling import patches
from labeling.patches import Patch, continued, cut_contexts, middle


def patch(photo: str, x: float, y: float, label: int = 1, split: str = "train", group: str = "") -> Patch:
    name = f"{photo}-{x:g}-{y:g}"
    return Patch(name, photo, group or photo, split, x, y, label, 0, "center" if label else "random")


def picture(height: int, width: int) -> patches.Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@given(st.integers(-700, 700), st.integers(1, 300), st.integers(1, 60))
def test_continuation_is_numpys(start: int, length: int, size: int) -> None:
    before, after = max(0, -start), max(0, start + length - size)
    padded = np.pad(np.arange(size), (before, after), mode="edge")
    assert np.array_equal(continued(start, start + length, size), padded[start + before : start + before + length])


@pytest.mark.parametrize("center", [(150.0, 120.0), (150.49, 119.5), (149.5, 120.4)])
def test_center_falls_on_the_middle_corner(center: tuple[float, float]) -> None:
    photo = picture(240, 300)
    contexts, edge = cut_contexts(photo, np.array([center]))
    assert contexts.shape == (1, 160, 160, 3)
    assert np.array_equal(contexts[0], photo[40:200, 70:230])
    assert not edge[0]
    assert np.array_equal(middle(contexts)[0], photo[88:152, 118:182])


@pytest.mark.parametrize("center", [(0.0, 0.0), (299.9, 239.9), (79.4, 120), (150, 161)])
def test_pixels_off_the_photo_go_on_and_are_flagged(center: tuple[float, float]) -> None:
    photo = picture(240, 300)
    contexts, edge = cut_contexts(photo, np.array([center]))
    padded = np.pad(photo, ((200, 200), (200, 200), (0, 0)), mode="edge")
    x, y = (int(np.floor(c + 0.5)) + 200 for c in center)
    assert np.array_equal(contexts[0], padded[y - 80 : y + 80, x - 80 : x + 80])
    assert edge[0]


@pytest.mark.parametrize(
    ("center", "leaves"),
    [((80, 80), False), ((220, 160), False), ((79, 120), True), ((221, 120), True), ((150, 161), True)],
)
def test_edge_is_flagged_from_the_first_pixel_on(center: tuple[float, float], leaves: bool) -> None:
    _, edge = cut_contexts(picture(240, 300), np.array([center]))
    assert edge[0] == leaves


def test_photo_smaller_than_the_context_goes_on() -> None:
    contexts, edge = cut_contexts(picture(30, 20), np.array([[10, 15]]))
    padded = np.pad(picture(30, 20), ((100, 100), (100, 100), (0, 0)), mode="edge")
    assert np.array_equal(contexts[0], padded[35:195, 30:190])
    assert edge[0]


def write(folder: Path, rows: Sequence[Patch]) -> patches.PatchSet:
    return patches.write(folder, rows, lambda _, xy: cut_contexts(picture(240, 300), xy)[0], lambda p: p.tobytes())


def test_written_patches_read_back(tmp_path: Path) -> None:
    rows = [patch("a.jpg", 100, 100.25), patch("a.jpg", 20, 30, 0), patch("b.jpg", 150, 100, 1, "test")]
    folder = tmp_path / "patches"
    write(folder, rows[:1])
    made = write(folder, rows)
    assert made.patches == tuple(rows)
    assert made.labels().tolist() == [1, 0, 1]
    assert made.rows("test").tolist() == [2]
    assert np.array_equal(made.contexts[1], cut_contexts(picture(240, 300), np.array([[20, 30]]))[0][0])
    assert sorted(p.name for p in (folder / "positive").iterdir()) == ["a.jpg-100-100.25.png", "b.jpg-150-100.png"]
    assert (folder / "negative" / "a.jpg-20-30.png").read_bytes() == middle(made.contexts)[1].tobytes()
    assert [p.name for p in tmp_path.iterdir()] == ["patches"]


def test_failing_cut_leaves_the_old_patches(tmp_path: Path) -> None:
    write(tmp_path / "patches", [patch("a.jpg", 100, 100)])

    def fail(_: str, xy: object) -> patches.Pixels:
        raise DentlineError("photo b.jpg", "is gone")

    with pytest.raises(DentlineError, match=r"b\.jpg"):
        patches.write(tmp_path / "patches", [patch("b.jpg", 1, 1)], fail, lambda p: b"")
    assert patches.read(tmp_path / "patches").patches[0].photo_id == "a.jpg"
    assert [p.name for p in tmp_path.iterdir()] == ["patches"]


def test_leak_names_both_photos(tmp_path: Path) -> None:
    rows = [patch("a.jpg", 1, 1, split="train", group="g"), patch("b.jpg", 1, 1, split="test", group="g")]
    with pytest.raises(DentlineError, match=r"a\.jpg \(train\) and b\.jpg \(test\).*leak"):
        write(tmp_path / "patches", rows)


def test_missing_or_damaged_patches_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DentlineError, match="dentline cut"):
        patches.read(tmp_path / "patches")
    write(tmp_path / "patches", [patch("a.jpg", 100, 100)])
    with (tmp_path / "patches" / "manifest.csv").open("a") as manifest:
        manifest.write("x,b.jpg,b,test,1,2,1,0,center\n")
    with pytest.raises(DentlineError, match="2 rows"):
        patches.read(tmp_path / "patches")
