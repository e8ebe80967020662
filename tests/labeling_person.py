"""A person at the labeling page, played in a real browser, and the server they work against."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dentline.workspace import Workspace
from labeling.annotation import Annotation
from labeling.desk import Desk
from labeling.scout import Model
from labeling.server import create_app
from labeling.store import Store
from tests.conftest import ROOT
from tests.live_server import serving

PATIENCE_MS = 60_000


@dataclass
class Server:
    """A project and the address it is served at."""

    workspace: Workspace
    address: str


@contextmanager
def serving_project(workspace: Workspace, model: Model | None = None) -> Iterator[Server]:
    """Serve a project's labeling page from this process."""
    desk = Desk.of(workspace, model)
    with serving(create_app(desk)) as address:
        yield Server(workspace, address)
    desk.close()


class KillableServer(Server):
    """`dentline label` as a process of its own, to be killed and started again at the same port."""

    def __init__(self, workspace: Workspace) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        super().__init__(workspace, f"http://127.0.0.1:{self.port}")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "commands.app", "label", str(self.workspace.root), "--no-browser"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.output()
                time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.output()

    def output(self) -> str:
        return self.process.communicate()[0].decode()


@contextmanager
def killable_server(workspace: Workspace) -> Iterator[KillableServer]:
    server = KillableServer(workspace)
    try:
        yield server
    finally:
        server.kill()


class Person:
    """Somebody at a page of their own. Coordinates are photo pixels unless said otherwise."""

    def __init__(self, browser: Any, server: Server, name: str, photo_id: str = "", **screen: Any) -> None:
        self.server = server
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **screen})
        self.problems: list[str] = []
        self.name = name
        self.visit(photo_id)

    def visit(self, photo_id: str = "", query: str = "") -> None:
        """Open the page in a new tab of the same browser, whose storage stays."""
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(f"{self.server.address}/{query}#{photo_id}")
        self.page.wait_for_selector("#name-dialog[open], body:not([data-painted=''])", state="attached")
        if self.page.locator("#name-dialog[open]").count():
            self.page.fill("#name", self.name)
            self.page.keyboard.press("Enter")
        self.page.wait_for_selector("body:not([data-painted=''])")

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def key(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a photo pixel is on the screen."""
        scale, (middle_x, middle_y), (left, top) = self._camera()
        return left + (x - middle_x) * scale, top + (y - middle_y) * scale

    def photo_at(self, x: float, y: float) -> tuple[float, float]:
        """Which photo pixel is at a place of the screen."""
        scale, (middle_x, middle_y), (left, top) = self._camera()
        return middle_x + (x - left) / scale, middle_y + (y - top) / scale

    def _camera(self) -> tuple[float, tuple[float, float], tuple[float, float]]:
        scale, x, y = map(float, self.page.get_attribute("body", "data-camera").split())
        box = self.page.locator("#marks").bounding_box()
        return scale, (x, y), (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def click(self, x: float, y: float, button: str = "left") -> None:
        self.page.mouse.click(*self.at(x, y), button=button)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=4)
        self.page.mouse.up()

    @property
    def photo(self) -> str:
        return str(self.page.get_attribute("body", "data-photo"))

    def arrives(self, photo_id: str) -> None:
        """Wait until this photo is open and painted."""
        self.page.wait_for_selector(f'body[data-painted="{photo_id}"]')

    def painted(self) -> None:
        """Wait until what was done before is on the screen."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def sees(self, state: str) -> str:
        """Wait for a save state; returns its words."""
        self.page.wait_for_selector(f'#save[data-state="{state}"]')
        return str(self.page.inner_text("#save"))

    def stored(self, photo_id: str, reader: str = "") -> Annotation:
        """What labels.db holds, once the page says that it is saved."""
        self.painted()
        self.sees("saved")
        return stored(self.server.workspace, photo_id, reader)


def stored(workspace: Workspace, photo_id: str, reader: str = "") -> Annotation:
    with Store(workspace.labels) as store:
        annotation = store.get(photo_id, reader)
    assert annotation is not None, f"nothing is stored for {photo_id}"
    return annotation
