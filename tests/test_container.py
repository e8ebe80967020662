"""The Dockerfile and what goes into it, as far as can be checked without a Docker engine."""

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deployment.azure import pack

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
REQUIREMENTS = [
    line for line in (ROOT / "deployment/requirements.txt").read_text().splitlines() if line and line[0] != "#"
]
COPIED = re.findall(r"^COPY ([a-z]+) \./\1$", DOCKERFILE, re.MULTILINE)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    wanted = {*COPIED, "deployment/requirements.txt", "constraints.txt"}
    assert set(COPIED) == {"dentline", "labeling", "augmentation", "deployment", "commands"}
    kept = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for path in wanted:
        assert (ROOT / path).exists(), path
        assert path.split("/")[0] in kept, path


def test_it_runs_as_nobody_in_particular_and_is_looked_after() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert 'ENTRYPOINT ["python"' in last
    assert last.index("USER 10001") > last.index("useradd")
    assert not re.search(r"(?i)password|secret_key|:latest", DOCKERFILE)


def test_scoring_needs_no_tensorflow_and_every_package_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    for requirement in REQUIREMENTS:
        assert requirement.split("[")[0] in pins, requirement
        assert not re.search("tensorflow|keras|onnx$|azure|pandas", requirement)


def test_azure_gets_the_packages_that_scoring_needs() -> None:
    command_line = {"httpx", "rich", "typer"}
    assert set(REQUIREMENTS) - command_line <= set(pack.PACKAGES)


def test_the_service_imports_nothing_else() -> None:
    code = (
        "import sys, importlib.metadata as m\n"
        "import commands.app, deployment.worker, deployment.supervisor, deployment.client, commands.progress\n"
        "found = {n.split('.')[0] for n in sys.modules}\n"
        "print('\\n'.join(sorted(d for n, ds in m.packages_distributions().items() if n in found for d in ds)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {canonicalize_name(name) for name in done.stdout.split()} - {
        "dentline",
        "setuptools",
    }  # setuptools comes along by a .pth file
    assert {"onnxruntime", "simplejpeg", "fastapi"} <= loaded
    assert loaded <= installed_by(REQUIREMENTS)


def installed_by(requirements: list[str]) -> set[str]:
    """Return the distributions that pip installs for these, by what is installed here."""
    found: set[str] = set()
    waiting = [Requirement(one) for one in requirements]
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        found.add(name)
        for text in requires(asked.name) or []:
            needed = Requirement(text)
            wanted = needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in asked.extras or {""})
            if wanted and (canonicalize_name(needed.name) not in found or needed.extras):
                waiting.append(needed)
    return found


def test_compose_serves_with_keys_and_few_rights() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["scoring"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["secrets"] == ["dentline_keys"]
    assert int(service["stop_grace_period"].rstrip("s")) > 15
