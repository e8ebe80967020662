"""The pictures of docs/labeling.md: the labeling page's main states on generated photos, at a desk and on a phone.

Run: python -m benchmarks.labeling_pictures docs/labeling
"""

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from commands.label import champion
from dentline import images
from dentline.recipe import Recipe, dumps
from dentline.workspace import Workspace
from deployment.champion import promote
from labeling.gallery import Gallery
from labeling.scout import Scout
from samples.panels import generate
from tests import tiny_model
from tests.browser import chromium
from tests.labeling_person import Person, Server, serving_project

DESK: dict[str, Any] = {"viewport": {"width": 1200, "height": 750}}
PHONE_SIZE = {"width": 390, "height": 844}
PHONE: dict[str, Any] = {"viewport": PHONE_SIZE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


class Album:
    """Where the pictures go: as small PNG files of few colours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, person: Person, name: str) -> None:
        person.page.wait_for_timeout(700)
        path = self._folder / f"{name}.png"
        person.page.screenshot(path=str(path))
        flat = images.read(path) // 4 * 4 + 2
        path.write_bytes(images.encode_png(flat.astype(np.uint8)))
        print(path)


def make_project(root: Path) -> tuple[Workspace, dict[str, list[tuple[float, float]]]]:
    """Make a project of generated panels; return it and where its dents are."""
    root.mkdir()
    (root / "recipe.toml").write_text(dumps(Recipe(name="door")))
    generate(root, 8, 3, seed=4)
    dents: dict[str, list[tuple[float, float]]] = {}
    with (root / "centers.csv").open() as handle:
        for row in csv.DictReader(handle):
            dents.setdefault(row["image"], []).append((float(row["x"]), float(row["y"])))
    return Workspace.open(root), dents


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    album = Album(parser.parse_args().folder)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium() as browser:
        workspace, dents = make_project(Path(folder) / "door")
        with serving_project(workspace) as server:
            take_desk(album, browser, server, dents)
            take_phone(album, browser, server, dents)
        tiny_model.write(workspace.bundle("20260102-030405-tiny"), gain=0.5, bias=-7)
        promote(workspace, "20260102-030405-tiny")
        model = champion(workspace)
        assert model is not None
        gallery = Gallery(workspace)
        seen = Scout(model, gallery, workspace.cache / "looks")
        for photo_id in gallery.ids():
            seen.look(gallery.photo(photo_id))
        with serving_project(workspace, model) as server:
            take_ghosts(album, browser, server, dents)


def take_desk(album: Album, browser: Any, server: Server, dents: dict[str, list[tuple[float, float]]]) -> None:
    photo = max(dents, key=lambda id: len(dents[id]))
    ada = Person(browser, server, "Ada", **DESK)
    for _ in range(6):
        for x, y in dents.get(ada.photo, []):
            ada.click(x, y)
        before = ada.photo
        ada.key("Enter" if dents.get(before) else "c")
        ada.page.wait_for_selector(f'body:not([data-painted="{before}"]):not([data-painted=""])')
    ada.page.close()
    ada.visit(photo)
    for x, y in dents[photo]:
        ada.click(x, y)
    ada.sees("saved")
    x, y = dents[photo][-1]
    ada.page.mouse.move(*ada.at(x - 90, y - 20))
    album.take(ada, "marked")
    ada.key("?")
    album.take(ada, "keys")
    ada.key("Escape")

    bo = Person(browser, server, "Bo", photo, **DESK)
    bo.context.set_offline(True)
    bo.sees("offline")
    bo.page.mouse.click(*bo.at(*dents[photo][0]), button="right")
    bo.click(dents[photo][0][0] + 60, dents[photo][0][1] + 60)
    album.take(bo, "offline")
    ada.page.mouse.click(*ada.at(*dents[photo][-1]), button="right")
    ada.sees("saved")
    bo.context.set_offline(False)
    bo.sees("conflict")
    album.take(bo, "conflict")
    bo.key("3")
    bo.sees("saved")
    bo.page.click("#second-look")
    bo.page.wait_for_selector("#reading:visible")
    bo.page.wait_for_timeout(1500)
    for x, y in dents.get(bo.photo, [])[:1]:
        bo.click(x + 2, y)
    bo.click(420, 300)
    album.take(bo, "second-look")
    read = bo.photo
    bo.sees("saved")
    ada.page.wait_for_selector("#settle:visible")
    ada.page.click("#settle")
    ada.arrives(read)
    ada.page.wait_for_selector("#conflict:visible")
    album.take(ada, "disagreement")
    for person in (ada, bo):
        person.context.close()


def take_phone(album: Album, browser: Any, server: Server, dents: dict[str, list[tuple[float, float]]]) -> None:
    photo = sorted(dents, key=lambda id: len(dents[id]))[-2]
    cy = Person(browser, server, "Cy", photo, **PHONE)
    for x, y in dents[photo][:-1]:
        cy.page.touchscreen.tap(*cy.at(x, y))
    cy.sees("saved")
    album.take(cy, "phone")
    fingers = cy.context.new_cdp_session(cy.page)
    x, y = cy.at(dents[photo][-1][0] + 40, dents[photo][-1][1] + 120)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    album.take(cy, "phone-aim")
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    cy.context.close()


def take_ghosts(album: Album, browser: Any, server: Server, dents: dict[str, list[tuple[float, float]]]) -> None:
    ada = Person(browser, server, "Ada", **DESK)
    for photo in sorted(dents, key=lambda id: -len(dents[id])):
        ada.page.close()
        ada.visit(photo)
        ada.page.wait_for_timeout(1500)
        if ada.page.locator("#accept:visible").count():
            break
    album.take(ada, "proposals")
    ada.context.close()


if __name__ == "__main__":
    main()
