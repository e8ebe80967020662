"""How much is taken on at a time: bodies counted as they stream in, the rest refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from deployment.request import RequestError
from deployment.settings import Settings
from deployment.slots import Slots, busy


class Admission:
    """One worker's limits on bodies.

    A request is looked at twice: before its body is read, so that a full house costs it nothing, and
    after, by the slots, so that a slow upload holds none.
    """

    def __init__(self, settings: Settings, slots: Slots) -> None:
        self._settings, self._slots = settings, slots
        self._held_bytes = 0

    @property
    def _most_held_bytes(self) -> int:
        return 4 * self._settings.max_body_bytes

    def look(self, claimed: str | bytes | None) -> None:
        """Refuse before the body is read what would be refused after.

        Args:
            claimed: the header Content-Length, whole numbers alone as HTTP has them.

        Raises:
            RequestError: busy, or the length it claims is too large.
        """
        if self._slots.is_full or self._held_bytes > self._most_held_bytes:
            raise busy("the queue is full")
        if claimed is not None and int(claimed) > self._settings.max_body_bytes:
            raise self._too_large(int(claimed))

    def count(self, upload: "Upload", n_bytes: int) -> None:
        """Take note of bytes that came.

        Raises:
            RequestError: too large, or all uploads together are too many.
        """
        upload.n_bytes += n_bytes
        self._held_bytes += n_bytes
        if upload.n_bytes > self._settings.max_body_bytes:
            raise self._too_large(upload.n_bytes)
        if self._held_bytes > self._most_held_bytes:
            raise busy("the uploads together are too large")

    def release(self, upload: "Upload") -> None:
        """Hold the bytes of an upload no more. May be called again."""
        self._held_bytes -= upload.n_bytes
        upload.n_bytes = 0

    def too_slow(self, upload: "Upload") -> RequestError:
        """Return the refusal of a body that takes too long."""
        return RequestError(
            "timeout", f"sent {upload.n_bytes} bytes in {self._settings.body_s:g} s", "send the body faster"
        )

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Read the body, counting; the bytes count as held until the block ends.

        Raises:
            RequestError: too large, too slow, or all uploads together are too many.
            ClientDisconnect: the caller went away before its end.
        """
        upload = Upload()
        try:
            try:
                async with asyncio.timeout(self._settings.body_s):
                    async for chunk in request.stream():
                        upload.chunks.append(chunk)
                        self.count(upload, len(chunk))
            except TimeoutError:
                raise self.too_slow(upload) from None
            yield upload.bytes()
        finally:
            self.release(upload)

    def _too_large(self, n_bytes: int) -> RequestError:
        return RequestError("too_large", f"has {n_bytes} bytes", f"send at most {self._settings.max_body_bytes}")


class Upload:
    """A body on its way in: what came of it so far, and how much of that counts as held."""

    __slots__ = ("chunks", "n_bytes")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.n_bytes = 0

    def bytes(self) -> bytes:
        """Return all that came, in one piece, and keep the pieces no longer."""
        whole = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks.clear()
        return whole
