"""A release as a folder: bundle, code, environment and YAML, ready for ``az ml`` or the SDK."""

import json
import shutil
from pathlib import Path

import yaml

from dentline import checkout
from dentline.errors import DentlineError
from dentline.files import write_text
from deployment import bundle as bundles
from deployment.azure.release import FILES, Release

ROOMS = ("dentline", "labeling", "augmentation", "deployment", "score.py")
"""The code a scoring service runs: no training, so no TensorFlow."""

PACKAGES = (
    "azureml-inference-server-http",
    "fastapi",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pathspec",
    "prometheus-client",
    "python-multipart",
    "pyyaml",
    "simplejpeg",
    "uvicorn[standard]",
)
"""What scoring needs of ``environment.yml``, with the versions pinned there."""

BATCH_SCRIPT = '''"""Azure's batch entry: thin, over deployment.azure.batch."""

from deployment.azure.batch import init, run

__all__ = ["init", "run"]
'''


def pack(bundle: Path, release: Release, folder: Path) -> Path:
    """Write a release into a new folder and return it.

    Raises:
        DentlineError: the bundle is damaged, or the folder exists.
    """
    if folder.exists():
        raise DentlineError(str(folder), "exists already", "remove it, or name another with --out")
    bundles.load(bundle)
    shutil.copytree(bundle, folder / release.model)
    code = folder / release.code
    for path in checkout.files():
        at = path.relative_to(checkout.ROOT)
        if at.parts[0] in ROOMS:
            (code / at).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, code / at)
    write_text(code / "batch_score.py", BATCH_SCRIPT)
    write_text(folder / release.environment, environment())
    for name, table in FILES.items():
        write_text(folder / name, json.dumps(table(release), indent=2) + "\n")
    return folder


def environment() -> str:
    """Return the conda file of scoring: Python and the pinned packages of :data:`PACKAGES`."""
    pins = checkout.pins()
    lines = [f"{name}=={pins[name]}" for name in PACKAGES]
    table = {
        "name": "dentline-scoring",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": lines}],
    }
    return yaml.safe_dump(table, sort_keys=False)
