"""The page at / in a real browser."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from dentline import images
from dentline.geometry import FIELD_PX
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.bundle import Golden
from samples import certificates
from tests import tiny_model
from tests.serving import Service, project, running

WIDE = pytest.mark.parametrize("width", [390, 1200])
PAINT = [255, 176, 0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(project(tmp_path_factory.mktemp("page") / "project")) as started:
        yield started


@WIDE
def test_a_photo_is_scored_and_its_defects_drawn(
    service: Service, browser: Browser, tmp_path: Path, width: int
) -> None:
    dented, clean = tmp_path / "door '7.png", tmp_path / "clean.png"
    dented.write_bytes(images.encode_png(tiny_model.surface(480, 640, [(200, 200), (500, 300)])))
    clean.write_bytes(images.encode_png(tiny_model.surface(300, 400, [])))
    page, faults = opened(browser, service, width)
    expect(page.locator("#model")).to_have_text("model one")
    page.fill("#part", "T 7")
    page.set_input_files("#file", str(dented))
    expect(page.locator("#verdict-text")).to_have_text("2 defects")
    expect(page.locator("#places tbody tr")).to_have_count(2)
    assert colour(page, 200 + 24, 200) == PAINT
    plain = colour(page, 200, 200)
    page.check("#show-heat")
    assert colour(page, 200, 200)[0] > plain[0] + 50
    line = page.locator("#curl").inner_text()
    told = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"part_id": "T 7"' in told.stdout
    page.set_input_files("#file", str(clean))
    expect(page.locator("#verdict-text")).to_have_text("No defect")
    page.set_input_files("#file", __file__)
    expect(page.locator("#error")).to_contain_text("content type")
    expect(page.locator("#answer")).to_be_hidden()
    closed(page, faults, width)


@contextmanager
def serving_whole(folder: Path, task: str, model: bytes, steps: tuple[str, ...], golden: Golden) -> Iterator[Service]:
    workspace = Workspace(folder)
    folder.mkdir()
    workspace.recipe.write_text(f'task = "{task}"\n')
    contract = replace(tiny_model.CONTRACT, task=task, prepare=steps, run_id="whole")
    bundle.write(workspace.bundle("whole"), model, contract, golden, {})
    champion.promote(workspace, "whole")
    with running(workspace) as started:
        yield started


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Tells from the middle of a photo whether it is defective; has a Grad-CAM map of that middle."""
    made = tiny_model.model()
    steps = (f"crop_centre(side_px={FIELD_PX})",)
    folder = tmp_path_factory.mktemp("image") / "project"
    with serving_whole(folder, "image", made, steps, tiny_model.golden(made)) as started:
        yield started


@WIDE
def test_a_model_of_whole_photos_gives_a_verdict_and_what_moved_it(
    verdicts: Service, browser: Browser, tmp_path: Path, width: int
) -> None:
    bad, good = tmp_path / "bad.png", tmp_path / "good.png"
    bad.write_bytes(images.encode_png(tiny_model.surface(300, 400, [(200, 150)], radius_px=6)))
    good.write_bytes(images.encode_png(tiny_model.surface(300, 400, [])))
    page, faults = opened(browser, verdicts, width)
    page.set_input_files("#file", str(bad))
    expect(page.locator("#verdict-text")).to_have_text("Defect")
    expect(page.locator("#verdict-p")).to_contain_text("threshold 0.5000")
    expect(page.locator("#places")).to_be_hidden()
    for name in ("places", "heat"):
        expect(page.locator(f"#offer-{name}")).to_be_hidden()
    plain = {x: colour(page, x, 150) for x in (150, 200)}
    page.check("#show-cam")
    assert colour(page, 200, 150)[0] > plain[200][0] + 50 and colour(page, 150, 150) == plain[150]
    page.set_input_files("#file", str(good))
    expect(page.locator("#verdict-text")).to_have_text("OK")
    closed(page, faults, width)


@WIDE
def test_found_corners_are_drawn_as_a_field(browser: Browser, tmp_path: Path, width: int) -> None:
    (made,) = certificates.photos(1, 1, 4)
    photo = images.decode(made.data)
    sent = tmp_path / "certificate.jpg"
    sent.write_bytes(made.data)
    for name, order in (("right", [0, 1, 2, 3]), ("crossed", [0, 2, 1, 3])):
        corners = made.points[order]
        shares = (corners / (photo.shape[1], photo.shape[0])).astype(np.float32).reshape(8)
        model, golden = tiny_model.corners_model(shares), Golden(photo[None], shares[None])
        with serving_whole(tmp_path / name, "corners", model, ("resize(width_px=50, height_px=50)",), golden) as served:
            page, faults = opened(browser, served, width)
            page.set_input_files("#file", str(sent))
            expected = "Field found" if name == "right" else "No field: these corners cross or lie off the photo"
            expect(page.locator("#verdict-text")).to_have_text(expected)
            expect(page.locator("#verdict-p")).to_have_text("")
            cells = page.locator("#places tbody tr").nth(2).locator("td").all_inner_texts()
            assert cells == ["3", f"{corners[2][0]:.1f}", f"{corners[2][1]:.1f}"]
            for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                assert is_drawn(page, (one + other) / 2), (name, one, other)
            for name_of in ("heat", "cam", "strength"):
                expect(page.locator(f"#offer-{name_of}")).to_be_hidden()
            page.uncheck("#show-places")
            assert not is_drawn(page, (corners[0] + corners[1]) / 2)
            closed(page, faults, width)


def opened(browser: Browser, service: Service, width: int) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 844})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(service.url)
    return page, faults


def closed(page: Page, faults: list[str], width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults == []
    page.close()


def is_drawn(page: Page, xy: NDArray[np.float64]) -> bool:
    """Whether there is a line's orange, blended where the line is thin: red and green, no blue."""
    x, y = xy.astype(int).tolist()
    around = np.array([colour(page, x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    return bool((around[:, :2] - around[:, 2:] > (80, 40)).all(axis=1).any())


def colour(page: Page, x: int, y: int) -> list[int]:
    read = (
        "([x, y]) => [...document.getElementById('photo').getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    )
    found: list[int] = page.evaluate(read, [x, y])
    return found
