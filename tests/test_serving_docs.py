"""docs/serving.md: its examples run, its settings and error codes are those of the code."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import cv2
import pytest

from deployment import door, settings
from tests import tiny_model
from tests.serving import ROOT, Service, project, running

DOCS = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
RUNNERS = {
    "bash": ["bash", "-e", "-o", "pipefail"],
    "python": [sys.executable],
    "javascript": ["node", "--input-type=module"],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(project(tmp_path_factory.mktemp("docs") / "project")) as started:
        yield started


@pytest.mark.parametrize("language", RUNNERS)
def test_the_examples_run(service: Service, tmp_path: Path, language: str) -> None:
    if shutil.which(RUNNERS[language][0]) is None:
        pytest.skip(f"{RUNNERS[language][0]} is not on this machine")
    photo = cv2.imencode(".jpg", tiny_model.surface(200, 300, [(100, 80)]))[1]
    (tmp_path / "photo.jpg").write_bytes(photo.tobytes())
    (code,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    environment = {**os.environ, "URL": service.url, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        RUNNERS[language], input=code, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "defect" in done.stdout
    assert "error" not in done.stdout


def test_every_setting_is_told_with_its_default() -> None:
    told = re.findall(r"^\| `DENTLINE_([A-Z_]+)` \| (.*?) ?\| (.*) \|$", DOCS, re.MULTILINE)
    given = settings.write(settings.Settings())
    assert {name: (default, note) for name, default, note in told} == {
        one.name.upper(): (given[f"DENTLINE_{one.name.upper()}"], one.metadata["note"])
        for one in fields(settings.Settings)
    }


def test_every_code_is_told() -> None:
    raised = set(door.STATUS) - {"internal"}
    for path in (ROOT / "deployment").glob("*.py"):
        raised |= set(re.findall(r"(?:RequestError|ImageError)\(\s*\"([a-z_0-9]+)\"", path.read_text()))
    raised |= set(re.findall(r"ImageError\(\s*\"([a-z_0-9]+)\"", (ROOT / "dentline/picture_file.py").read_text()))
    told = set(re.findall(r"`([a-z_0-9]+)`", DOCS.split("## Errors")[1].split("## Keys")[0]))
    assert raised - told == set()
