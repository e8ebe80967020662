import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from dentline import images
from dentline.workspace import Workspace
from deployment import champion, door, records
from tests import serving, tiny_model
from tests.serving import ROOT, Service, project, running
from tests.test_azure_server import GOOD, plain
from tests.test_door import BAD, CLEAN, DENTED, Desk, scorer  # noqa: F401

PNG = {"content-type": "image/png"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return project(tmp_path_factory.mktemp("service") / "project")


@pytest.fixture(scope="module")
def service(workspace: Workspace) -> Iterator[Service]:
    with running(workspace, "--log", "json", max_pixels=1_000_000, body_s=2, head_s=2) as started:
        yield started


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as opened:
        yield opened


def error_of(answer: httpx.Response) -> tuple[int, str]:
    payload = answer.json()
    assert set(payload) == {"error"}
    assert set(payload["error"]) == {"code", "message", "request_id"}
    assert payload["error"]["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, payload["error"]["code"]


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_the_service_answers_as_every_door(
    client: httpx.Client, scorer: Any, tmp_path: Path, name: str  # noqa: F811
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


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/score", (405, "method_not_allowed")),
        ("PUT", "/score", (405, "method_not_allowed")),
        ("BREW", "/score", (400, "bad_http")),
        ("POST", "/health/live", (405, "method_not_allowed")),
        ("GET", "/scores", (404, "not_found")),
        ("GET", "/../../etc/passwd", (404, "not_found")),
        ("GET", "/%00%ff", (404, "not_found")),
        ("GET", "/docs", (404, "not_found")),
    ],
)
def test_odd_methods_and_paths(service: Service, method: str, path: str, expected: tuple[int, str]) -> None:
    answer = raw(service, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (status_of(answer), json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"]) == expected


def raw(service: Service, *parts: bytes, pause_s: float = 0) -> bytes:
    """Send bytes as they are, and return all that comes back until the service closes."""
    url = httpx.URL(service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as line:
        for part in parts:
            try:
                line.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause_s)
        received = b""
        try:
            while chunk := line.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/png\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
WIRE: dict[str, tuple[list[bytes], float, int]] = {
    "not http": ([b"hello there\r\n\r\n"], 0, 400),
    "two lengths": ([HEAD, b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello"], 0, 400),
    "negative length": ([HEAD, b"Content-Length: -5\r\n\r\nhello"], 0, 400),
    "huge length": ([HEAD, b"Content-Length: 99999999999999999999999\r\n\r\n"], 0, 400),
    "length over the limit": ([HEAD, LENGTH % 10**9], 0, 413),
    "long head": ([HEAD, b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n"], 0, 431),
    "endless header": ([HEAD, b"X-Long: ", *[b"x" * 100_000] * 20], 0, 431),
    "many headers": ([HEAD, *[b"X-%d: y\r\n" % n for n in range(5000)], b"\r\n"], 0, 431),
    "slow head": ([HEAD, *[b"X-A: b\r\n"] * 8], 0.5, 408),
    "slow body": ([HEAD, LENGTH % 100_000, *[b"x" * 10] * 8], 0.5, 408),
    "streams over the limit": (
        [HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *[b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"] * 33],
        0,
        413,
    ),
    "bad chunk": ([HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], 0, 400),
    "chunked junk": ([HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], 0, 415),
}


@pytest.mark.parametrize("name", WIRE)
def test_bad_http_is_answered_and_closed(service: Service, name: str) -> None:
    parts, pause_s, status = WIRE[name]
    answer = raw(service, *parts, pause_s=pause_s)
    assert status_of(answer) == status, answer
    assert set(json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]) == {"code", "message", "request_id"}


def test_a_body_is_counted_while_it_streams(service: Service) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"\xff" * 1_000_000

    with service.client() as own:
        try:
            answer = own.post("/score", content=endless(), headers=PNG)
            assert error_of(answer) == (413, "too_large")
        except httpx.WriteError:
            pytest.fail("the caller was cut off before it could read the answer")


def test_a_body_that_stops_leaves_nothing_behind(service: Service, client: httpx.Client) -> None:
    url = httpx.URL(service.url)
    for _ in range(20):
        line = socket.create_connection((url.host, url.port or 80))
        line.sendall(HEAD + LENGTH % 100_000 + b"x" * 500)
        line.close()
    assert client.post("/score", content=DENTED, headers=PNG).status_code == 200
    assert "Traceback" not in service.log.read_text()


def test_it_tells_of_itself(client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready", "model_id": "one", "problem": ""}
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


def test_full_house_answers_429_at_once_and_stays_alive(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    large = images.encode_png(tiny_model.surface(2000, 2000, []))
    with running(workspace, queue=2, wait_s=0.2) as service, ThreadPoolExecutor(16) as pool:

        def send(_: int) -> tuple[int, str | None]:
            answer = httpx.post(service.url + "/score", content=large, headers=PNG, timeout=60, trust_env=False)
            if answer.status_code == 429:
                assert error_of(answer) == (429, "busy")
            return answer.status_code, answer.headers.get("retry-after")

        pending = [pool.submit(send, n) for n in range(16)]
        with service.client() as own:
            assert own.get("/health/live").status_code == 200
        found = {p.result() for p in pending}
        assert found == {(200, None), (429, "1")}
        with service.client() as own:
            assert own.post("/score", content=CLEAN, headers=PNG).status_code == 200
            assert 'dentline_requests_total{path="/score",status="429"}' in own.get("/metrics").text


def test_a_locked_disk_is_seen(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    with running(workspace) as service, service.client() as own:
        other = sqlite3.connect(workspace.scores, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert error_of(own.post("/score", content=CLEAN, headers=PNG)) == (503, "not_stored")
        assert error_of(own.get("/health/ready")) == (503, "not_ready")
        assert own.get("/health/live").status_code == 200
        other.execute("ROLLBACK")
        serving.wait_until_ready(service, 20)
        assert own.post("/score", content=CLEAN, headers=PNG).status_code == 200
        assert "dentline_not_stored_total 1.0" in own.get("/metrics").text


def test_models_change_under_load(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project", "one", "two")
    with running(workspace) as service:
        stop = threading.Event()
        statuses: list[int] = []

        def load() -> None:
            with service.client() as own:
                while not stop.is_set():
                    statuses.append(own.post("/score", content=CLEAN, headers=PNG).status_code)

        sender = threading.Thread(target=load)
        sender.start()
        with service.client() as own:

            def served(run_id: str) -> None:
                ends = time.monotonic() + 10
                while own.get("/health/ready").json()["model_id"] != run_id:
                    assert time.monotonic() < ends
                    time.sleep(0.05)

            for run_id in ("two", "one", "two"):
                champion.promote(workspace, run_id)
                served(run_id)
            champion.back(workspace)
            served("one")
            (workspace.bundle("two") / "metrics.json").write_text("{}")
            text = workspace.champion.read_text()
            workspace.champion.write_text(text.replace('"run_id": "one"', '"run_id": "two"', 1))
            ends = time.monotonic() + 10
            while not own.get("/health/ready").json()["problem"]:
                assert time.monotonic() < ends
            assert "SHA-256" in own.get("/health/ready").json()["problem"]
            served("one")
            assert 'dentline_model_loads_total{result="failed"} 1.0' in own.get("/metrics").text
        stop.set()
        sender.join()
        assert len(statuses) > 20
        assert set(statuses) == {200}


def test_it_stops_well(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    with running(workspace, linger_s=1.5, workers=2) as service:
        acknowledged: list[str] = []
        failures: list[str] = []
        stopped = threading.Event()

        def load() -> None:
            while not stopped.is_set():
                try:
                    answer = httpx.post(service.url + "/score", content=CLEAN, headers=PNG, timeout=20, trust_env=False)
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    failures.append(repr(error))
                    return
                if answer.status_code == 200:
                    acknowledged.append(answer.json()["photos"][0]["score_id"])

        senders = [threading.Thread(target=load) for _ in range(3)]
        for sender in senders:
            sender.start()
        time.sleep(0.5)
        service.process.terminate()
        time.sleep(0.6)
        ready = httpx.get(service.url + "/health/ready", trust_env=False)
        assert error_of(ready) == (503, "not_ready")
        assert service.stop() == 0
        stopped.set()
        for sender in senders:
            sender.join()
        assert failures == []
    rows = records.open_for_reading(workspace.scores).execute("SELECT score_id FROM score")
    assert {row[0] for row in rows} >= set(acknowledged)
    assert len(acknowledged) > 10


def test_killed_workers_lose_no_acknowledged_score(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    acknowledged, n_kills = kill_often(workspace, 3)
    rows = records.open_for_reading(workspace.scores).execute("SELECT score_id FROM score")
    assert {row[0] for row in rows} >= acknowledged
    assert n_kills == 3
    assert len(acknowledged) > 20


def kill_often(workspace: Workspace, n_kills: int, n_least: int = 30) -> tuple[set[str], int]:
    """Score from three callers while one worker after another is killed; return what was acknowledged."""
    acknowledged: set[str] = set()
    done = threading.Event()
    with running(workspace, "--log", "none", workers=2) as service:

        def load() -> None:
            own = service.client()
            while not done.is_set():
                try:
                    answer = own.post("/score", content=CLEAN, headers=PNG)
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    acknowledged.add(answer.json()["photos"][0]["score_id"])
            own.close()

        senders = [threading.Thread(target=load) for _ in range(3)]
        for sender in senders:
            sender.start()
        for kill in range(n_kills):
            pause_until(lambda kill=kill: len(acknowledged) >= n_least * (kill + 1) / n_kills)
            workers = children(service.process.pid)
            subprocess.run(["kill", "-9", str(workers[kill % len(workers)])], check=True)
        pause_until(lambda: len(acknowledged) >= n_least)
        done.set()
        for sender in senders:
            sender.join()
    return acknowledged, n_kills


def pause_until(condition: Any, timeout_s: float = 120) -> None:
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    pause_until(lambda: bool(listed.read_text().split()), 20)
    return [int(n) for n in listed.read_text().split()]


def test_old_scores_are_forgotten(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    with running(workspace) as service, service.client() as own:
        own.post("/score", content=CLEAN, headers=PNG)
    edit = sqlite3.connect(workspace.scores)
    edit.execute("UPDATE score SET score_id = '00' || substr(score_id, 3)")
    edit.commit()
    edit.close()
    with running(workspace, "--retention-days", "30") as service, service.client() as own:
        own.post("/score", content=CLEAN, headers=PNG)
        reader = records.open_for_reading(workspace.scores)
        pause_until(lambda: reader.execute("SELECT count(*) FROM score WHERE score_id < '01'").fetchone() == (0,), 20)
        assert reader.execute("SELECT count(*) FROM score").fetchone() == (1,)


def test_status_table_has_every_code_the_service_gives() -> None:
    assert {door.STATUS[code] for code in ("busy", "not_stored", "unauthorized")} == {429, 503, 401}
