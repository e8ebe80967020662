"""This machine as a target: the snapshot run as a subprocess that outlives the command that began it.

Neither Azure SDK runs a local job without its service, so this is our own runner over the same
snapshot, command line and environment file.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from dentline.errors import DentlineError
from dentline.files import write_text
from training.job import OUTPUTS, Job
from training.targets.target import FINAL, State

LOG = "log.txt"
STATE = "state.json"
POLL_S = 0.2
GRACE_S = 10.0


class Local:
    """Jobs on this machine; a handle is the folder of the snapshot's parent."""

    def submit(self, job: Job, snapshot: Path) -> str:
        """Start the job in the background; submitted again after a kill, it goes on from its checkpoint.

        Raises:
            DentlineError: it is running already.
        """
        folder = snapshot.parent.resolve()
        if _state(folder) == "running":
            raise DentlineError(f"job {job.job_id}", "is running already", f"watch it: dentline jobs logs {job.job_id}")
        (folder / STATE).unlink(missing_ok=True)
        command = [sys.executable, "-m", "training.targets.local", str(folder), str(job.nodes), *job.command[1:]]
        environment = {**os.environ, "PYTHONPATH": str(snapshot.resolve()), "PYTHONUNBUFFERED": "1"}
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=snapshot,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        threading.Thread(target=process.wait, daemon=True).start()
        return str(folder)

    def status(self, handle: str) -> State:
        """Return how the job stands; one whose process is gone without a word is ``lost``."""
        return _state(Path(handle))

    def logs(self, handle: str) -> Iterator[str]:
        """Yield the log's lines as they come, until the job ends."""
        with (Path(handle) / LOG).open(encoding="utf-8", errors="replace") as log:
            while True:
                ended = _state(Path(handle)) in FINAL
                yield from (line.rstrip("\n") for line in log)
                if ended:
                    return
                time.sleep(POLL_S)

    def cancel(self, handle: str) -> None:
        """Ask the job's processes to stop; those still there after ten seconds are killed."""
        folder = Path(handle)
        if _state(folder) != "running":
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            runner = psutil.Process(_record(folder).pid)
            processes = [runner, *runner.children(recursive=True)]
            _write(folder, _record(folder), "canceled")
            for process in processes:
                process.terminate()
            for process in psutil.wait_procs(processes, timeout=GRACE_S)[1]:
                process.kill()

    def download(self, handle: str, folder: Path) -> None:
        """Copy the job's outputs into `folder`."""
        outputs = Path(handle) / "snapshot" / OUTPUTS
        if outputs.is_dir():
            shutil.copytree(outputs, folder, dirs_exist_ok=True)


@dataclass(frozen=True)
class _Record:
    state: State
    pid: int
    began: float


def run(folder: Path, n_nodes: int, command: list[str]) -> int:
    """Run a job's command to its end, keep its state beside its snapshot, return its exit code.

    Several nodes are as many processes on loopback, told of each other as Azure tells machines.
    """
    me = psutil.Process()
    record = _Record("running", me.pid, me.create_time())
    _write(folder, record, "running")
    code = _together([subprocess.Popen(command, stdin=subprocess.DEVNULL, env=env) for env in _environments(n_nodes)])
    _write(folder, record, "completed" if code == 0 else "failed")
    return code


def _together(processes: "list[subprocess.Popen[bytes]]") -> int:
    """Wait for all; when one fails the others, who would wait for it for ever, are ended."""
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes):
            for process in processes:
                process.kill()
        time.sleep(POLL_S)
    return next((process.returncode for process in processes if process.returncode), 0)


def _environments(n_nodes: int) -> list[dict[str, str]]:
    if n_nodes == 1:
        return [dict(os.environ)]
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(n_nodes)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in probes]
    clusters = ({"cluster": {"worker": workers}, "task": {"type": "worker", "index": k}} for k in range(n_nodes))
    return [{**os.environ, "TF_CONFIG": json.dumps(cluster)} for cluster in clusters]


def _write(folder: Path, record: _Record, state: State) -> None:
    write_text(folder / STATE, json.dumps(asdict(replace(record, state=state))))


def _record(folder: Path) -> _Record:
    return _Record(**json.loads((folder / STATE).read_text(encoding="utf-8")))


def _state(folder: Path) -> State:
    try:
        record = _record(folder)
    except FileNotFoundError:
        return "queued"
    if record.state != "running":
        return record.state
    try:
        process = psutil.Process(record.pid)
        alive = process.create_time() == record.began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        alive = False
    return "running" if alive else "lost"


if __name__ == "__main__":
    raise SystemExit(run(Path(sys.argv[1]), int(sys.argv[2]), [sys.executable, *sys.argv[3:]]))
