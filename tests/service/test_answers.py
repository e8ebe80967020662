"""What the service answers, stores and tells of itself."""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from dentline import images
from dentline.workspace import Workspace
from deployment import door, records
from tests.service.caller import PNG, error_of
from tests.serving import ROOT, Service, project, running
from tests.test_azure_server import GOOD, plain
from tests.test_door import BAD, CLEAN, DENTED, Desk


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_the_service_answers_as_every_door(
    client: httpx.Client, scorer: Any, tmp_path: Path, name: str
) -> None:  # fmt: skip
    content_type, body, query = GOOD[name] if name in GOOD else BAD[name][:3]
    found = client.post("/score", content=body, params=query, headers={"content-type": content_type})
    expected = Desk(scorer, tmp_path).post(content_type, body, query)
    assert found.status_code == expected.status, found.text
    given, wanted = plain(found.json()), plain(expected.payload)
    for photo in [*given.get("photos", []), *wanted.get("photos", [])]:
        photo.pop("model_id")
    assert given == wanted
    if name in BAD:
        assert error_of(found)[1] == BAD[name][4]


def test_an_answer_is_stored_before_it_leaves(client: httpx.Client, workspace: Workspace) -> None:
    answer = client.post("/score", content=DENTED, headers={**PNG, "x-request-id": "job-4"}).json()
    row = records.open_for_reading(workspace.scores).execute(
        "SELECT request_id, door, p FROM score WHERE score_id = ?", (answer["photos"][0]["score_id"],)
    )
    assert row.fetchone() == ("job-4", "http", answer["p"])


def test_the_service_explains_by_grad_cam(client: httpx.Client) -> None:
    """``POST /score?explain=true``: the map's strongest cell lies on the dent."""
    photo = client.post("/score?explain=true", content=DENTED, headers=PNG).json()["photos"][0]
    cam = photo["grad_cam"]
    grey = images.decode(base64.b64decode(cam["png"]))[:, :, 0]
    (left, top), _, (right, bottom), _ = cam["corners"]
    row, column = np.unravel_index(int(grey.argmax()), grey.shape)
    assert grey.shape == (8, 8) and left < 100 < right and top < 80 < bottom
    assert abs(left + 8 * (int(column) + 0.5) - 100) <= 8 and abs(top + 8 * (int(row) + 0.5) - 80) <= 8
    assert "grad_cam" not in client.post("/score", content=DENTED, headers=PNG).json()["photos"][0]


def test_it_tells_of_itself(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    told = {"status": "ready", "model_id": "one", "task": "patch", "problem": ""}
    assert client.get("/health/ready").json() == told
    client.post("/score", content=DENTED, headers=PNG)
    text = client.get("/metrics").text
    assert 'dentline_photos_total{model="one",verdict="defect"}' in text
    assert "dentline_photo_brightness_sum" in text
    described = client.get("/openapi.json").json()
    assert set(described["paths"]["/score"]["post"]["requestBody"]["content"]) >= {"image/jpeg", "multipart/form-data"}


def test_each_request_has_a_line_in_the_log(service: Service, client: httpx.Client) -> None:
    client.post(
        "/score", content=b"secret pixels", headers={**PNG, "x-request-id": "job-log"}, params={"part_id": "P 9"}
    )
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["request_id"] == "job-log"]
    assert (line["path"], line["status"]) == ("/score", 415)
    assert "P 9" not in service.log.read_text()


def test_keys(tmp_path: Path) -> None:
    workspace, keys = project(tmp_path / "project"), tmp_path / "keys"
    first, second, third = "first-key-of-sixteen", "second-key-of-sixteen", "third-key-of-sixteen"
    keys.write_text(f"# station A\n{first}\n{second}\n")
    with running(workspace, "--keys-file", str(keys), "--log", "json") as service, service.client() as own:

        def status(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return own.post("/score", content=CLEAN, headers={**PNG, **named}).status_code

        assert error_of(own.post("/score", content=CLEAN, headers=PNG)) == (401, "unauthorized")
        assert own.post("/score", content=CLEAN).headers["www-authenticate"] == "Bearer"
        for path in ("/metrics", "/openapi.json", "/nowhere"):
            assert own.get(path).status_code == 401
        assert own.get("/health/ready").status_code == own.get("/health/live").status_code == 200
        assert [status(x_api_key=key) for key in (first, second, third, "")] == [200, 200, 401, 401]
        assert status(authorization=f"Bearer {second}") == 200
        assert status(authorization=f"Basic {second}") == 401
        assert own.post(f"/score?key={first}", content=CLEAN, headers=PNG).status_code == 401
        keys.write_text(f"{second}\n{third}\n")
        time.sleep(1.2)
        assert [status(x_api_key=key) for key in (first, second, third)] == [401, 200, 200]
        keys.write_text("")
        time.sleep(1.2)
        assert [status(x_api_key=key) for key in (first, third)] == [401, 200]
        log = service.log.read_text()
        assert not any(key in log for key in (first, second, third))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "--keys-file"),
        (["--durability", "some"], "DENTLINE_DURABILITY"),
        (["--model", "nowhere"], "nowhere/model.onnx"),
        (["--keys-file", "nowhere"], "nowhere"),
    ],
)
def test_a_start_that_cannot_succeed_says_why(tmp_path: Path, options: list[str], words: str) -> None:
    workspace = project(tmp_path / "project")
    done = subprocess.run(
        [sys.executable, "-m", "commands.app", "serve", str(workspace.root), "--port", "0", *options],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_status_table_has_every_code_the_service_gives() -> None:
    assert {door.STATUS[code] for code in ("busy", "not_stored", "unauthorized")} == {429, 503, 401}
