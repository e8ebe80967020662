"""Who is answered: this machine, or whoever has the key; no other site's page, no endless message."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dentline.workspace import Workspace
from labeling.desk import Desk
from labeling.server import create_app
from tests.conftest import ROOT
from tests.desk.visitor import Client, problem, save
from tests.live_server import serving


def test_without_a_key_only_this_machine_by_name_is_answered(desk: Desk) -> None:
    with serving(create_app(desk)) as address:
        for host in ("127.0.0.1", "localhost:9", "[::1]:8765"):
            assert Client(address, host).get("/api/photos").status_code == 200
        for host in ("evil.example", "10.0.0.5:8765", "127.0.0.1.evil.example", "localhost.evil", "[", "x@localhost:b"):
            problem(Client(address, host).get("/api/photos"), 403, "wrong_host")


def test_page_of_another_site_cannot_save(client: Client, desk: Desk) -> None:
    message = {"photo_id": "part-000.jpg", "centers": [], "status": "clean", "annotator": "x", "expected_revision": 0}
    elsewhere = {"Origin": "https://evil.example"}
    problem(client.post("/api/save", json=message, headers=elsewhere), 403, "wrong_origin")
    form = {"Content-Type": "text/plain"}
    problem(client.post("/api/save", content='{"photo_id": 1}', headers=form), 415, "not_json")
    assert desk.store.latest() == {}


def test_message_without_end_or_too_long_is_not_read(client: Client, desk: Desk) -> None:
    json_type = {"Content-Type": "application/json"}
    endless = client.post("/api/save", content=iter([b"{", b"}"]), headers=json_type)
    problem(endless, 411, "length_needed")
    problem(client.post("/api/save", content=b" " * 8_000_001, headers=json_type), 413, "too_large")
    assert desk.store.latest() == {}


def test_with_a_key_nothing_is_answered_without_it(desk: Desk) -> None:
    with serving(create_app(desk, key="a long enough key")) as address:
        stranger = Client(address, "10.0.0.5:8765")
        for path in ("/", "/api/photos", "/static/app.js", "/api/tile?photo_id=part-000.jpg", "/nothing"):
            problem(stranger.get(path), 401, "key_needed")
        problem(stranger.get("/?key=wrong"), 401, "key_needed")
        problem(save(stranger, "part-000.jpg", (1, 1)), 401, "key_needed")
        first = stranger.get("/?key=a+long+enough+key")
        assert first.status_code == 303 and "HttpOnly" in first.headers["set-cookie"]
        assert "key" not in first.headers["location"]
        friend = Client(address, "10.0.0.5:8765")
        friend.headers["Cookie"] = first.headers["set-cookie"].split(";")[0]
        assert friend.get("/").status_code == 200 and save(friend, "part-000.jpg", (1, 1)).status_code == 200


@pytest.fixture
def printed(workspace: Workspace) -> Iterator[str]:
    """What `dentline label --host 0.0.0.0` prints, while it runs."""
    command = [sys.executable, "-m", "commands.app", "label", str(workspace.root)]
    process = subprocess.Popen(
        [*command, "--host", "0.0.0.0", "--port", "0", "--no-browser"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline()
    process.terminate()
    process.communicate()


def test_open_to_the_network_it_makes_up_a_key_and_answers_nobody_without(printed: str) -> None:
    found = re.fullmatch(r"Label at http://\S+:(\d+)/\?key=(\S{16,})  \(Ctrl\+C stops\)\n", printed)
    assert found, printed
    with Client(f"http://127.0.0.1:{found[1]}") as visitor:
        problem(visitor.get("/"), 401, "key_needed")
        assert visitor.get("/", params={"key": found[2]}).status_code == 303


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--key", "short"], "--key: has 5 characters; use 8"), (["--host", "256.0.0.1"], "256.0.0.1:8765: cannot be")],
)
def test_address_or_key_that_will_not_do_is_refused_in_one_line(
    workspace: Workspace, options: list[str], words: str
) -> None:
    command = [sys.executable, "-m", "commands.app", "label", str(workspace.root), "--no-browser", *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
