"""What this machine has and lacks."""

import os
import platform
import shutil
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

STAGES = {
    "label, cut, augment": ("opencv-python-headless", "numpy", "pandas", "fastapi", "uvicorn"),
    "train": ("tensorflow-cpu", "keras", "scikit-learn", "onnx", "tf2onnx"),
    "score, serve": ("onnxruntime", "fastapi", "uvicorn", "opencv-python-headless"),
    "export, dashboard": ("adbc-driver-sqlite", "duckdb", "pyarrow", "plotly"),
    "Azure ML, SDK v1": ("azureml-core", "azureml-inference-server-http"),
    "Azure ML, SDK v2": ("azure-ai-ml",),
    "many machines": ("dask", "distributed", "fsspec"),
}
"""Which packages each job needs."""

AZURE_KEYS = ("AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


def doctor() -> None:
    """Say what this machine has and what it lacks, and what to do about it.

    Nothing is imported or changed: versions are read from the installed packages' own records. A line
    that begins with "-" is something missing; only the job it names is affected.

    Example: dentline doctor
    """
    for line in [*_machine(), *_packages(), *_weights(), *_tools(), *_azure()]:
        typer.echo(line)


def _has(what: str, found: str) -> str:
    return f"+ {what:<22} {found}"


def _lacks(what: str, problem: str, remedy: str) -> str:
    return f"- {what:<22} {problem}: {remedy}"


def _machine() -> list[str]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    accelerator = shutil.which("nvidia-smi") or Path("/dev/nvidia0").exists()
    return [
        _has("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}, {cores} cores"),
        _has("sqlite", sqlite3.sqlite_version),
        _has("accelerator", "NVIDIA GPU")
        if accelerator
        else _lacks("accelerator", "none", "training runs on the CPU; nothing else needs one"),
    ]


def _packages() -> list[str]:
    lines = []
    for job, names in STAGES.items():
        found, missing = [], []
        for name in names:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                missing.append(name)
        if missing:
            lines.append(_lacks(job, f"lacks {', '.join(missing)}", f"{sys.executable} -m pip install 'dentline[dev]'"))
        else:
            lines.append(_has(job, ", ".join(found)))
    return lines


def _weights() -> list[str]:
    named = os.environ.get("DENTLINE_VGG16_WEIGHTS")
    if named:
        if Path(named).is_file():
            return [_has("VGG16 weights", f"{named} (DENTLINE_VGG16_WEIGHTS)")]
        return [_lacks("VGG16 weights", f"{named} does not exist", "correct or unset DENTLINE_VGG16_WEIGHTS")]
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    cached = home / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    if cached.is_file():
        return [_has("VGG16 weights", f"ImageNet, in Keras' cache {cached}")]
    instead = "Keras downloads them, or set DENTLINE_VGG16_WEIGHTS; without, the surface weights of Dentline are used"
    return [_lacks("VGG16 weights", "no ImageNet weights here", instead)]


def _tools() -> list[str]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser:
        return [_has("browser for tests", browser)]
    return [_lacks("browser for tests", "no Chromium", "install the package chromium; only the page tests need it")]


def _azure() -> list[str]:
    missing = [key for key in AZURE_KEYS if not os.environ.get(key)]
    if not missing:
        return [_has("Azure credentials", "set in the environment")]
    if shutil.which("az"):
        return [_has("Azure credentials", "the az command is here: az login")]
    return [_lacks("Azure credentials", f"{missing[0]} is not set", "only cloud targets need them; set it or use az")]
