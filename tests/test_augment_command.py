"""dentline augment: contact sheets to look at, and every variant as a file in its patch's split."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from augmentation import preview
from augmentation.dihedral import variants
from commands.app import app
from dentline import images, recipe
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.workspace import Workspace
from labeling import patches
from labeling.patches import Patch


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """A project with three cut patches: a dent at the edge and a dent in train, a negative in test."""
    workspace = Workspace(tmp_path / "part")
    write_text(workspace.recipe, recipe.dumps(recipe.Recipe()))
    contexts = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), dtype=np.uint8)
    rows = [
        Patch("a-1", "a.jpg", "a", "train", 9, 90, 1, 1, "center"),
        Patch("a-2", "a.jpg", "a", "train", 90, 90, 1, 0, "center"),
        Patch("b-1", "b.jpg", "b", "test", 90, 90, 0, 0, "random"),
    ]
    places = {(p.photo_id, p.x, p.y): i for i, p in enumerate(rows)}
    patches.write(
        workspace.patches,
        rows,
        lambda photo, xy: contexts[[places[photo, x, y] for x, y in xy]],
        images.encode_png,
    )
    return workspace


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["augment", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_write_puts_48_files_of_each_patch_into_its_split(project: Workspace) -> None:
    said = run(str(project.root), "--write")
    assert "144 variants of 3 patches" in said
    with (project.variants / "manifest.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len({r["file"] for r in rows}) == 144
    assert {(r["patch_id"], r["split"], r["label"]) for r in rows} == {
        ("a-1", "train", "1"), ("a-2", "train", "1"), ("b-1", "test", "0"),
    }  # fmt: skip
    on_disk = {p.relative_to(project.variants).as_posix() for p in project.variants.rglob("*.png")}
    assert on_disk == {r["file"] for r in rows}
    context = np.asarray(patches.read(project.patches).contexts[2])
    turned = images.read(project.variants / "test/negative/b-1-m045.png")
    assert np.array_equal(turned, variants(context, 64)[24 + 3])


def test_writing_again_replaces_all(project: Workspace) -> None:
    run(str(project.root), "--write")
    (project.variants / "stale.png").write_bytes(b"old")
    run(str(project.root), "--write")
    assert not (project.variants / "stale.png").exists()
    assert [p.name for p in project.root.iterdir() if p.name.startswith(".")] == []


def test_preview_shows_the_first_dent_with_real_surroundings(project: Workspace) -> None:
    said = run(str(project.root), "--preview")
    assert "patch a-2" in said
    made = images.read(project.previews / "dihedral48.png")
    context = np.asarray(patches.read(project.patches).contexts[1])
    assert np.array_equal(made, preview.all_variants(context))
    plain = variants(context, 64)[0].repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(made[26:154, 6:134], plain)
    assert images.read(project.previews / "article.png").shape == made.shape
    assert "patch b-1" in run(str(project.root), "--preview", "--patch", "b-1")


def test_wrong_wishes_are_refused(project: Workspace) -> None:
    with pytest.raises(DentlineError, match="neither --preview nor --write"):
        run(str(project.root))
    with pytest.raises(DentlineError, match="no such patch"):
        run(str(project.root), "--preview", "--patch", "z")
