"""The service held against its own description by schemathesis: nothing undocumented, nothing of 5xx."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Service, project, running

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    workspace = project(tmp_path_factory.mktemp("schema") / "project")
    with running(workspace, "--log", "none", image_url_hosts="127.0.0.1") as started:
        yield started


def test_the_service_keeps_to_its_description(service: Service, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text('[parameters]\n"path.name" = "panels"\n')
    done = subprocess.run(
        [
            SCHEMATHESIS, "--config-file", config, "run", f"{service.url}/openapi.json",
            "--phases", "examples,coverage,fuzzing", "--checks", CHECKS,
            "--max-examples", "15", "--seed", "1", "--request-timeout", "10",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
