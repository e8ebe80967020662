"""People at the labeling page, each with a browser window of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.labeling_person import Person, Server, serving_project
from tests.labeling_project import make_project
from tests.page.hands import PHOTO


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving_project(make_project(tmp_path / "door", 8)) as server:
        yield server


@pytest.fixture
def ada(browser: Browser, server: Server) -> Iterator[Person]:
    yield from visiting(browser, server, "Ada")


@pytest.fixture
def bo(browser: Browser, server: Server) -> Iterator[Person]:
    yield from visiting(browser, server, "Bo")


def visiting(browser: Browser, server: Server, name: str) -> Iterator[Person]:
    """Somebody at the page, on whose page nothing goes wrong."""
    person = Person(browser, server, name, PHOTO)
    yield person
    person.context.close()
    assert person.problems == []
