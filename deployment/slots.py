"""The threads that score, and the short queue before them."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from deployment.request import RequestError

RETRY_AFTER_S = 1

T = TypeVar("T")


class _Job:
    """One piece of work. Who pops the claim, a thread or the end of its patience, has the job."""

    __slots__ = ("claim", "done", "impatience", "work")

    def __init__(self, work: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        self.work, self.done = work, done
        self.claim = [True]
        self.impatience: asyncio.TimerHandle | None = None


class Slots:
    """Work is done `n` pieces at a time; the rest waits, at most `queue` of them and `wait_s` each.

    All methods are called on the thread of the event loop, and so is `done`: no lock, no future, and a
    thread that ends one piece takes the next by itself.
    """

    def __init__(self, n: int, queue: int, wait_s: float) -> None:
        self._n, self._most_waiting, self._wait_s = n, queue, wait_s
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._n_taken_on = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = [Thread(target=self._work, name=f"score-{number}", daemon=True) for number in range(n)]
        for thread in self._threads:
            thread.start()

    @property
    def n_waiting(self) -> int:
        return max(0, self._n_taken_on - self._n)

    @property
    def is_full(self) -> bool:
        return self.n_waiting > self._most_waiting

    def submit(self, work: Callable[[], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have `work` called on a thread, then `done` with what it returned or raised.

        `done` is given :class:`RequestError` ``busy`` when no slot became free in time.

        Raises:
            RequestError: the queue is full; `done` will not be called.
        """
        if self.is_full:
            raise busy("the queue is full")
        self._loop = self._loop or asyncio.get_running_loop()
        job = _Job(work, done)
        if self._n_taken_on >= self._n:
            job.impatience = self._loop.call_later(self._wait_s, self._give_up, job)
        self._n_taken_on += 1
        self._jobs.put(job)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns on one of the threads.

        Raises:
            RequestError: busy; and whatever `work` raises.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def done(found: T | None, error: BaseException | None) -> None:
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found)  # type: ignore[arg-type]

        self.submit(work, done)
        return await answer

    def close(self) -> None:
        """Let the threads finish what they have, and end them."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while self._do(self._jobs.get()):
            pass

    def _do(self, job: _Job | None) -> bool:
        """Do one piece; a function of its own, so that an idle thread holds nobody's photo."""
        if job is None or self._loop is None:
            return False
        try:
            job.claim.pop()
        except IndexError:
            return True
        found: Any = None
        error: BaseException | None = None
        try:
            found = job.work()
        except BaseException as raised:
            error = raised
        self._loop.call_soon_threadsafe(self._finish, job, found, error)
        return True

    def _finish(self, job: _Job, found: Any, error: BaseException | None) -> None:
        self._n_taken_on -= 1
        if job.impatience is not None:
            job.impatience.cancel()
        job.done(found, error)

    def _give_up(self, job: _Job) -> None:
        try:
            job.claim.pop()
        except IndexError:
            return
        self._n_taken_on -= 1
        job.done(None, busy(f"no slot became free in {self._wait_s:g} s"))


def busy(problem: str) -> RequestError:
    """Return the refusal of a service that has enough to do."""
    return RequestError("busy", problem, f"try again in {RETRY_AFTER_S} s", where="service")
