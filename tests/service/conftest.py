"""One service for the tests of a module that leave it as it was."""

from collections.abc import Iterator

import httpx
import pytest

from dentline.workspace import Workspace
from tests.serving import Service, project, running
from tests.test_door import scorer  # noqa: F401


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
