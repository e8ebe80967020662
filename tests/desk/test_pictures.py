"""Tiles, thumbnails and the page's own files."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dentline.workspace import Workspace
from labeling.desk import Desk
from labeling.server import create_app
from tests.desk.visitor import Client, problem
from tests.labeling_project import make_project
from tests.live_server import serving


def test_page_and_its_modules_are_served_and_cached_by_content(client: Client) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "static/app.js" in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    module = client.get("/static/state.js")
    assert module.headers["content-type"].startswith("text/javascript")
    assert client.get("/static/state.js", headers={"If-None-Match": module.headers["etag"]}).status_code == 304


def test_tiles_put_together_are_the_photo(tmp_path: Path) -> None:
    workspace = make_project(tmp_path / "door", 1, 2500, 1100)
    desk = Desk.of(workspace)
    with serving(create_app(desk)) as address, Client(address) as client:
        _check_tiles(client, workspace)
    desk.close()


def _check_tiles(client: Client, workspace: Workspace) -> None:
    photo = client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]
    assert (photo["width"], photo["height"], photo["levels"], photo["tile_px"]) == (2500, 1100, 3, 1024)
    truth = cv2.imread(str(workspace.photos / "part-000.jpg"))
    for level, (width, height) in enumerate([(2500, 1100), (1250, 550), (625, 275)]):
        rows = [
            np.hstack([_tile(client, level, column, row) for column in range(-(-width // 1024))])
            for row in range(-(-height // 1024))
        ]
        whole = np.vstack(rows)
        assert whole.shape == (height, width, 3)
        wanted = cv2.resize(truth, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(whole.astype(int) - wanted).mean() < 2
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": 0, "column": 3}), 422, "refused")
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": 3}), 422, "refused")
    problem(client.get("/api/tile", params={"photo_id": "part-000.jpg", "level": "x"}), 422, "malformed")
    assert _decoded(client.get("/api/thumbnail", params={"photo_id": "part-000.jpg"}).content).shape[1] == 192


def _tile(client: Client, level: int, column: int, row: int) -> Any:
    place = {"photo_id": "part-000.jpg", "level": level, "column": column, "row": row}
    return _decoded(client.get("/api/tile", params=place).content)


def _decoded(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_replaced_photo_is_shown_anew(client: Client, workspace: Workspace) -> None:
    before = client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]["version"]
    client.get("/api/tile", params={"photo_id": "part-000.jpg"})
    cv2.imwrite(str(workspace.photos / "part-000.jpg"), np.full((300, 400), 255, np.uint8))
    assert client.get("/api/photo", params={"photo_id": "part-000.jpg"}).json()["photo"]["version"] != before
    assert _decoded(client.get("/api/tile", params={"photo_id": "part-000.jpg"}).content).min() > 250


def test_broken_photo_is_named_and_stops_nobody(client: Client, workspace: Workspace) -> None:
    (workspace.photos / "part-003.jpg").write_bytes(b"no picture at all")
    assert "part-003.jpg" in problem(client.get("/api/photo", params={"photo_id": "part-003.jpg"}), 422, "refused")
    assert client.get("/api/photo", params={"photo_id": "part-004.jpg"}).status_code == 200
