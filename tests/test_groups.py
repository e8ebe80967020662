"""Groups: found in made-up photos of known parts, joined by rules, kept through a person's word."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from commands.app import app
from dentline import images
from dentline.errors import DentlineError
from labeling import group_sheet, groups, near_duplicates, verdicts
from labeling.candidates import candidates
from labeling.likeness import Likeness, Signature, compare, signature
from labeling.verdicts import Verdict, by_hand


def surface(rng: np.random.Generator) -> NDArray[np.float32]:
    """A scratched, striped surface (400, 440), values around 1."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, (400, 440)).astype(np.float32), (0, 0), 1.5)
    stripes = cv2.GaussianBlur(rng.normal(0, 1, (1, 440)).astype(np.float32), (0, 0), 1.0)
    return np.asarray(1 + 0.25 * grain + 0.15 * stripes, np.float32)


def photo(part: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The part under other light, shifted by up to 20 px, with noise: (360, 380, 3)."""
    y, x = rng.integers(0, 40, 2)
    view = part[y : y + 360, x : x + 380]
    slope = np.linspace(*rng.uniform(0.4, 1.6, 2), view.shape[1], dtype=np.float32)
    grey = 110 * rng.uniform(0.4, 1.3) * view * slope + rng.normal(0, 3, view.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 4 parts, 3 photos each, and one photo of a fifth."""
    root = tmp_path_factory.mktemp("parts") / "job"
    rng = np.random.default_rng(5)
    (root / "photos").mkdir(parents=True)
    (root / "recipe.toml").touch()
    for part, n_photos in zip("abcde", (3, 3, 3, 3, 1), strict=True):
        piece = surface(rng)
        for number in range(n_photos):
            (root / "photos" / f"{number}{part}.png").write_bytes(images.encode_png(photo(piece, rng)))
    return root


def grouped(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for member in groups.read(path).values():
        found.setdefault(member.group, set()).add(member.photo_id)
    return found


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["groups", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_photos_of_a_part_are_found_whatever_the_light_and_shift(folder: Path) -> None:
    photos = {p.name: p for p in sorted((folder / "photos").iterdir())}
    found = near_duplicates.find(photos, np.random.default_rng(0))
    pairs = {(v.photo_a, v.photo_b) for v in found if v.way == "joined"}
    ids = sorted(photos)
    assert pairs == {(a, b) for a in ids for b in ids if a < b and a[1] == b[1]}
    assert all(v.certainty == "sure" for v in found)


def test_a_turned_and_smaller_photo_still_matches_and_a_mirrored_one_does_not() -> None:
    rng = np.random.default_rng(1)
    whole = photo(surface(rng), rng)
    turn = cv2.getRotationMatrix2D((190, 180), 12, 0.9)
    turned = np.asarray(cv2.warpAffine(whole, turn, (380, 360)), np.uint8)
    first = signature(whole, 1.0)
    assert compare(first, signature(turned, 1.0)).evidence > verdicts.EVIDENCE_SURE
    mirrored = compare(first, signature(np.ascontiguousarray(whole[:, ::-1]), 1.0))
    assert verdicts.judge("a", "b", mirrored) is None


def test_a_blank_photo_matches_nothing() -> None:
    blank = signature(np.full((200, 200, 3), 128, np.uint8), 1.0)
    assert verdicts.judge("a", "b", compare(blank, blank)) is None


@pytest.mark.parametrize(
    ("evidence", "correlation", "overlap", "expected"),
    [
        (300, 0.6, 0.9, ("joined", "sure")),
        (300, 0.0, 0.9, ("joined", "uncertain")),
        (300, 0.6, 0.1, ("joined", "uncertain")),
        (5, 0.1, 0.9, ("joined", "uncertain")),
        (5, 0.0, 0.9, ("kept apart", "uncertain")),
        (0, 0.9, 0.1, None),
        (0, 0.05, 0.9, None),
    ],
)
def test_one_cue_is_uncertain_and_two_are_sure(
    evidence: float, correlation: float, overlap: float, expected: tuple[str, str] | None
) -> None:
    said = verdicts.judge("b", "a", Likeness(50, 20, evidence, correlation, overlap))
    assert (said and (said.way, said.certainty)) == expected
    assert said is None or (said.photo_a, said.photo_b) == ("a", "b")


def sure(a: str, b: str) -> Verdict:
    return Verdict(a, b, "joined", "sure", "keypoints match", 100, 0.6, 0.9)


def partition(members: list[groups.Member]) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for m in members:
        found.setdefault(m.group, set()).add(m.photo_id)
    return {frozenset(g) for g in found.values()}


def test_links_chain_and_a_word_by_hand_cuts_the_weakest() -> None:
    links = [sure("a", "b"), Verdict("b", "c", "joined", "uncertain", "", 50), sure("c", "d")]
    assert partition(groups.join("abcd", {}, links)) == {frozenset("abcd")}
    parted = groups.join("abcd", {}, [*links, by_hand("d", "a", "kept apart")])
    assert partition(parted) == {frozenset("ab"), frozenset("cd")}


def test_declared_parts_hold_and_are_joined_where_the_pixels_say_they_are_one() -> None:
    parts = {"a": "P", "b": "P", "c": "Q"}
    plain = {m.photo_id: m for m in groups.join("abcd", parts, [])}
    assert partition(list(plain.values())) == {frozenset("ab"), frozenset("c"), frozenset("d")}
    assert plain["a"].origin == "declared" and plain["a"].group == "P" and plain["d"].origin == "proposed"
    merged = {m.photo_id: m for m in groups.join("abcd", parts, [sure("b", "c")])}
    assert merged["a"].group == merged["c"].group == "P+Q" and merged["c"].part == "Q"
    with pytest.raises(DentlineError, match="by hand but declared to be the same part 'P'"):
        groups.join("abcd", parts, [by_hand("a", "b", "kept apart")])


def test_confirmed_groups_stay_as_they_are_when_photos_come() -> None:
    confirmed = {"a": "a", "b": "a", "c": "c"}
    members = groups.join("abcde", {}, [sure("b", "c"), sure("c", "d"), sure("d", "a")], confirmed)
    assert partition(members) == {frozenset("ab"), frozenset("cd"), frozenset("e")}
    origins = {m.photo_id: m.origin for m in members}
    assert (origins["a"], origins["d"]) == ("confirmed", "proposed")


def test_a_broken_row_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("photo_id,group,part,origin\na.png,g1,,proposed\na.png,g2,,proposed\n")
    with pytest.raises(DentlineError, match=r"row 3: a\.png is there twice"):
        groups.read(path)
    path.write_text("photo_id,group,part,origin\na.png,g1,,guessed\n")
    with pytest.raises(DentlineError, match="row 2: origin is 'guessed'"):
        groups.read(path)


def test_the_whole_way_by_command(folder: Path) -> None:
    project = str(folder)
    assert "13 photos in 5 groups" in run(project)
    assert {frozenset(g) for g in grouped(folder / "groups.csv").values()} == {
        frozenset(f"{n}{p}.png" for n in range(3)) for p in "abcd"
    } | {frozenset({"0e.png"})}
    run(project, "--join", "0e.png", "0a.png")
    assert {"0a.png", "1a.png", "2a.png", "0e.png"} in grouped(folder / "groups.csv").values()
    run(project, "--apart", "0a.png", "0e.png")
    assert {"0e.png"} in grouped(folder / "groups.csv").values()
    run(project, "--apart", "0b.png", "1b.png")
    apart = grouped(folder / "groups.csv")
    run(project, "--confirm")
    run(project, "--propose")
    assert grouped(folder / "groups.csv") == apart
    assert {m.origin for m in groups.read(folder / "groups.csv").values()} == {"confirmed"}
    run(project, "--join", "0b.png", "1b.png")
    assert {f"{n}b.png" for n in range(3)} in grouped(folder / "groups.csv").values()
    with pytest.raises(DentlineError, match=r"no photo 'nowhere\.png'"):
        run(project, "--join", "0b.png", "nowhere.png")


def test_proposals_read_back_as_written_and_the_sheet_names_both_photos(folder: Path, tmp_path: Path) -> None:
    pairs = [sure("0a.png", "1a.png"), Verdict("0b.png", "0c.png", "kept apart", "uncertain", "weak, at best", 3.5)]
    members = groups.join(["0a.png", "1a.png", "0b.png", "0c.png"], {}, pairs)
    verdicts.write(tmp_path / "pairs.csv", pairs, {m.photo_id: m.group for m in members})
    assert sorted(verdicts.read(tmp_path / "pairs.csv"), key=str) == sorted(pairs, key=str)
    photos = {p.name: p for p in (folder / "photos").iterdir()}
    group_sheet.write(tmp_path / "sheet.html", photos, members, pairs, "job")
    page = (tmp_path / "sheet.html").read_text()
    assert "dentline groups job --join 0b.png 0c.png" in page and "1 uncertain pairs" in page


def test_a_table_that_every_photo_shows_is_no_likeness_of_the_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    table = surface(rng)[:240, :320]
    photos = {}
    for number in range(22):
        scene = table.copy()
        if number < 20:
            part = surface(rng)[:110, :110] * 1.3
        scene[60:170, 100:210] = part
        noisy = np.clip(90 * scene + rng.normal(0, 2, scene.shape), 0, 255).astype(np.uint8)
        path = tmp_path / f"{number:02d}.png"
        path.write_bytes(images.encode_png(np.repeat(noisy[..., None], 3, axis=2)))
        photos[path.name] = path
    found = near_duplicates.find(photos, np.random.default_rng(0))
    joined = {(v.photo_a, v.photo_b) for v in found if v.way == "joined"}
    assert joined == {("19.png", "20.png"), ("19.png", "21.png"), ("20.png", "21.png")}


@pytest.mark.parametrize("n_keypoints", [12, 200])
def test_photos_of_a_part_are_candidates_among_many_even_with_few_keypoints(n_keypoints: int) -> None:
    rng = np.random.default_rng(2)
    signatures = []
    for _ in range(100):
        part = rng.random((n_keypoints, 128))
        for _ in range(2):
            noisy = np.clip(part + rng.normal(0, 0.1, part.shape), 0, 1)
            descriptors = np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)
            points = np.zeros((n_keypoints, 2), np.float32)
            signatures.append(Signature(points, descriptors, np.ones((4, 4), np.int8), (8, 8)))
    found = candidates(signatures, rng)
    assert len(found) <= 200 * 16
    assert {(i, i + 1) for i in range(0, 200, 2)} <= set(found)
