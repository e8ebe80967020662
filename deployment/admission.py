"""How much is taken on at a time: bodies counted as they stream in, slots for scoring, the rest refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from deployment.request import RequestError
from deployment.settings import Settings

RETRY_AFTER_S = 1


class Admission:
    """One worker's limits.

    A request is looked at twice: before its body is read, so that a full house costs it nothing, and
    after, so that a slow upload holds no slot. It waits for a slot at most `wait_s`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.slots)
        self._held_bytes = 0
        self.n_waiting = 0

    @property
    def _most_held_bytes(self) -> int:
        return 4 * self._settings.max_body_bytes

    def look(self, request: Request) -> None:
        """Refuse before the body is read what would be refused after.

        Raises:
            RequestError: busy, or the length it claims is too large.
        """
        if self.n_waiting > self._settings.queue or self._held_bytes > self._most_held_bytes:
            raise _busy("the queue is full")
        claimed = request.headers.get("content-length")
        if claimed is not None and int(claimed) > self._settings.max_body_bytes:
            raise self._too_large(int(claimed))

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Read the body, counting; the bytes count as held until the block ends.

        Raises:
            RequestError: too large, too slow, or all uploads together are too many.
            ClientDisconnect: the caller went away before its end.
        """
        chunks: list[bytes] = []
        try:
            await self._read(request, chunks)
            yield b"".join(chunks)
        finally:
            self._held_bytes -= sum(map(len, chunks))

    async def _read(self, request: Request, chunks: list[bytes]) -> None:
        n_bytes = 0
        try:
            async with asyncio.timeout(self._settings.body_s):
                async for chunk in request.stream():
                    chunks.append(chunk)
                    n_bytes += len(chunk)
                    self._held_bytes += len(chunk)
                    if n_bytes > self._settings.max_body_bytes:
                        raise self._too_large(n_bytes)
                    if self._held_bytes > self._most_held_bytes:
                        raise _busy("the uploads together are too large")
        except TimeoutError:
            raise RequestError(
                "timeout", f"sent {n_bytes} bytes in {self._settings.body_s:g} s", "send the body faster"
            ) from None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots for scoring.

        Raises:
            RequestError: none became free in time.
        """
        if self.n_waiting > self._settings.queue:
            raise _busy("the queue is full")
        self.n_waiting += 1
        try:
            async with asyncio.timeout(self._settings.wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise _busy(f"no slot became free in {self._settings.wait_s:g} s") from None
        finally:
            self.n_waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    def _too_large(self, n_bytes: int) -> RequestError:
        return RequestError("too_large", f"has {n_bytes} bytes", f"send at most {self._settings.max_body_bytes}")


def _busy(problem: str) -> RequestError:
    return RequestError("busy", problem, f"try again in {RETRY_AFTER_S} s", where="service")
