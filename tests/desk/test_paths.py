"""No file outside the photos is ever served, whatever the name in the request."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from labeling.desk import Desk
from labeling.server import create_app
from tests.desk.visitor import Client, problem, save
from tests.labeling_project import make_project
from tests.live_server import serving

NASTY = [
    "../labels.db",
    "../recipe.toml",
    "../../outside.jpg",
    "..%2f..%2foutside.jpg",
    "....//....//outside.jpg",
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "part-000.jpg/../../recipe.toml",
    "part-000.jpg\x00.png",
    "part-000.jpg\n",
    "./part-000.jpg",
    "sub/../part-000.jpg",
    "..\\..\\outside.jpg",
    "C:\\Windows\\win.ini",
    "~/secret.jpg",
    "PART-000.JPG",
    "link-out.jpg",
    "linked/outside.jpg",
    ".",
    "..",
    " ",
    "\ud7ff\uffff",
    "a" * 4000,
    "%00",
    "{photo_id}",
    "photos/part-000.jpg",
]


@pytest.fixture(scope="module")
def beset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A project with secrets around it, and links that lead to them."""
    workspace = make_project(tmp_path_factory.mktemp("beset") / "door", 1)
    outside = workspace.root.parent / "outside"
    outside.mkdir()
    secret = cv2.imencode(".jpg", np.full((300, 400), 77, np.uint8))[1].tobytes()
    for path in (outside / "outside.jpg", workspace.root.parent / "outside.jpg", workspace.root / "outside.jpg"):
        path.write_bytes(secret)
    (workspace.photos / "link-out.jpg").symlink_to(outside / "outside.jpg")
    (workspace.photos / "linked").symlink_to(outside, target_is_directory=True)
    desk = Desk.of(workspace)
    with serving(create_app(desk)) as address, Client(address) as client:
        yield client
    desk.close()


@pytest.mark.parametrize("name", NASTY)
def test_no_other_file_is_served_whatever_its_name(beset: Client, name: str) -> None:
    for path in ("/api/photo", "/api/tile", "/api/thumbnail", "/api/proposals"):
        problem(beset.get(path, params={"photo_id": name}), 404, "no_such_photo")
    problem(save(beset, name), 404, "no_such_photo")
    assert [line["id"] for line in beset.get("/api/photos").json()["photos"]] == ["part-000.jpg"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/server.py",
        "/labels.db",
        "/photos/part-000.jpg",
        "/static/",
        "/static/.",
        "/docs",
        "/openapi.json",
    ],
)
def test_only_the_page_own_files_are_served(beset: Client, path: str) -> None:
    problem(beset.get(path), 404, "not_found")
