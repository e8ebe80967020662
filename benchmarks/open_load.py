"""Callers who do not wait for each other, and one who only asks whether the service lives: each a process of its own.

``python -m benchmarks.open_load URL FILE PER_S SECONDS`` posts a PNG at a fixed rate whether the service keeps up or
not; ``python -m benchmarks.open_load URL - PER_S SECONDS`` asks /health/live. Both print [[status, seconds], …]. They
speak HTTP over plain sockets, so that the measuring takes little of the processors from what is measured.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

Told = tuple[int, float]


class Line:
    """A connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes) -> int:
        """Send a request and return the status of its answer, read to its end."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        await self._reader.readexactly(length)
        return int(head[9:12])


async def offer(url: str, request: bytes, per_s: float, seconds: float) -> list[Told]:
    """Send requests at a fixed rate; what is timed begins when a request was due."""
    address = urlsplit(url)
    free: list[Line] = []
    told: list[Told] = []

    async def send(due: float) -> None:
        line = free.pop() if free else Line(*await asyncio.open_connection(address.hostname, address.port))
        status = await line.ask(request)
        told.append((status, time.perf_counter() - due))
        free.append(line)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(round(per_s * seconds)):
            due = began + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(send(due))
    return told


def post(png: bytes) -> bytes:
    """Return a request to score."""
    return b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(png) + png


LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def main() -> None:
    """Offer the load that the command line names."""
    url, file, per_s, seconds = sys.argv[1:]
    request = LIVE if file == "-" else post(Path(file).read_bytes())
    print(json.dumps(asyncio.run(offer(url, request, float(per_s), float(seconds)))))


if __name__ == "__main__":
    main()
