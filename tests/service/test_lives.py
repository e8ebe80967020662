"""The service full, locked out, killed, stopped, and with one model after another."""

import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from dentline import images
from dentline.workspace import Workspace
from deployment import champion, records
from tests import serving, tiny_model
from tests.service.caller import PNG, error_of
from tests.serving import project, running
from tests.test_door import CLEAN


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
        pause_until(lambda: len(statuses) > 20)
        stop.set()
        sender.join()
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
