"""The labeling page's pure modules, tested by node's own runner."""

import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT


def node() -> str:
    """The node program, if it runs ES modules as they are."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: the page's pure modules are tested by its runner")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major, minor = (int(part) for part in version.lstrip("v").split(".")[:2])
    if (major, minor) < (20, 19):
        pytest.skip(f"node {version} is older than 20.19, which runs ES modules without being told")
    return found


def test_pure_modules_of_the_page() -> None:
    files = sorted(str(path) for path in (ROOT / "tests" / "page").glob("*.test.mjs"))
    done = subprocess.run([node(), "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"^# pass (\d+)", done.stdout, re.MULTILINE)[1]) >= 25, done.stdout
