"""The service under ill treatment: ``python -m benchmarks.endurance kills swaps scan memory load stop start``.

Each part starts ``dentline serve`` on a project with a small model, and prints what it saw:

kills   workers are killed (kill -9) while callers score; acknowledged answers missing from the export
swaps   the champion changes under load; requests that failed
scan    photos of a megapixel scanned by the small network and by VGG16; resident memory, its peak, CPU-seconds a photo
memory  the hardest pictures and bodies known, one at a time; peak resident memory above the resting one
load    four times what it can serve; liveness, 429s, goodput, time to be ready again
stop    SIGTERM under load; requests cut, scores lost, seconds to the end
start   seconds and CPU-seconds from start to ready, resident memory of a worker

Each takes less than five minutes; ``load`` and ``start`` are times on the clock and want a machine that does nothing
else, and take half a minute.
"""

import argparse
import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.callers import PNG, Callers
from benchmarks.hard_inputs import HARD, PHOTO
from benchmarks.processes import children, cpu_s, resident_mb
from dashboards import export
from dentline import images
from dentline.workspace import Workspace
from deployment import champion
from tests import tiny_model
from tests.serving import Service, project, running, wait_until_ready

JPEG = {"content-type": "image/jpeg"}

Figures = dict[str, Any]


def missing(workspace: Workspace, acknowledged: set[str]) -> int:
    """Count acknowledged answers that are not exactly once in the files Power BI reads."""
    export.export(workspace, datetime.now(UTC))
    found: Counter[str] = Counter()
    for path in (workspace.dashboard / "fact_score").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found.update(row["score_id"] for row in csv.DictReader(lines))
    return sum(found[score_id] != 1 for score_id in acknowledged)


def kills(workspace: Workspace, n_kills: int = 50, n_answers: int = 10_000) -> Figures:
    """Kill one worker after another under load, and export meanwhile."""
    patch = images.encode_png(tiny_model.surface(64, 64, []))
    with running(workspace, "--log", "none", workers=2) as service, Callers(service, 4, patch).calling() as callers:
        for number in range(n_kills):
            callers.wait_for((number + 1) * n_answers // n_kills)
            workers = children(service.process.pid)
            for pid in workers[number % len(workers) :][:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if number % 10 == 9:
                export.export(workspace, datetime.now(UTC))
    return {
        "kills": n_kills,
        "acknowledged": len(callers.acknowledged),
        "missing_from_export": missing(workspace, callers.acknowledged),
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


def scan(workspace: Workspace, n_photos: int = 3) -> Figures:
    """Have each network scan one photo again and again, in a fresh service, and watch its memory."""
    from benchmarks import served_models

    found: Figures = {}
    for model in ("scratch", "vgg16"):
        served_models.scanning(workspace.bundle(model), model)
        champion.promote(workspace, model)
        with running(workspace, "--log", "none") as service, service.client() as own:
            own.post("/score", content=PHOTO, headers=PNG)
            resting, spent = resident_mb(service.process.pid), cpu_s(service.process.pid)
            for _ in range(n_photos):
                answer = own.post("/score", content=served_models.photo(), headers=JPEG, timeout=300)
                assert answer.status_code == 200, answer.text
            found[model] = {
                "resting_mb": resting,
                "peak_mb": resident_mb(service.process.pid, "VmHWM"),
                "afterwards_mb": resident_mb(service.process.pid),
                "cpu_s_a_photo": round((cpu_s(service.process.pid) - spent) / n_photos, 2),
            }
    return found


def load(workspace: Workspace) -> Figures:
    """Find what it serves to one caller, then offer four times that, whether it keeps up or not."""
    found: Figures = {}
    for side_px in (500, 128):
        photo = workspace.root / f"{side_px}.png"
        photo.write_bytes(images.encode_png(tiny_model.surface(side_px, side_px, [])))
        with running(workspace, "--log", "none") as service:
            found[f"{side_px} x {side_px} px"] = overload(service, photo)
    return found


def overload(service: Service, photo: Path, seconds: float = 10) -> Figures:
    """Offer four times what one caller is served, and ask meanwhile whether the service lives."""
    with Callers(service, 1, photo.read_bytes()).calling() as callers:
        time.sleep(4)
    capacity = callers.statuses[200] / 4
    offered = offering(service, str(photo), 4 * capacity, seconds)
    asked = offering(service, "-", 20, seconds)
    seen, live = told(offered), told(asked)
    started = time.perf_counter()
    wait_until_ready(service)
    again = time.perf_counter() - started
    refused = [s for status, s in seen if status == 429]
    return {
        "capacity_per_s": round(capacity, 1),
        "offered": len(seen),
        "answered_per_s": round(sum(status == 200 for status, _ in seen) / seconds, 1),
        "refused": len(refused),
        "refused_p99_s": round(float(np.percentile(refused, 99)), 3) if refused else None,
        "refused_longest_s": round(max(refused, default=0), 3),
        "other_statuses": sum(status not in (200, 429) for status, _ in seen),
        "liveness_asked": len(live),
        "liveness_p99_s": round(float(np.percentile([s for _, s in live], 99)), 3),
        "liveness_longest_s": round(max(s for _, s in live), 3),
        "ready_again_s": round(again, 3),
    }


def offering(service: Service, file: str, per_s: float, seconds: float) -> subprocess.Popen[str]:
    """Start a process that sends requests at a fixed rate."""
    command = [sys.executable, "-m", "benchmarks.open_load", service.url, file, str(per_s), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> list[tuple[int, float]]:
    """Return what such a process was told: statuses and seconds."""
    out, _ = process.communicate(timeout=120)
    return [(status, seconds) for status, seconds in json.loads(out)]


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
    """Start it seven times, and ask it whether it is ready every hundredth of a second."""
    seconds, cpu, resident = [], [], []
    for _ in range(7):
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
        "ready_s_longest": round(max(seconds), 2),
        "ready_cpu_s_median": round(statistics.median(cpu), 2),
        "worker_mb": max(resident),
    }


PARTS: dict[str, Callable[[Workspace], Figures]] = {
    "kills": kills,
    "swaps": swaps,
    "scan": scan,
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
