"""What a run was made by: the code, the environment, the packages. The same here and in a cloud's snapshot."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dentline import __version__, checkout
from dentline.files import sha256

ROOMS = ("dentline", "labeling", "augmentation", "deployment", "training")
"""The code that a training runs."""

PACKAGES = ("keras", "tensorflow-cpu", "numpy", "opencv-python-headless", "onnx", "onnxruntime", "scikit-learn")
"""What a model's numbers depend on; the rest of the environment is in its fingerprint."""


def origin(others: dict[str, int]) -> dict[str, Any]:
    """Return the fields of :class:`training.run.Record` that say what made the run, and `others` with them."""
    environment = checkout.ROOT / checkout.ENVIRONMENT
    return {
        "code_version": __version__,
        "code_sha256": _code(),
        "environment_sha256": sha256(environment) if environment.is_file() else "",
        "packages": _packages(),
        **others,
    }


def _code() -> str:
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((checkout.ROOT / room).rglob("*.py")):
            digest.update(f"{path.relative_to(checkout.ROOT).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def _packages() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
