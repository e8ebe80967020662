"""The code of Dentline itself, as files: what a training job or a cloud deployment takes along."""

import os
from collections.abc import Iterator
from pathlib import Path

import pathspec

from dentline.errors import DentlineError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout this code runs from."""

IGNORE = ".amlignore"
ENVIRONMENT = "environment.yml"


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the files below `root` that its ``.amlignore`` does not name, in a fixed order.

    Raises:
        DentlineError: `root` is not a checkout of Dentline.
    """
    ignore = root / IGNORE
    if not ignore.is_file() or not (root / ENVIRONMENT).is_file():
        raise DentlineError(str(root), "is not a checkout of Dentline", "run from an installation made with pip -e")
    spec = pathspec.GitIgnoreSpec.from_lines(ignore.read_text(encoding="utf-8").splitlines())
    for walked, below, names in os.walk(root):
        folder = Path(walked)
        at = folder.relative_to(root)
        below[:] = sorted(name for name in below if not spec.match_file(f"{(at / name).as_posix()}/"))
        yield from (folder / name for name in sorted(names) if not spec.match_file((at / name).as_posix()))


def pins(environment: Path = ROOT / ENVIRONMENT) -> dict[str, str]:
    """Return the pip requirements of a conda file, ``name[extra]`` to version; an unpinned one has ``""``."""
    import yaml

    table = yaml.safe_load(environment.read_text(encoding="utf-8"))
    lines: list[str] = next((entry["pip"] for entry in table["dependencies"] if isinstance(entry, dict)), [])
    return {name: version for name, _, version in (line.partition("==") for line in lines)}
