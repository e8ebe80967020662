"""Long work in shards, by one process, several, or a Dask cluster: nothing lost, nothing done twice.

A job is a list of tasks. Each task leaves one file, its shard, whole or not at all and after everything
else it writes; a shard that is there is not made again. So a run that was killed goes on where it was,
and what comes out is the same whoever worked.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from dentline import memory
from dentline.errors import DentlineError
from dentline.files import write_text
from dentline.progress import Progress, silent

Task = Callable[[], None]
"""What a worker is sent: picklable, and no larger than its own shard of the work needs."""

Way = Callable[[Iterable[Task]], Iterator[None]]
"""Does every task, in any order, and yields once for each that is done."""

AHEAD = 2
"""Tasks sent for each worker at a time: one in work, one waiting. A list of any length needs no more memory."""

RETRIES = 3
"""How often killed workers are replaced; Dask's own ``allowed-failures`` is the same."""

TIMEOUT_S = 10
"""How long a scheduler may take to answer."""

QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.scheduler.work-stealing": False,
}
"""How a local cluster is kept from watching itself: its clocks cost a seventh of a core, by default, while it waits."""

PLAN = "plan.json"


class Job(Protocol):
    """Work dealt into shards."""

    @property
    def what(self) -> str:
        """What is being done, for the progress."""

    def __len__(self) -> int:
        """How many shards there are."""

    def shard(self, number: int) -> Path:
        """The file that says that a shard is done."""

    def task(self, number: int) -> Task:
        """What makes it."""


def begin(folder: Path, fingerprint: str, shard_size: int, own: bool = False) -> int:
    """Open the folder of a job, or go on with it; return the size of its shards.

    Args:
        fingerprint: of all that the shards depend on: what a run must share to go on with another's.
        shard_size: for a new folder; one that is gone on with keeps its own.
        own: the folder is Dentline's, so shards of other work are thrown away. A user's folder that
            holds anything else is refused.

    Raises:
        DentlineError: the user's folder holds something else.
    """
    plan = folder / PLAN
    before = json.loads(plan.read_text(encoding="utf-8")) if plan.is_file() else {}
    if before.get("fingerprint") == fingerprint:
        return int(before["shard_size"])
    if own:
        shutil.rmtree(folder, ignore_errors=True)
    elif before:
        raise DentlineError(str(folder), "holds the results of other inputs", "name another folder")
    elif folder.exists() and any(folder.iterdir()):
        raise DentlineError(str(folder), "is not empty", "name a new folder")
    write_text(plan, json.dumps({"fingerprint": fingerprint, "shard_size": shard_size}) + "\n")
    return shard_size


def beside(folder: Path) -> Path:
    """Return where the shards of a folder in the making lie, until it takes its place."""
    return folder.with_name(f".{folder.name}.unfinished")


def missing(job: Job) -> list[int]:
    """Return the numbers of the shards that are not there yet, by one listing of their folder."""
    folder = job.shard(0).parent if len(job) else Path()
    here = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [number for number in range(len(job)) if job.shard(number).name not in here]


def run(job: Job, way: Way, progress: Progress = silent) -> None:
    """Make the shards that are missing.

    Raises:
        DentlineError: a task's own, or the workers wrote to another disk than this one.
    """
    left = missing(job)
    done = len(job) - len(left)
    progress(job.what, done, len(job))
    for _ in way(job.task(number) for number in left):
        done += 1
        progress(job.what, done, len(job))
    lost = missing(job)
    if lost:
        problem = f"{len(lost)} of {len(job)} shards were made but are not here"
        raise DentlineError(
            str(job.shard(lost[0]).parent), problem, "name a folder that this machine and every worker share"
        )


def chosen(workers: int, dask: str) -> Way:
    """Return the way that ``--workers`` and ``--dask`` ask for."""
    if dask:
        return on_dask(dask, workers)
    return processes(workers) if workers > 1 else serial


def serial(tasks: Iterable[Task]) -> Iterator[None]:
    """Do the tasks here, one after another."""
    for task in tasks:
        yield task()


def processes(n_workers: int) -> Way:
    """Return what does the tasks on processes of this machine; one that is killed is replaced.

    Raises (the way):
        DentlineError: workers died again and again.
    """

    def way(tasks: Iterable[Task]) -> Iterator[None]:
        left = iter(tasks)
        for _ in range(RETRIES + 1):
            with ProcessPoolExecutor(n_workers, get_context("spawn"), memory.keep) as pool:
                under_way: dict[Future[None], Task] = {}
                try:
                    while True:
                        room = AHEAD * n_workers - len(under_way)
                        for task in islice(left, room):
                            under_way[pool.submit(task)] = task
                        if not under_way:
                            return
                        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                            future.result()
                            del under_way[future]
                            yield
                except BrokenProcessPool:
                    left = chain(under_way.values(), left)
                finally:
                    pool.shutdown(cancel_futures=True)
        raise _killed(f"--workers {n_workers}")

    return way


def on_dask(address: str, n_workers: int) -> Way:
    """Return what does the tasks on a Dask cluster, whose workers see the same folders.

    Args:
        address: of the scheduler, ``tcp://host:8786``; ``local`` starts a cluster on this machine.
        n_workers: of a local cluster, one thread each.

    Raises (the way):
        DentlineError: Dask is not installed, or no scheduler answers.
    """

    def way(tasks: Iterable[Task]) -> Iterator[None]:
        try:
            from dask import config
            from distributed import Client, KilledWorker, LocalCluster
            from distributed import as_completed as completed
        except ModuleNotFoundError as error:
            raise DentlineError("--dask", f"needs the package {error.name}", "pip install 'dentline[dask]'") from error
        options: dict[str, Any] = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}
        with ExitStack() as open_:
            if address == "local":
                open_.enter_context(config.set(QUIET))
            try:
                cluster = open_.enter_context(LocalCluster(**options)) if address == "local" else address
                client = open_.enter_context(Client(cluster, timeout=TIMEOUT_S))
            except OSError as error:
                raise DentlineError(
                    f"--dask {address}", f"no scheduler answers: {error}", "start one, or write local"
                ) from error
            n_threads = max(n_workers, sum(client.nthreads().values()))
            source = (client.submit(_kept, task, pure=False) for task in tasks)
            under_way = completed(islice(source, AHEAD * n_threads))
            for future in under_way:
                try:
                    future.result()
                except KilledWorker as error:
                    raise _killed(f"--dask {address}") from error
                under_way.update(islice(source, 1))
                yield

    return way


def _kept(task: Task) -> None:
    memory.keep()
    task()


def _killed(where: str) -> DentlineError:
    problem = f"workers were killed {RETRIES + 1} times, as a system short of memory does"
    return DentlineError(where, problem, "take fewer; what is done stays done")
