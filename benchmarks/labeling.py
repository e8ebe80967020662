"""The labeling page under a person's hands: 1,000 centres on 200 photos of 12 megapixels, in a real Chromium.

Run: python -m benchmarks.labeling pace
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dentline.recipe import Recipe, dumps
from dentline.workspace import Workspace
from labeling.store import Store

WIDTH, HEIGHT = 4000, 3000


def make_photos(root: Path, n_photos: int, rng: np.random.Generator) -> Workspace:
    """Make a project of grainy 12-megapixel photos, each its own file and its own picture."""
    (root / "photos").mkdir(parents=True)
    (root / "recipe.toml").write_text(dumps(Recipe()))
    grain = rng.normal(0, 6, (HEIGHT, WIDTH, 3)).astype(np.float32)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    shade = 120 + 40 * np.sin(columns / 900) + 25 * np.cos(rows / 700)
    for number in range(n_photos):
        picture = np.roll(grain, (number * 37, number * 53), (0, 1)) + np.roll(shade, number * 61, 1)[..., None]
        path = root / "photos" / f"panel-{number:03d}.jpg"
        cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return Workspace.open(root)


def play(browser: Any, address: str, n_photos: int, marks_each: int, pause_ms: float, rng: np.random.Generator) -> Any:
    """Mark every photo and go on with the key; return the page's own measures of key to painted, in ms."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(address)
    page.fill("#name", "Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("body:not([data-painted=''])")
    box = page.locator("#marks").bounding_box()
    for number in range(n_photos):
        cells = rng.permutation(48)[:marks_each]
        for place in zip(0.25 + 0.0625 * (cells % 8), 0.15 + 0.125 * (cells // 8), strict=True):
            page.wait_for_timeout(pause_ms)
            page.mouse.click(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
        page.wait_for_timeout(pause_ms)
        before = page.get_attribute("body", "data-photo")
        if number + 1 < n_photos:
            page.keyboard.press("Enter")
            page.wait_for_selector(f'body:not([data-painted="{before}"]):not([data-painted=""])')
    page.wait_for_selector('#save[data-state="saved"]')
    return page.evaluate("performance.getEntriesByName('dentline:turn').map(entry => entry.duration)")


def pace(n_photos: int, marks_each: int, pause_ms: float, seed: int) -> None:
    """Print the time from the key to the next photo painted, and what was stored."""
    from tests.browser import chromium
    from tests.labeling_person import killable_server

    rng = np.random.default_rng(seed)
    folder = Path(tempfile.mkdtemp(prefix="dentline-labeling-"))
    try:
        workspace = make_photos(folder / "panels", n_photos, rng)
        with killable_server(workspace) as server, chromium() as browser:
            begun = time.perf_counter()
            turns = play(browser, server.address, n_photos, marks_each, pause_ms, rng)
            seconds = time.perf_counter() - begun
        with Store(workspace.labels) as store:
            latest = store.latest().values()
            n_stored = sum(len(annotation.centers) for annotation in latest)
        quantiles = np.percentile(turns, [50, 95, 100])
        print(f"{n_stored} centres stored on {len(latest)} photos of {WIDTH} x {HEIGHT} px in {seconds:.0f} s")
        print(
            f"key to next photo painted: median {quantiles[0]:.0f} ms, 95th percentile {quantiles[1]:.0f} ms, "
            f"most {quantiles[2]:.0f} ms (n = {len(turns)})"
        )
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["pace"])
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--marks", type=int, default=5, help="centres a photo")
    parser.add_argument("--pause-ms", type=float, default=150, help="between two events of the person")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    pace(given.photos, given.marks, given.pause_ms, given.seed)


if __name__ == "__main__":
    main()
