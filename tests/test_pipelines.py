"""The pipelines for GitHub Actions and Azure DevOps: they parse, and the command line knows what they say."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from commands.app import app
from tests.conftest import ROOT

PIPELINES = sorted((ROOT / "deployment" / "azure" / "pipelines").glob("*.yml"))
ORDER = ["cut", "submit", "compare", "compare", "promote", "deploy"]


def commands(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"(?:run: |^ +)dentline (\w.*)$", text, re.M)]


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_pipeline_trains_gates_and_deploys_by_commands_that_exist(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))
    found = commands(path)
    assert [words[0] for words in found] == ORDER
    assert "--gate" in found[3]
    known = typer.main.get_command(app)
    for verb, *words in found:
        command = known.get_command(None, verb)
        command.make_context(verb, words)


def test_gate_without_a_project_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["compare", str(tmp_path), "--gate"])
    assert "is not a Dentline project" in str(done.exception)
