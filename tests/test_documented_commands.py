"""What is written is run: the README's commands in their order, and the example of every --help."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from commands.app import app
from tests.conftest import ROOT

BACKGROUND = re.compile(r"&\s*$")


def examples(of: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield every command's name and its example."""
    for command in of.registered_commands:
        assert command.callback is not None
        name = " ".join((*before, command.name or command.callback.__name__))
        found = re.search(r"Example: (.*)$", " ".join((command.callback.__doc__ or "").split()))
        yield name, found[1] if found else ""
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from examples(group.typer_instance, (*before, str(group.name)))


EXAMPLES = dict(examples(app))


def readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Shell:
    """A shell in one folder, where ``dentline`` is this checkout and port 8000 a free one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services: list[subprocess.Popen[str]] = []
        (folder / "bin").mkdir()
        script = folder / "bin" / "dentline"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m commands.app "$@"\n')
        script.chmod(0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        self.environment = {
            **os.environ,
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
        }

    def run(self, line: str) -> str:
        line = line.replace("8000", self.port)
        if BACKGROUND.search(line):
            self.start(BACKGROUND.sub("", line))
            return ""
        done = subprocess.run(
            ["bash", "-ec", line],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def start(self, line: str) -> str:
        """Start a service and return the first line it prints: its address."""
        service = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.services.append(service)
        assert service.stdout is not None
        first = service.stdout.readline()
        assert "http://" in first, f"$ {line}\n{first}"
        return first

    def stop(self) -> None:
        for service in self.services:
            service.terminate()
            service.communicate(timeout=30)
        self.services.clear()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, dict[str, str]]]:
    """A folder in which every line of the README was run, and what each printed."""
    shell = Shell(tmp_path_factory.mktemp("readme"))
    try:
        said = {line: shell.run(line) for line in readme_commands()}
        shell.stop()
        yield shell, said
    finally:
        shell.stop()


def test_every_command_has_an_example() -> None:
    assert len(EXAMPLES) > 20
    for name, example in EXAMPLES.items():
        assert f"dentline {name}" in example, name


def test_readme_runs_from_photos_to_dashboard(walked: tuple[Shell, dict[str, str]]) -> None:
    shell, said = walked
    project = shell.folder / "my-part"
    assert (shell.folder / "scores.csv").stat().st_size > 1000
    for made in ("patches/manifest.csv", "scores.db", "dashboard/dim_model.csv", "dashboard/dashboard.html"):
        assert (project / made).is_file(), made
    assert list(project.glob("runs/*/report.html")) and list(project.glob("dashboard/fact_score/*.csv"))
    assert "honest" in said["dentline split my-part --report"]


def test_readme_names_only_files_that_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r"`((?:[a-z]+/)+[a-z_]+\.py)`", text)
    missing = [name for name in named if not name.startswith("http") and not (ROOT / name).exists()]
    assert not missing


APART = {"demo", "import", "init", "label", "pretrain", "serve"}
"""Commands whose example is not run in the README's folder: they make a project, run until stopped, or for long."""

BEFORE = {
    "call": ["dentline serve my-part --port 8000 &"],
    "labels restore": ["rm -f my-part-labels.db", "dentline labels backup my-part my-part-labels.db"],
    "jobs resume": ["dentline submit my-part --target local --model scratch", "dentline jobs cancel my-part JOB"],
}
AFTER = {"jobs resume": ["dentline jobs cancel my-part JOB"]}
"""What must have been done for an example to make sense, and what ends it."""


def filled(line: str, project: Path) -> str:
    """Put the project's newest run, newest job and first photo where an example names some."""
    newest = {r"\b20\d{6}-\d{6}-\w+\b": "runs/2*", r"\bJOB\b": "jobs/2*"}
    for pattern, names in newest.items():
        if re.search(pattern, line):
            line = re.sub(pattern, sorted(path.name for path in project.glob(names))[-1], line)
    return line.replace("door-1.jpg", sorted(path.name for path in (project / "photos").iterdir())[0])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "retrain" else [])
        for name in sorted(set(EXAMPLES) - APART)
    ],
)
def test_example_of_help_runs(walked: tuple[Shell, dict[str, str]], name: str) -> None:
    shell, _ = walked
    try:
        for line in (*BEFORE.get(name, ()), EXAMPLES[name], *AFTER.get(name, ())):
            shell.run(filled(line, shell.folder / "my-part"))
    finally:
        shell.stop()


@pytest.mark.parametrize("name", ["label", "serve"])
def test_example_of_a_service_starts_and_stops(walked: tuple[Shell, dict[str, str]], name: str) -> None:
    shell, _ = walked
    shell.start(EXAMPLES[name].replace("8000", shell.port))
    shell.stop()


def test_example_of_init_and_import(tmp_path: Path, shared: Path) -> None:
    (tmp_path / "here").mkdir()
    shell = Shell(tmp_path / "here")
    (tmp_path / "shared").symlink_to(shared)
    shell.run(EXAMPLES["import"])
    shutil.rmtree(shell.folder / "my-part")
    shell.run(EXAMPLES["init"])


@pytest.mark.slow
def test_example_of_demo(tmp_path: Path) -> None:
    said = Shell(tmp_path).run(EXAMPLES["demo"])
    assert "Done in" in said and (tmp_path / "my-demo/panels/dashboard/dashboard.html").is_file()
