"""A project being labeled, its desk, and a visitor of the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dentline.workspace import Workspace
from labeling.desk import Desk
from labeling.server import create_app
from tests.desk.visitor import Client
from tests.labeling_project import make_project
from tests.live_server import serving


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_project(tmp_path / "door", 6)


@pytest.fixture
def desk(workspace: Workspace) -> Iterator[Desk]:
    desk = Desk.of(workspace)
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk) -> Iterator[Client]:
    with serving(create_app(desk)) as address, Client(address) as client:
        yield client
