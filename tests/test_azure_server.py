"""score.py under Azure's own inference server: the same requests to both doors, the same answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dentline.images import Limits
from deployment import door, records
from deployment.records import Records
from deployment.scorer import Scorer
from tests import tiny_model
from tests.test_door import BAD, DENTED, FORM, JSON, as_json, b64, form

ROOT = Path(__file__).resolve().parents[1]
SERVER = Path(sys.executable).with_name("azmlinfsrv")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("azure")
    tiny_model.write(folder / "model" / "extra" / "bundle")
    port = free_port()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "AZUREML_MODEL_DIR": str(folder / "model"),
        "DENTLINE_SCORES": str(folder / "scores.db"),
        "DENTLINE_MAX_PIXELS": "1000000",
    }
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [SERVER, "--entry_script", "score.py", "--model_dir", str(folder / "model"), "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
    try:
        for _ in range(600):
            assert server.poll() is None, (folder / "log").read_text()
            try:
                if client.get("/").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield client
    finally:
        client.close()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
        log.close()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, Records]:
    folder = tmp_path_factory.mktemp("ours")
    scorer = Scorer(tiny_model.write(folder / "bundle"), Limits(max_pixels=1_000_000))
    scorer.setup()
    return scorer, Records(folder / "scores.db")


def plain(payload: Any) -> Any:
    """Leave out what must differ between two answers."""
    if isinstance(payload, dict):
        passing = {"score_id", "scored_at", "latency_ms", "request_id"}
        return {name: plain(value) for name, value in payload.items() if name not in passing}
    return [plain(value) for value in payload] if isinstance(payload, list) else payload


GOOD: dict[str, tuple[str, bytes, list[tuple[str, str]]]] = {
    "raw": ("image/png", DENTED, []),
    "raw with fields": ("image/png", DENTED, [("part_id", "T 7"), ("explain", "true")]),
    "multipart": (FORM, form(("image", DENTED), ("image", DENTED), ("station", b"A")), []),
    "json": (JSON, as_json(image=b64(DENTED), photo_id="x"), []),
}


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_both_doors_answer_alike(azure: httpx.Client, ours: tuple[Scorer, Records], name: str) -> None:
    content_type, body, query = GOOD[name] if name in GOOD else BAD[name][:3]
    theirs = azure.post("/score", content=body, params=query, headers={"content-type": content_type})
    expected = door.handle(*ours, content_type, body, query, "r", "http")
    assert theirs.status_code == expected.status, theirs.text
    assert theirs.headers["content-type"].startswith("application/json")
    assert plain(theirs.json()) == plain(expected.payload)


def test_other_methods_and_ids(azure: httpx.Client) -> None:
    refused = azure.get("/score")
    assert (refused.status_code, refused.json()["error"]["code"]) == (405, "method_not_allowed")
    named = azure.post("/score", content=DENTED, headers={"content-type": "image/png", "x-request-id": "job-9"})
    assert named.json()["request_id"] == "job-9" == named.headers["x-request-id"]


def test_each_answer_has_its_row(azure: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> None:
    answer = azure.post("/score", content=DENTED, headers={"content-type": "image/png"}).json()
    path = next(tmp_path_factory.getbasetemp().glob("azure*/scores.db"))
    row = records.open_for_reading(path).execute(
        "SELECT door, p, n_defects FROM score WHERE score_id = ?", (answer["photos"][0]["score_id"],)
    )
    assert row.fetchone() == ("azure", answer["p"], 1)


def test_a_missing_model_ends_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import score; score.init()"],
        cwd=ROOT,
        env={**os.environ, "AZUREML_MODEL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "has 0 bundles" in done.stderr
