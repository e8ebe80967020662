"""What a training job would die of on its target, looked for here, without a subscription."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dentline import conda, rehearsal
from dentline.errors import DentlineError
from dentline.finding import Finding
from dentline.workspace import Workspace
from training import submit
from training.job import Job
from training.snapshot import Snapshot
from training.targets import azure


def rehearse(
    workspace: Workspace, target: str, models: tuple[str, ...] = (), nodes: int = 1
) -> tuple[list[Finding], list[str]]:
    """Take a job's snapshot, check it, throw it away; return the findings and, line by line, what would be sent.

    Raises:
        DentlineError: the project has nothing to train on.
    """
    job, snapshot = submit.prepare(workspace, models, nodes)
    try:
        return check(job, snapshot, target), described(job, snapshot, target)
    finally:
        shutil.rmtree(snapshot.folder.parent)


def check(job: Job, snapshot: Snapshot, target: str) -> list[Finding]:
    """Return what was found of a job: the target's name, the script, the environment, the YAML, a rehearsal."""
    findings = [
        _target(target),
        _script(job, snapshot),
        conda.check(snapshot.folder / job.environment),
        _yaml(job, snapshot, target),
    ]
    if findings[1].ok:
        findings.append(_entry(job, snapshot))
    return findings


def described(job: Job, snapshot: Snapshot, target: str) -> list[str]:
    """Return the job and the files of its snapshot, as they would be sent."""
    table = azure.table(job, snapshot.folder, target.partition(":")[2])
    lines = [f"== job for {target}", *json.dumps(table, indent=2).splitlines(), "== snapshot"]
    lines += [f"{(snapshot.folder / path).stat().st_size:>12}  {path}" for path, _ in snapshot.files]
    return [*lines, f"{snapshot.n_bytes:>12}  bytes in {len(snapshot.files)} files, SHA-256 {snapshot.digest}"]


def _target(name: str) -> Finding:
    kind, _, compute = name.partition(":")
    if kind not in submit.TARGETS:
        return Finding("target", f"{name} is none", "known are: local, azureml:COMPUTE, azure:COMPUTE")
    if kind != "local" and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,23}", compute):
        problem = f"{compute!r} is not a name a compute may have" if compute else "names no compute"
        return Finding("target", problem, f"write {kind}:NAME, as the workspace lists it")
    return Finding("target", remedy=name + ("" if kind == "local" else "; whether it exists, only the cloud knows"))


def _script(job: Job, snapshot: Snapshot) -> Finding:
    module = job.command[2]
    path = snapshot.folder / (module.replace(".", "/") + ".py")
    if not path.is_file():
        return Finding("script", f"{path.name} of {module} is not in the snapshot", "see what .amlignore leaves out")
    return Finding("script", remedy=" ".join(job.command))


def _yaml(job: Job, snapshot: Snapshot, target: str) -> Finding:
    try:
        azure.load(azure.write(job, snapshot.folder, target.partition(":")[2] or "cpu"))
    except ModuleNotFoundError as error:
        return Finding("job YAML", f"not checked: {error.name} is not installed", "pip install 'dentline[azure]'")
    except DentlineError as error:
        return Finding("job YAML", error.problem, error.remedy)
    return Finding("job YAML", remedy="accepted by SDK v2")


def _entry(job: Job, snapshot: Snapshot) -> Finding:
    """Run the job's own command line over its snapshot with nothing else in the environment, training nothing."""
    with tempfile.TemporaryDirectory() as home:
        environment = rehearsal.environment(Path(home), snapshot.folder)
        command = [sys.executable, *job.command[1:], "--dry-run"]
        done = subprocess.run(
            command, cwd=snapshot.folder, env=environment, capture_output=True, text=True, check=False
        )
    said = [line.strip() for line in (done.stderr if done.returncode else done.stdout).splitlines() if line.strip()]
    last = said[-1] if said else "no output"
    if done.returncode:
        return Finding("rehearsal", last, "the snapshot lacks it, or its recipe is wrong: mend what the line says")
    return Finding("rehearsal", remedy=last)
