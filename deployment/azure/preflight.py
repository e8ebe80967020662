"""What a deployment would die of in the cloud, looked for here: over a packed release, without a subscription."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from dentline import conda, images, rehearsal
from dentline.errors import DentlineError
from dentline.finding import Finding
from dentline.geometry import PATCH_PX
from deployment import bundle as bundles

PAYLOAD_BYTES = 10 * 1024 * 1024
"""Largest request a managed online endpoint takes:
https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas"""

UPGRADE_RESERVE = 1.2
"""Azure keeps a fifth of the asked-for cores for its own upgrades; they count against the quota."""

CORES = {
    "Standard_DS2_v2": 2,
    "Standard_DS3_v2": 4,
    "Standard_DS4_v2": 8,
    "Standard_D2a_v4": 2,
    "Standard_D4a_v4": 4,
    "Standard_E2s_v3": 2,
    "Standard_E4s_v3": 4,
    "Standard_F2s_v2": 2,
    "Standard_F4s_v2": 4,
    "Standard_F8s_v2": 8,
    "Standard_F16s_v2": 16,
}
"""Machines of a managed online endpoint that suit a scorer without a GPU, and their cores."""

LOADERS = {
    "endpoint.yml": "load_online_endpoint",
    "deployment.yml": "load_online_deployment",
    "batch-endpoint.yml": "load_batch_endpoint",
    "batch-deployment.yml": "load_batch_deployment",
}
"""SDK v2's own readers: each refuses an unknown or wrong field offline."""


def check(folder: Path, photos: list[Path], quota_cores: int | None = None) -> list[Finding]:
    """Return what was found of a packed release, cheap checks first; the server is tried if they pass.

    Args:
        photos: of the project; the largest must fit into a request.
        quota_cores: of the subscription for this family of machines, where known.
    """
    deployment = json.loads((folder / "deployment.yml").read_text(encoding="utf-8"))
    findings = [
        *(_yaml(folder, name) for name in LOADERS),
        _model(folder, deployment),
        _script(folder, "deployment.yml", deployment),
        _script(folder, "batch-deployment.yml", json.loads((folder / "batch-deployment.yml").read_text())),
        _environment(folder, deployment),
        _machines(deployment, quota_cores),
        _payload(photos),
    ]
    if all(finding.ok for finding in findings):
        findings += [_server(folder, deployment, extra) for extra in (False, True)]
    return findings


def _yaml(folder: Path, name: str) -> Finding:
    try:
        import azure.ai.ml
        from marshmallow import ValidationError
    except ModuleNotFoundError:
        return Finding(name, "not checked: azure-ai-ml is not installed", "pip install 'dentline[azure]'")
    try:
        getattr(azure.ai.ml, LOADERS[name])(folder / name)
    except (ValidationError, ValueError, OSError) as error:
        line = " ".join(str(error).split()).split("Visit this link")[0].strip()
        return Finding(name, line, "correct the field it names")
    return Finding(name, remedy="accepted by SDK v2")


def _model(folder: Path, deployment: dict[str, Any]) -> Finding:
    path = folder / deployment.get("model", {}).get("path", "")
    try:
        bundles.load(bundles.find(path))
    except DentlineError as error:
        return Finding("model path", str(error), "point model.path at a run's bundle")
    return Finding("model path", remedy=str(path))


def _script(folder: Path, name: str, deployment: dict[str, Any]) -> Finding:
    code = deployment.get("code_configuration", {})
    script = folder / code.get("code", "") / code.get("scoring_script", "")
    if not script.is_file():
        return Finding(f"{name}: scoring script", f"{script} is missing", "code_configuration names score.py in code/")
    return Finding(f"{name}: scoring script", remedy=script.name)


def _environment(folder: Path, deployment: dict[str, Any]) -> Finding:
    named = deployment.get("environment", {})
    if not isinstance(named, dict) or "conda_file" not in named:
        return Finding("environment", "the deployment names none", "give environment.image and environment.conda_file")
    return conda.check(folder / named["conda_file"])


def _machines(deployment: dict[str, Any], quota_cores: int | None) -> Finding:
    kind, count = deployment.get("instance_type"), int(deployment.get("instance_count", 1))
    if kind not in CORES:
        return Finding("machines", f"{kind} is not one we know to serve endpoints", f"take one of {', '.join(CORES)}")
    needed = round(UPGRADE_RESERVE * count * CORES[kind] + 0.49)
    seen = f"{count} x {kind} takes {needed} cores of the quota, a fifth of them Azure's upgrade reserve"
    if quota_cores is not None and needed > quota_cores:
        return Finding("machines", f"{seen}; it has {quota_cores}", "ask for more, or take fewer or smaller machines")
    return Finding("machines", remedy=seen + ("" if quota_cores is not None else "; the quota was not given"))


def _payload(photos: list[Path]) -> Finding:
    largest = max(photos, key=lambda path: path.stat().st_size, default=None)
    if largest is None:
        return Finding("payload", remedy="no photo to measure")
    size = largest.stat().st_size
    if size > PAYLOAD_BYTES:
        problem = f"{largest.name} has {size / 2**20:.1f} MiB; an endpoint takes {PAYLOAD_BYTES / 2**20:.0f}"
        return Finding("payload", problem, "send JPEG at quality 90, or score where the photos are, or by batch")
    return Finding("payload", remedy=f"the largest photo has {size / 2**20:.1f} MiB; JSON base64 makes it a third more")


def _server(folder: Path, deployment: dict[str, Any], extra: bool) -> Finding:
    """Run the release's code under Azure's own inference server, in a clean environment, and ask it."""
    what = f"real server, model {'one folder down' if extra else 'at the root'}"
    probe = deployment["liveness_probe"]
    budget_s = probe["initial_delay"] + probe["period"] * probe["failure_threshold"]
    model = folder / deployment["model"]["path"]
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        root = Path(home) / "model"
        shutil.copytree(model, root / model.name if extra else root)
        log = Path(home) / "log.txt"
        started = time.monotonic()
        try:
            url = stack.enter_context(_running(folder / deployment["code_configuration"]["code"], root, log, budget_s))
        except DentlineError as error:
            return Finding(what, error.problem, error.remedy)
        ready_s = time.monotonic() - started
        bundle = bundles.load(model)
        picture = bundle.golden.images[0]
        margin = (picture.shape[0] - PATCH_PX) // 2
        body = images.encode_png(picture[margin : margin + PATCH_PX, margin : margin + PATCH_PX] if margin else picture)
        reply = httpx.post(f"{url}/score", content=body, headers={"content-type": "image/png"}, timeout=30)
    if reply.status_code != 200:
        return Finding(what, f"answered {reply.status_code}: {reply.text[:200]}", "see the message; it runs the bundle")
    return Finding(
        what, remedy=f"ready in {ready_s:.1f} s of the {budget_s:.0f} its probes allow; p = {reply.json()['p']:.3f}"
    )


@contextlib.contextmanager
def _running(code: Path, model: Path, log: Path, budget_s: float) -> Iterator[str]:
    server = shutil.which("azmlinfsrv", path=str(Path(sys.executable).parent))
    if server is None:
        raise DentlineError("real server", "azmlinfsrv is not installed", "pip install 'dentline[azureml]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = rehearsal.environment(log.parent, code, AZUREML_MODEL_DIR=str(model))
    command = [server, "--entry_script", "score.py", "--model_dir", str(model), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=code, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _until_ready(process, f"http://127.0.0.1:{port}", log, budget_s)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path, budget_s: float) -> None:
    deadline = time.monotonic() + budget_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DentlineError("real server", f"ended at the start: {_last(log)}", "mend what the line says")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    remedy = "raise liveness_probe.failure_threshold, or make init() do less"
    raise DentlineError("real server", f"not ready in the {budget_s:g} s its probes allow", remedy)


def _last(log: Path) -> str:
    """Return the line of a log that says why it ended."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line]
    return (telling or lines or ["no output"])[-1]
