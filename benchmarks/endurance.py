"""The service under ill treatment: ``python -m benchmarks.endurance kills swaps memory load stop start``.

Each part starts ``dentline serve`` on a project with a small model, and prints what it saw:

kills   workers are killed (kill -9) while callers score; acknowledged answers missing from the records
swaps   the champion changes under load; requests that failed
memory  the hardest pictures and bodies known, one at a time; peak resident memory above the resting one
load    four times what it can serve; liveness, 429s, goodput, time to be ready again
stop    SIGTERM under load; requests cut, scores lost, seconds to the end
start   seconds and CPU-seconds from start to ready, resident memory of a worker
"""

import argparse
import base64
import json
import os
import signal
import statistics
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from benchmarks.serving import cpu_s
from dentline import images
from dentline.workspace import Workspace
from deployment import champion, records
from tests import tiny_model
from tests.serving import Service, project, running

PNG = {"content-type": "image/png"}
PHOTO = images.encode_png(tiny_model.surface(128, 128, [(60, 60)]))
Figures = dict[str, Any]


class Callers:
    """Threads that score one photo again and again, and keep what they were told."""

    def __init__(self, service: Service, n: int, data: bytes = PHOTO) -> None:
        self._service, self._data = service, data
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(n)]
        self.acknowledged: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.seconds: list[tuple[int, float]] = []
        self.failures: list[str] = []

    def _run(self) -> None:
        client = self._service.client()
        while not self._stop.is_set():
            started = time.perf_counter()
            try:
                answer = client.post("/score", content=self._data, headers=PNG)
            except httpx.TransportError as error:
                self.failures.append(type(error).__name__)
                time.sleep(0.01)
                continue
            self.seconds.append((answer.status_code, time.perf_counter() - started))
            self.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                self.acknowledged.add(answer.json()["photos"][0]["score_id"])
            elif answer.status_code == 429:
                time.sleep(0.05)
        client.close()

    @contextmanager
    def calling(self) -> Iterator["Callers"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, n: int) -> None:
        while len(self.acknowledged) < n:
            time.sleep(0.02)


def missing(workspace: Workspace, acknowledged: set[str]) -> int:
    """Count acknowledged answers that are not in the records."""
    rows = records.open_for_reading(workspace.scores).execute("SELECT score_id FROM score")
    return len(acknowledged - {row[0] for row in rows})


def kills(workspace: Workspace, n_kills: int = 50, n_answers: int = 10_000) -> Figures:
    """Kill one worker after another under load."""
    with running(workspace, "--log", "none", workers=2) as service, Callers(service, 4).calling() as callers:
        for number in range(n_kills):
            callers.wait_for((number + 1) * n_answers // n_kills)
            workers = children(service.process.pid)
            for pid in workers[number % len(workers) :][:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    return {
        "kills": n_kills,
        "acknowledged": len(callers.acknowledged),
        "missing": missing(workspace, callers.acknowledged),
        "cut_by_kills": len(callers.failures),
    }


def swaps(workspace: Workspace, n_swaps: int = 20) -> Figures:
    """Promote another model again and again under load."""
    tiny_model.write(workspace.bundle("two"), run_id="two", gain=0.25)
    seconds = []
    with (
        running(workspace, "--log", "none") as service,
        Callers(service, 2).calling() as callers,
        service.client() as own,
    ):
        for number in range(n_swaps):
            started = time.perf_counter()
            run_id = ("two", "one")[number % 2]
            champion.promote(workspace, run_id)
            while own.get("/health/ready").json()["model_id"] != run_id:
                time.sleep(0.02)
            seconds.append(time.perf_counter() - started)
    return {
        "swaps": n_swaps,
        "answered": sum(callers.statuses.values()),
        "not_200": sum(n for status, n in callers.statuses.items() if status != 200) + len(callers.failures),
        "longest_swap_s": round(max(seconds), 2),
    }


def children(pid: int) -> list[int]:
    """Return the worker processes of a service."""
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mb(pid: int, field: str = "VmRSS") -> float:
    """Return a process's resident memory, or its peak (``VmHWM``)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024, 1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flat_png(width: int, height: int, bits: int = 8) -> bytes:
    row = bytes(1 + width * 3 * bits // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def progressive(width: int, height: int) -> bytes:
    flat = np.full((height, width, 3), 127, np.uint8)
    return cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


def turned(data: bytes) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + data[2:]


HARD: dict[str, Callable[[], tuple[str, bytes]]] = {
    "png 40 MP": lambda: ("image/png", flat_png(8000, 5000)),
    "png 40 MP of 16 bits": lambda: ("image/png", flat_png(8000, 5000, 16)),
    "progressive jpeg 40 MP, turned": lambda: ("image/jpeg", turned(progressive(8000, 5000))),
    "progressive jpeg of 40 scans, 39 MP": lambda: ("image/jpeg", many_scans(progressive(7800, 5000))),
    "png 60000 x 60000": lambda: ("image/png", flat_png(60_000, 4)[:16] + struct.pack(">II", 60_000, 60_000) + b"x"),
    "png with a chunk of 4 GB": lambda: (
        "image/png",
        PHOTO[:33] + struct.pack(">I4s", 0xFFFFFFFF, b"acTL") + b"x" * 99,
    ),
    "json of 30 MB of empty objects": lambda: ("application/json", b'{"image":[' + b"{}," * 10_000_000 + b"{}]}"),
    "json of 30 MB of brackets": lambda: ("application/json", b"[" * 30_000_000),
    "base64 of a 20-MB body": lambda: ("application/json", json_of(b"\xff\xd8\xff" + b"x" * 20_000_000)),
    "multipart of 100,000 parts": lambda: ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--"),
    "multipart of 30 MB in one header": lambda: ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 30_000_000),
    "body over the limit": lambda: ("image/png", b"x" * 40_000_000),
}


def json_of(data: bytes) -> bytes:
    return b'{"image": "' + base64.b64encode(data) + b'"}'


def many_scans(data: bytes) -> bytes:
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 28 + data[-2:]


def memory(workspace: Workspace) -> Figures:
    """Send the hardest inputs known, each to a fresh service, and watch its peak."""
    found: Figures = {}
    for name, make in HARD.items():
        content_type, body = make()
        with running(workspace, "--log", "none") as service, service.client() as own:
            own.post("/score", content=PHOTO, headers=PNG)
            resting = resident_mb(service.process.pid)
            started = time.perf_counter()
            answer = own.post("/score", content=body, headers={"content-type": content_type}, timeout=900)
            seconds = time.perf_counter() - started
            peak = resident_mb(service.process.pid, "VmHWM")
            alive = own.get("/health/live").status_code == 200
        found[name] = {
            "status": answer.status_code,
            "above_rest_mb": round(peak - resting),
            "seconds": round(seconds, 2),
            "alive": alive,
        }
        print(name, found[name], file=sys.stderr)
    return found


def load(workspace: Workspace, seconds: float = 10) -> Figures:
    """Find what it serves to one caller, then offer four times that, whether it keeps up or not."""
    data = images.encode_png(tiny_model.surface(500, 500, []))
    with running(workspace, "--log", "none") as service, service.client() as own:
        with Callers(service, 1, data).calling() as callers:
            time.sleep(seconds)
        capacity = callers.statuses[200] / seconds
        seen: list[tuple[int, float]] = []
        local = threading.local()

        def send() -> None:
            if not hasattr(local, "client"):
                local.client = service.client()
            started = time.perf_counter()
            status = local.client.post("/score", content=data, headers=PNG).status_code
            seen.append((status, time.perf_counter() - started))

        live = []
        n = round(4 * capacity * seconds)
        with ThreadPoolExecutor(32) as pool:
            began = time.perf_counter()
            for number in range(n):
                pool.submit(send)
                if number % 4 == 0:
                    started = time.perf_counter()
                    own.get("/health/live")
                    live.append(time.perf_counter() - started)
                time.sleep(max(0.0, began + (number + 1) / (4 * capacity) - time.perf_counter()))
        took = time.perf_counter() - began
        started = time.perf_counter()
        while own.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        again = time.perf_counter() - started
    refused = [s for status, s in seen if status == 429]
    return {
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(n / took, 1),
        "answered_per_s": round(sum(status == 200 for status, _ in seen) / took, 1),
        "refused": len(refused),
        "refused_p99_s": round(float(np.percentile(refused, 99)), 3) if refused else None,
        "other_statuses": sum(status not in (200, 429) for status, _ in seen),
        "liveness_longest_s": round(max(live), 3),
        "ready_again_s": round(again, 3),
    }


def stop(workspace: Workspace) -> Figures:
    """Send SIGTERM under load from callers that take no notice of readiness."""
    seconds, cut, n, lost = [], 0, 0, 0
    for _ in range(5):
        with (
            running(workspace, "--log", "none", linger_s=3, workers=2) as service,
            Callers(service, 4).calling() as callers,
        ):
            callers.wait_for(100)
            started = time.perf_counter()
            if service.stop() != 0:
                raise SystemExit("the service did not end well")
            seconds.append(time.perf_counter() - started)
        cut += sum(kind not in ("ConnectError",) for kind in callers.failures)
        n += len(callers.acknowledged)
        lost += missing(workspace, callers.acknowledged)
    return {"stops": 5, "answered": n, "cut": cut, "lost": lost, "longest_s": round(max(seconds), 1)}


def start(workspace: Workspace) -> Figures:
    """Start it five times."""
    seconds, cpu, resident = [], [], []
    for _ in range(5):
        started = time.perf_counter()
        with running(workspace, "--log", "none") as service:
            seconds.append(time.perf_counter() - started)
            cpu.append(cpu_s(service.process.pid))
            with service.client() as own:
                for _ in range(20):
                    own.post("/score", content=PHOTO, headers=PNG)
            resident.append(resident_mb(service.process.pid))
    return {
        "ready_s_median": round(statistics.median(seconds), 2),
        "ready_cpu_s_median": round(statistics.median(cpu), 2),
        "worker_mb": max(resident),
    }


PARTS: dict[str, Callable[[Workspace], Figures]] = {
    "kills": kills,
    "swaps": swaps,
    "memory": memory,
    "load": load,
    "stop": stop,
    "start": start,
}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    found = {}
    for name in given.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = PARTS[name](project(Path(folder) / "p"))
        print(json.dumps({name: found[name]}, indent=1), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
