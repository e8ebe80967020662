"""The verbs of labels and patches, one after the other, as a person runs them."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from commands import app
from labeling import patches
from tests.conftest import ROOT


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six parts, two photos each; the first three have a dent."""
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    centers, listed = ["image,x,y"], ["image,part"]
    for part in range(6):
        for photo in range(2):
            name = f"part{part}-{photo}.png"
            picture = np.random.default_rng(2 * part + photo).integers(100, 140, (180, 240, 3), np.uint8)
            if part < 3:
                cv2.circle(picture, (90 + part * 20, 80), 5, (40, 40, 40), -1)
                centers.append(f"{name},{90.5 + part * 20},80.5")
            cv2.imwrite(str(folder / "images" / name), picture)
            listed.append(f"{name},P{part}")
    (folder / "centers.csv").write_text("\n".join(centers))
    (folder / "images.csv").write_text("\n".join(listed))
    monkeypatch.chdir(tmp_path)
    return folder


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", shlex.split(line))
    with pytest.raises(SystemExit) as ended:
        app.main()
    return int(ended.value.code or 0)


def test_from_a_folder_to_patches(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in (
        "dentline init my-part",
        f"dentline import my-part {source}",
        "dentline split my-part --report",
        "dentline cut my-part",
        "dentline labels log my-part --limit 5",
        "dentline labels backup my-part my-part-labels.db",
        "dentline labels restore my-part --backup my-part-labels.db",
        "dentline labels export my-part coco my-part-coco.json",
        "dentline labels agreement my-part",
    ):
        assert run(line, monkeypatch) == 0, line
    said = capsys.readouterr()
    assert "12 photos labelled from csv: 6 centers, 6 photos reviewed and clean" in said.out
    assert re.search(r"split by file: a leak +auc [01]\.\d{4} \[", said.out)
    assert "my-part/patches: 102 patches" in said.out
    made = patches.read(Path("my-part/patches"))
    assert made.labels().sum() == 6
    assert {p.split for p in made.patches} == {"train", "validation", "test"}
    assert {p.group for p in made.patches if p.photo_id.startswith("part2")} == {"P2"}
    assert "earlier split" not in said.err
    recipe = Path("my-part/recipe.toml")
    recipe.write_text(re.sub(r"(\[split\][^\[]*seed = )0", r"\g<1>5", recipe.read_text()))
    run("dentline split my-part --again", monkeypatch)
    assert "my-part/patches is of an earlier split: dentline cut my-part" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dentline split my-part", "photos have no group"),
        ("dentline cut my-part", "dentline split"),
        ("dentline init my-part", "is there already"),
        ("dentline import my-part nowhere", "nowhere: is not there"),
        ("dentline split elsewhere", "is not a Dentline project"),
    ],
)
def test_expected_failure_is_one_line_and_2(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    run(f"dentline init my-part --photos {source / 'images'}", monkeypatch)
    capsys.readouterr()
    assert run(line, monkeypatch) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_photos_without_groups_can_be_split_each_alone(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"dentline init my-part --photos {source / 'images'}", monkeypatch)
    assert run("dentline split my-part --each-photo-alone", monkeypatch) == 0
    assert Path("my-part/split.csv").read_text().count("\n") == 13


def test_every_verb_here_ends_its_help_with_an_example() -> None:
    for name in ("labels", "label_history", "patches"):
        text = (ROOT / "commands" / f"{name}.py").read_text()
        verbs = re.findall(r"^def [a-z]\w*\(.*?\"\"\".*?\"\"\"", text, re.S | re.M)
        assert verbs
        assert all(re.search(r"Example: dentline .*\n    \"\"\"$", verb) for verb in verbs)
