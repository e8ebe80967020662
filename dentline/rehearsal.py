"""The surroundings of a rehearsal: nothing of this machine but its packages, as a cloud would have it."""

import os
from pathlib import Path

_SITE = """import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
"""
"""An editable installation finds this checkout's modules wherever a process runs; a rehearsal must not."""


def environment(home: Path, code: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that sees `code` and the installed packages, and no checkout.

    Args:
        home: an empty folder, for the process' own files.
        variables: to be set besides.
    """
    (home / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": os.pathsep.join((str(home), str(code.resolve()))),
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
