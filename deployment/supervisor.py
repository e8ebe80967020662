"""Several workers on one socket: started, replaced when one dies, stopped together."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from deployment import settings as environment
from deployment.listener import refuse
from deployment.settings import Settings

LOOK_S = 0.2
FAILED_TO_START = 2


class Supervisor:
    """The parent of `settings.workers` processes.

    They share one listening socket, so that a connection waiting while a worker is killed is taken by
    another one.
    """

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings, self._listener = settings, listener
        self._stop = threading.Event()
        self._workers: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit status."""
        counters = Path(tempfile.mkdtemp(prefix="dentline-metrics-"))
        os.environ.update(environment.write(replace(self._settings, metrics_dir=counters)))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._workers = [self._start() for _ in range(self._settings.workers)]
            first = list(self._workers)
            while not self._stop.wait(LOOK_S):
                for place, worker in enumerate(self._workers):
                    if worker.poll() == FAILED_TO_START and worker in first:
                        return FAILED_TO_START
                    if worker.returncode is not None:  # a replacement that fails is tried again: the others serve
                        print(f"dentline: worker {worker.pid} died ({worker.returncode})", file=sys.stderr, flush=True)
                        _forget_gauges(counters, worker.pid)
                        self._workers[place] = self._start()
            return 0
        finally:
            self._end()
            shutil.rmtree(counters, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        number = self._listener.fileno()
        return subprocess.Popen(
            [sys.executable, "-m", "deployment.worker", str(number)], pass_fds=[number], start_new_session=True
        )

    def _end(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.terminate()
        time.sleep(self._settings.linger_s)
        refuse(self._listener)
        longest_s = self._settings.drain_s + 3
        for worker in self._workers:
            try:
                worker.wait(longest_s)
            except subprocess.TimeoutExpired:
                print(f"dentline: worker {worker.pid} did not end and is killed", file=sys.stderr, flush=True)
                worker.kill()
        self._listener.close()


def _forget_gauges(counters: Path, pid: int) -> None:
    for path in counters.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def run(settings: Settings, listener: socket.socket) -> int:
    """Serve with one worker in this process, or with several under a supervisor; return the exit status."""
    if settings.workers > 1:
        return Supervisor(settings, listener).run()
    from deployment import worker

    worker.serve(settings, listener)
    return 0
