"""The page at / in a real browser."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dentline import images
from tests import tiny_model
from tests.serving import Service, project, running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(project(tmp_path_factory.mktemp("page") / "project")) as started:
        yield started


@pytest.mark.parametrize("width", [390, 1200])
def test_a_photo_is_scored_and_its_defects_drawn(
    service: Service, browser: Browser, tmp_path: Path, width: int
) -> None:
    dented, clean = tmp_path / "door '7.png", tmp_path / "clean.png"
    dented.write_bytes(images.encode_png(tiny_model.surface(480, 640, [(200, 200), (500, 300)])))
    clean.write_bytes(images.encode_png(tiny_model.surface(300, 400, [])))
    page = browser.new_page(viewport={"width": width, "height": 844})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(service.url)
    expect(page.locator("#model")).to_have_text("model one")
    page.fill("#part", "T 7")
    page.set_input_files("#file", str(dented))
    expect(page.locator("#verdict-text")).to_have_text("2 defects")
    expect(page.locator("#defects tbody tr")).to_have_count(2)
    assert colour(page, 200 + 24, 200) == [255, 176, 0]
    plain = colour(page, 200, 200)
    page.check("#show-heat")
    assert colour(page, 200, 200)[0] > plain[0] + 50
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    line = page.locator("#curl").inner_text()
    told = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"part_id": "T 7"' in told.stdout
    page.set_input_files("#file", str(clean))
    expect(page.locator("#verdict-text")).to_have_text("No defect")
    page.set_input_files("#file", __file__)
    expect(page.locator("#error")).to_contain_text("content type")
    expect(page.locator("#answer")).to_be_hidden()
    assert faults == []
    page.close()


def colour(page: Page, x: int, y: int) -> list[int]:
    read = (
        "([x, y]) => [...document.getElementById('photo').getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    )
    found: list[int] = page.evaluate(read, [x, y])
    return found
