import csv
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.app import app
from dentline import images
from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import records
from deployment.client import Client, Refused
from tests import tiny_model
from tests.serving import Service, project, running
from tests.test_door import CLEAN, DENTED


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = project(tmp_path_factory.mktemp("call") / "project")
    (made.photos / "a").mkdir(parents=True)
    (made.photos / "a" / "dented.png").write_bytes(DENTED)
    (made.photos / "clean.png").write_bytes(CLEAN)
    return made


@pytest.fixture(scope="module")
def service(workspace: Workspace) -> Iterator[Service]:
    with running(workspace) as started:
        yield started


def test_client_is_typed(service: Service) -> None:
    with Client(service.url) as client:
        assert client.ready()
        part = client.score(DENTED, CLEAN, photo_ids=["l", "r"], part_id="Tür 7", station="A")
        assert (part.verdict, part.part_id, part.station) == ("defect", "Tür 7", "A")
        assert [(photo.photo_id, photo.verdict) for photo in part.photos] == [("l", "defect"), ("r", "ok")]
        assert part.photos[0].defects[0].x == pytest.approx(100, abs=4)
        assert client.score(DENTED).photos[0].p == part.photos[0].p
        with pytest.raises(Refused) as caught:
            client.score(DENTED[:300])
        assert (caught.value.status, caught.value.code) == (400, "truncated")


def test_call_takes_folders_and_writes_a_table(service: Service, workspace: Workspace, tmp_path: Path) -> None:
    table, broken = tmp_path / "scores.csv", tmp_path / "broken.jpg"
    broken.write_bytes(b"no")
    done = CliRunner().invoke(app, ["call", service.url, str(workspace.photos), str(broken), "--csv", str(table)])
    assert done.exit_code == 1
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["defect", "ok"]
    assert "2 scored, 1 refused" in done.stderr
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    assert [(Path(row["path"]).name, row["n_defects"]) for row in rows] == [("dented.png", "1"), ("clean.png", "0")]


def test_score_needs_no_service(workspace: Workspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no")
    done = CliRunner().invoke(app, ["score", str(workspace.root), str(workspace.photos), str(broken)])
    assert done.exit_code == 1
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["defect", "ok"]
    rows = records.open_for_reading(workspace.scores).execute(
        "SELECT photo_id, verdict FROM score WHERE door = 'command' ORDER BY photo_id"
    )
    assert rows.fetchall() == [("a/dented.png", "defect"), ("clean.png", "ok")]


def test_busy_is_tried_again_as_asked() -> None:
    answers: list[tuple[int, dict[str, str] | None]] = [(429, {}), (503, {}), (200, None)]
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["content-length"])))
            status, _ = answers.pop(0)
            body = json.dumps(
                {"request_id": "r", "part_id": None, "station": None, "verdict": "ok", "p": 0.1, "photos": []}
                if status == 200
                else {"error": {"code": "busy", "message": "full", "request_id": "r"}}
            ).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("retry-after", "0.1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            assert client.score(b"x").verdict == "ok"
            assert client.n_retries == 2
            assert seen == [b"x"] * 3
            answers[:] = [(429, {})] * 2
        with Client(f"http://127.0.0.1:{server.server_port}", max_tries=2) as client, pytest.raises(Refused):
            client.score(b"x")
    finally:
        server.shutdown()
        server.server_close()


def test_nobody_there_is_told() -> None:
    with Client("http://127.0.0.1:9", max_tries=1) as client:
        assert not client.ready()
        with pytest.raises(DentlineError, match="cannot be reached"):
            client.score(b"x")


def test_patch_sized_file(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "patch.png"
    path.write_bytes(images.encode_png(tiny_model.surface(64, 64, [(32, 32)])))
    with Client(service.url) as client:
        assert client.score(path).verdict == "defect"
