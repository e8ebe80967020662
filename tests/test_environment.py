"""One set of versions: environment.yml against pyproject.toml, constraints.txt and what is installed."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def environment() -> dict[str, str]:
    parsed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pip = next(d["pip"] for d in parsed["dependencies"] if isinstance(d, dict))
    pairs = [line.split("==") for line in pip]
    return {canonicalize_name(Requirement(name).name): pinned for name, pinned in pairs}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): pinned for name, pinned in pairs}


NEEDED = [Requirement(line) for line in PROJECT["dependencies"] + EXTRAS["train"] + EXTRAS["azureml"]]


@pytest.mark.parametrize("requirement", NEEDED, ids=str)
def test_environment_pins_what_the_project_needs(requirement: Requirement) -> None:
    pinned = environment()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned)
    assert version(requirement.name) == pinned
    assert constraints()[canonicalize_name(requirement.name)] == pinned


def test_environment_names_nothing_else() -> None:
    assert set(environment()) == {canonicalize_name(r.name) for r in NEEDED}


@pytest.mark.parametrize("line", [line for name in ("azure", "dask", "blob", "mlflow", "dev") for line in EXTRAS[name]])
def test_constraints_pin_every_extra(line: str) -> None:
    requirement = Requirement(line)
    if requirement.name != PROJECT["name"]:
        assert version(requirement.name) == constraints()[canonicalize_name(requirement.name)]


def test_no_place_but_the_default_index_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8") + (ROOT / "environment.yml").read_text(
        encoding="utf-8"
    )
    assert not re.search(r"https?:|file:|--", text)
