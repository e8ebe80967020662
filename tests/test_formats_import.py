"""Labels that people bring: CSV, masks, dotted pictures; good ones arrive whole, bad ones not at all."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from dentline import images
from dentline.errors import DentlineError
from dentline.workspace import Workspace, photos_in
from labeling import groups, importing, projects, verdicts
from labeling.annotation import Annotation, Center
from labeling.formats import dotted, masks, registry
from labeling.formats.outgoing import Outgoing
from labeling.patches import Pixels
from labeling.store import Store
from labeling.verdicts import Verdict

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def surface(seed: int, height: int = 240, width: int = 320) -> Pixels:
    """A lit, noisy, coloured surface."""
    rng = np.random.default_rng(seed)
    light = np.linspace(60, 190, width)[None, :, None] * np.array([1.0, 0.9, 0.7])
    return np.clip(light + rng.normal(0, 6, (height, width, 1)), 0, 255).astype(np.uint8)


def jpeg(path: Path, picture: Pixels, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    for number, name in enumerate(("a.jpg", "b.jpg", "sub/c.jpg")):
        jpeg(tmp_path / "incoming" / name, surface(number))
    return projects.make(tmp_path / "project", photos=tmp_path / "incoming")


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: str, name: str = "labels.csv", header: str = "image,x,y") -> Path:
        path = tmp_path / "source" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("\r\n".join([header, *rows, ""]).encode("utf-8-sig"))
        return path

    return write


def stored(project: Workspace) -> dict[str, Annotation]:
    with Store(project.labels) as store:
        return store.latest()


def test_csv_with_clean_photos(project: Workspace, table: Callable[..., Path]) -> None:
    done = importing.bring_in(project, table("a.jpg,10.25,20", "a.jpg,30,40.5", "./photos/sub/c.jpg,,"), "ann")
    found = stored(project)
    assert found["a.jpg"].centers == (Center(10.25, 20), Center(30, 40.5))
    assert (found["sub/c.jpg"].status, found["sub/c.jpg"].annotator) == ("clean", "ann")
    assert sorted(found) == ["a.jpg", "sub/c.jpg"]
    assert (len(done.stored), done.format) == (2, "csv")
    assert importing.bring_in(project, table("a.jpg,10.25,20", "a.jpg,30,40.5"), "ann").unchanged == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.jpg,320,20", r"row 3: photo a.jpg: has a center at \(320, 20\) but is 320 x 240 px"),
        ("a.jpg,-0.5,20", "row 3: .*move or delete"),
        ("z.jpg,1,1", "row 3: photo z.jpg: is not among the photos"),
        ("a.jpg,1o,1", "row 3: x: is '1o', not a number"),
        ("a.jpg,nan,1", "row 3: x: is 'nan', not a number"),
        ("a.jpg,inf,1", "not a number"),
        ("a.jpg,,1", "row 3: x: is '', not a number"),
        ("a.jpg,10,20", "row 3: photo a.jpg: has the same center in labels.csv row 2"),
        ("a.jpg,,", "is said to be clean but has 1 centers"),
        ("a.jpg,1,2,3", "row 3: has 4 cells, the header 3"),
    ],
)
def test_bad_row_is_refused_by_number_and_nothing_is_imported(
    project: Workspace, table: Callable[..., Path], row: str, words: str
) -> None:
    with pytest.raises(DentlineError, match=words) as caught:
        importing.bring_in(project, table("a.jpg,10,20", row, "b.jpg,1,1"), "ann")
    assert "\n" not in str(caught.value)
    assert stored(project) == {}


def test_all_bad_rows_are_told_at_once(project: Workspace, table: Callable[..., Path]) -> None:
    with pytest.raises(DentlineError, match=r"row 2.*row 3.*row 4"):
        importing.bring_in(project, table("z.jpg,1,1", "a.jpg,x,1", "b.jpg,9999,1"), "ann")


def test_semicolons_and_decimal_commas(project: Workspace, table: Callable[..., Path]) -> None:
    importing.bring_in(project, table("a.jpg;10,25;20,5", header="Filename;X;Y"), "ann")
    assert stored(project)["a.jpg"].centers == (Center(10.25, 20.5),)


def test_folder_brings_photos_groups_and_clean_ones(tmp_path: Path, table: Callable[..., Path]) -> None:
    for number, name in enumerate(("p.jpg", "q.jpg", "r.jpg", "s.jpg")):
        jpeg(tmp_path / "source" / "images" / name, surface(number))
    table("p.jpg,10,20", name="centers.csv")
    rows = ("p.jpg,blowhole,T1", "q.jpg,free,T1", "r.jpg,crack,T2", "s.jpg,,T2")
    table(*rows, name="images.csv", header="image,surface,tile")
    project = projects.make(tmp_path / "project")
    done = importing.bring_in(project, tmp_path / "source", "ann")
    assert sorted(done.copied) == ["p.jpg", "q.jpg", "r.jpg", "s.jpg"]
    assert {p: a.status for p, a in stored(project).items()} == {"p.jpg": "marked", "q.jpg": "clean", "s.jpg": "clean"}
    assert done.unreviewed == ("r.jpg",)
    assert {p: m.group for p, m in groups.read(project.groups).items()} == {
        "p.jpg": "T1",
        "q.jpg": "T1",
        "r.jpg": "T2",
        "s.jpg": "T2",
    }
    again = importing.bring_in(project, tmp_path / "source", "ann")
    assert (again.copied, again.stored, again.unchanged) == ((), (), 3)


def test_surface_free_with_a_center_is_refused(tmp_path: Path, table: Callable[..., Path]) -> None:
    jpeg(tmp_path / "source" / "images" / "p.jpg", surface(0))
    table("p.jpg,10,20", name="centers.csv")
    table("p.jpg,free", name="images.csv", header="image,surface")
    project = projects.make(tmp_path / "project")
    with pytest.raises(DentlineError, match=r"p\.jpg: is said to be clean but has 1 centers"):
        importing.bring_in(project, tmp_path / "source", "ann")
    assert project.photo_paths() == {}


def test_labels_that_differ_are_replaced_only_when_told(project: Workspace, table: Callable[..., Path]) -> None:
    importing.bring_in(project, table("a.jpg,10,20"), "ann")
    changed = table("a.jpg,11,20", "b.jpg,1,1")
    with pytest.raises(DentlineError, match=r"a\.jpg.*--replace"):
        importing.bring_in(project, changed, "bob")
    assert list(stored(project)) == ["a.jpg"]
    importing.bring_in(project, changed, "bob", replace=True)
    with Store(project.labels) as store:
        assert [(a.revision, a.annotator) for a in store.history("a.jpg")] == [(1, "ann"), (2, "bob")]


def test_other_photo_of_the_same_name_is_refused(
    project: Workspace, table: Callable[..., Path], tmp_path: Path
) -> None:
    jpeg(tmp_path / "other" / "a.jpg", surface(9))
    with pytest.raises(DentlineError, match=r"a\.jpg.*other content"):
        importing.bring_in(project, table("b.jpg,1,1"), "ann", photos=tmp_path / "other")
    assert stored(project) == {}


def test_name_that_two_photos_have_is_refused(project: Workspace, table: Callable[..., Path], tmp_path: Path) -> None:
    jpeg(project.photos / "sub2" / "c.jpg", surface(5))
    with pytest.raises(DentlineError, match=r"row 2: photo c\.jpg: may be sub/c\.jpg or sub2/c\.jpg"):
        importing.bring_in(project, table("c.jpg,1,1"), "ann")
    importing.bring_in(project, table("sub2/c.jpg,1,1"), "ann")


def test_masks_one_center_a_spot(project: Workspace, tmp_path: Path) -> None:
    mask = np.zeros((240, 320), np.uint16)
    cv2.circle(mask, (100, 50), 6, 1, -1)
    mask[200:204, 300:302] = 1
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), mask)
    cv2.imwrite(str(tmp_path / "masks" / "b_mask.png"), np.zeros((240, 320), np.uint8))
    importing.bring_in(project, tmp_path / "masks", "ann", format="masks")
    assert stored(project)["a.jpg"].centers == (Center(100.5, 50.5), Center(301, 202))
    assert stored(project)["b.jpg"].status == "clean"
    cv2.imwrite(str(tmp_path / "masks" / "c.png"), np.zeros((24, 32), np.uint8))
    with pytest.raises(DentlineError, match=r"c\.png: photo sub/c\.jpg: was labelled at 32 x 24 px but is 320 x 240"):
        importing.bring_in(project, tmp_path / "masks", "ann", format="masks")


@pytest.mark.parametrize("quality", [95, 75, 50])
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255)])
@pytest.mark.parametrize("radius", [2, 4, 9])
def test_dots_are_found_through_jpeg(tmp_path: Path, quality: int, colour: tuple[int, int, int], radius: int) -> None:
    jpeg(tmp_path / "plain.jpg", surface(1), 90)
    painted = images.read(tmp_path / "plain.jpg").copy()
    truth = [(150, 30), (40, 100), (200, 120), (230, 200), (315, 235)]
    for x, y in truth:
        cv2.circle(painted, (x, y), radius, colour, -1)
    jpeg(tmp_path / "dotted.jpg", painted, quality)
    found = dotted.dots(images.read(tmp_path / "plain.jpg"), images.read(tmp_path / "dotted.jpg"))
    assert len(found) == len(truth)
    inside = sorted(map(tuple, found))[:-1], sorted((x + 0.5, y + 0.5) for x, y in truth)[:-1]
    assert np.abs(np.subtract(*inside)).max() < 1.0


@pytest.mark.parametrize("quality", [95, 75, 40])
def test_compression_alone_is_no_dot(tmp_path: Path, quality: int) -> None:
    jpeg(tmp_path / "plain.jpg", surface(1), 95)
    plain = images.read(tmp_path / "plain.jpg")
    jpeg(tmp_path / "again.jpg", plain, quality)
    assert len(dotted.dots(plain, images.read(tmp_path / "again.jpg"))) == 0


def test_dotted_folders_import_in_one_command(tmp_path: Path) -> None:
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg")):
        jpeg(tmp_path / "source" / "Train" / name, surface(number))
    for name in ("a", "b"):
        picture = images.read(tmp_path / "source" / "Train" / f"{name}.jpg").copy()
        if name == "a":
            cv2.circle(picture, (70, 90), 5, (255, 0, 0), -1)
        cv2.imwrite(str(tmp_path / "source" / "Train" / f"{name}.png"), picture[..., ::-1])
        jpeg(tmp_path / "source" / "Train_dotted" / f"{name}.jpg", picture, 85)
        (tmp_path / "source" / "Train" / f"{name}.png").unlink()
    project = projects.make(tmp_path / "project")
    done = importing.bring_in(project, tmp_path / "source", "ann")
    assert (done.format, len(done.copied)) == ("dotted", 3)
    found = stored(project)
    (center,) = found["a.jpg"].centers
    assert abs(center.x - 70.5) < 0.5 and abs(center.y - 90.5) < 0.5
    assert found["b.jpg"].status == "clean"
    assert "c.jpg" not in found


def test_dotted_picture_of_another_photo_is_refused(tmp_path: Path) -> None:
    jpeg(tmp_path / "source" / "Train" / "a.jpg", surface(1))
    jpeg(tmp_path / "source" / "Train_dotted" / "a.jpg", 255 - surface(2))
    project = projects.make(tmp_path / "project")
    with pytest.raises(DentlineError, match=r"Train_dotted/a\.jpg.*pair the same photo"):
        importing.bring_in(project, tmp_path / "source", "ann")


def test_unknown_source_is_refused(project: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DentlineError, match="--format"):
        importing.bring_in(project, tmp_path, "ann")
    with pytest.raises(DentlineError, match="not there"):
        importing.bring_in(project, tmp_path / "gone", "ann")
    with pytest.raises(DentlineError, match="known are: csv"):
        importing.bring_in(project, tmp_path, "ann", format="docx")


@pytest.mark.parametrize("name", ["dotted", "masks"])
def test_pictures_written_read_back_to_the_pixel(project: Workspace, tmp_path: Path, name: str) -> None:
    centers = tuple(sorted((Center(10.3, 20.7), Center(30.5, 40.5), Center(0.2, 100), Center(319.9, 239.9))))
    told = [
        Annotation("a.jpg", 320, 240, centers, "marked", "ann", 1, NOW),
        Annotation("sub/c.jpg", 320, 240, (), "clean", "ann", 1, NOW),
    ]
    out = tmp_path / "out"
    registry.named(name).write(out, Outgoing(tuple(told), project.photo_paths()))
    photos = photos_in(out / "Train") if name == "dotted" else project.photo_paths()
    imported = importing.read(out, photos, "ann", name)
    found = {a.photo_id: a for a in imported.annotations}
    assert found["sub/c.jpg"].status == "clean"
    back = sorted(found["a.jpg"].centers)
    assert len(back) == len(centers)
    assert max(abs(b.x - c.x) + abs(b.y - c.y) for b, c in zip(back, centers, strict=True)) <= (
        1.0 if name == "masks" else 3.5
    )


def test_mask_centers_are_where_they_were_drawn() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 6] = True
    assert masks.centers(mask).tolist() == [[6.5, 4.5]]


def test_declared_parts_join_the_groups_that_are_there(project: Workspace, table: Callable[..., Path]) -> None:
    """A photo that was found to be like another takes that one with it to its declared part."""
    alike = Verdict("a.jpg", "b.jpg", "joined", "by hand", "", 1.0)
    verdicts.write(project.group_proposals, [alike], {})
    groups.write(project.groups, groups.join(["a.jpg", "b.jpg"], {}, [alike]))
    table("a.jpg,10,20", name="centers.csv")
    table("a.jpg,P1", "sub/c.jpg,P1", name="images.csv", header="image,part")
    importing.bring_in(project, project.root.parent / "source", "ann")
    assert {p: (m.group, m.part) for p, m in groups.read(project.groups).items()} == {
        "a.jpg": ("P1", "P1"),
        "b.jpg": ("P1", ""),
        "sub/c.jpg": ("P1", "P1"),
    }
    table("a.jpg,P2", name="images.csv", header="image,part")
    with pytest.raises(DentlineError, match=r"a\.jpg: is of 'P1' in the project and of 'P2'"):
        importing.bring_in(project, project.root.parent / "source", "ann")
