"""Who may import whom: the arrows between the rooms, and the rooms that stay free of TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GROUND = {"dentline"}
ALLOWED = {
    "dentline": set(),
    "labeling": GROUND,
    "augmentation": GROUND | {"labeling"},
    "deployment": GROUND | {"labeling", "augmentation"},
    "training": GROUND | {"labeling", "augmentation", "deployment"},
    "dashboards": GROUND | {"deployment"},
    "score": GROUND | {"deployment"},
    "samples": GROUND,
    "commands": GROUND | {"labeling", "augmentation", "deployment", "training", "dashboards", "samples"},
}
ROOMS = set(ALLOWED) | {"benchmarks", "tests"}


def sources(room: str) -> list[Path]:
    single = ROOT / f"{room}.py"
    return [single] if single.is_file() else sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_no_arrow_runs_back_up(room: str) -> None:
    for path in sources(room):
        wrong = (imported(path) & ROOMS) - ALLOWED[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_packages_import_nothing_by_themselves() -> None:
    for room in sorted(ALLOWED):
        for path in sources(room):
            if path.name == "__init__.py":
                assert not imported(path), path


@pytest.mark.parametrize("room", sorted(set(ALLOWED) - {"training", "commands", "score"}))
def test_room_never_loads_tensorflow(room: str) -> None:
    modules = []
    for path in sources(room):
        if "azure" in path.parts and "run" in path.parts:
            continue
        modules.append(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    code = (
        "import sys, importlib\n"
        "sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        f"[importlib.import_module(m) for m in {modules!r}]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
