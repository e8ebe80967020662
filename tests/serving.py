"""A project with a tiny model, and the service running on it as a user starts it."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dentline.workspace import Workspace
from deployment import champion
from tests import tiny_model

ROOT = Path(__file__).resolve().parents[1]


def project(folder: Path, *run_ids: str) -> Workspace:
    """Return a project with a bundle for each run, the first one champion; their gains differ."""
    workspace = Workspace(folder)
    folder.mkdir(exist_ok=True)
    workspace.recipe.write_text("")
    for number, run_id in enumerate(run_ids or ("one",)):
        tiny_model.write(workspace.bundle(run_id), run_id=run_id, gain=0.2 + 0.02 * number)
    champion.promote(workspace, run_ids[0] if run_ids else "one")
    return workspace


@dataclass
class Service:
    """A running service, its address, its process and what it printed."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def running(workspace: Workspace, *options: str, **settings: object) -> Iterator[Service]:
    """Start ``dentline serve`` on a free port; settings become environment variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DENTLINE_")}
    environment |= {f"DENTLINE_{name.upper()}": str(value) for name, value in settings.items()}
    environment.setdefault("DENTLINE_LINGER_S", "0")
    environment["PYTHONPATH"] = str(ROOT)
    log = workspace.root / "service.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "commands.app", "serve", str(workspace.root), "--port", "0", *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=sink,
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().decode().strip()
        assert url.startswith("http://"), log.read_text()
        service = Service(url, process, log)
        wait_until_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def wait_until_ready(service: Service, timeout_s: float = 60) -> None:
    ends = time.monotonic() + timeout_s
    address = httpx.URL(service.url)
    while True:
        # Not httpx: it reads all certificates of the machine for each client, longer than the service needs to answer.
        asking = http.client.HTTPConnection(address.host, address.port, timeout=5)
        try:
            asking.request("GET", "/health/ready")
            if asking.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            asking.close()
        assert service.process.poll() is None, service.log.read_text()
        assert time.monotonic() < ends, service.log.read_text()
        time.sleep(0.01)
