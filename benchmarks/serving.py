"""The service beside its peers, one photo of a megapixel, one model: ``python -m benchmarks.serving``.

The same Keras network behind each: shrink the photo to 112x112, four convolutions, one probability.
All servers have one worker, run one after another in rounds, and answer the same two callers. What
counts is requests per CPU-second of the server with all its processes, since other work on the machine
moves it little; the latencies are of this machine at this time.

Needs Pillow and the peers: pip install -e ".[train,azureml,bench]"
"""

import argparse
import base64
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from deployment import bundle
from deployment.bundle import Golden
from deployment.listener import listen
from deployment.scorer import Scorer
from tests import tiny_model

ROOT = Path(__file__).resolve().parents[1]
PREPARE = ("resize(width_px=112, height_px=112)",)


@dataclass(frozen=True)
class Peer:
    """A server: how it is started on a port, and how a photo is sent to it."""

    name: str
    command: Callable[[int], list[str]]
    send: Callable[[httpx.Client, bytes], httpx.Response]
    environment: dict[str, str]
    ready: str


@dataclass
class Seen:
    """One round of one peer."""

    per_cpu_s: float
    p50_ms: float
    p99_ms: float
    resident_mb: float


def photo() -> bytes:
    """Return a photo of a megapixel with some texture, as a JPEG of quality 90."""
    surface = tiny_model.surface(1000, 1000, [(300, 400), (700, 200)]).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 20, (250, 250)).astype(np.float32)
    surface += cv2.resize(noise, (1000, 1000), interpolation=cv2.INTER_CUBIC)[:, :, None]
    return cv2.imencode(".jpg", np.clip(surface, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def make_model(folder: Path) -> tuple[Path, Path, Path]:
    """Write the network as Keras has it, as ONNX, and as a bundle."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    from training import export

    keras.utils.set_random_seed(0)
    given = keras.Input((112, 112, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(given)
    for filters in (16, 32, 64, 96):
        x = keras.layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(x), name="bench")
    made = export.onnx(model)
    (folder / "model.onnx").write_bytes(made)
    model.save(folder / "model.keras")
    contract = replace(tiny_model.CONTRACT, task="image", model="bench", run_id="bench", prepare=PREPARE, threshold=0.9)
    pictures = np.stack([tiny_model.surface(200, 200, [(100, 100)] * n) for n in (0, 1)])
    small = np.stack([cv2.resize(one, (112, 112), interpolation=cv2.INTER_AREA) for one in pictures])
    p = model.predict(small, verbose=0).reshape(-1)
    bundle.write(folder / "bundle", made, contract, Golden(pictures, p), {})
    return folder / "model.keras", folder / "model.onnx", folder / "bundle"


def peers(folder: Path, keras_model: Path, onnx_model: Path, served: Path) -> list[Peer]:
    """Return the servers to compare."""
    binaries = Path(sys.executable).parent
    azure = ["--worker_count", "1", "--model_dir", str(served)]

    def raw(client: httpx.Client, data: bytes) -> httpx.Response:
        return client.post("/score", content=data, headers={"content-type": "image/jpeg"})

    def multipart(client: httpx.Client, data: bytes) -> httpx.Response:
        return client.post("/score", files={"image": ("x.jpg", data, "image/jpeg")})

    def as_json(client: httpx.Client, data: bytes) -> httpx.Response:
        return client.post("/score", json={"image": base64.b64encode(data).decode()})

    return [
        Peer(
            "dentline serve",
            lambda port: [
                sys.executable, "-m", "commands.app", "serve", "--model", str(served), "--port", str(port),
                "--scores", str(folder / "ours.db"), "--log", "none",
            ],
            raw, {"DENTLINE_LINGER_S": "0"}, "/health/ready",
        ),
        Peer(
            "FastAPI + Pillow + model.predict",
            lambda port: [
                sys.executable, "-m", "uvicorn", "benchmarks.peers.fastapi_keras:app", "--port", str(port),
                "--log-level", "error",
            ],
            multipart, {"PEER_MODEL": str(keras_model)}, "/openapi.json",
        ),
        Peer(
            "azmlinfsrv, our score.py",
            lambda port: [str(binaries / "azmlinfsrv"), "--entry_script", "score.py", "--port", str(port), *azure],
            raw, {"AZUREML_MODEL_DIR": str(served), "DENTLINE_SCORES": str(folder / "azure.db")}, "/",
        ),
        Peer(
            "azmlinfsrv, the usual score.py",
            lambda port: [
                str(binaries / "azmlinfsrv"), "--entry_script", "benchmarks/peers/azure_plain.py", "--port",
                str(port), *azure,
            ],
            as_json, {"PEER_ONNX": str(onnx_model)}, "/",
        ),
    ]  # fmt: skip


def cpu_s(root: int) -> float:
    """Return the CPU-seconds of a process and all its descendants that live."""
    ticks = 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        waiting += [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(root: int) -> float:
    """Return the largest resident memory of a process and its descendants."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
        waiting += [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return max(found)


@contextmanager
def started(peer: Peer, home: Path) -> Iterator[tuple[str, int]]:
    """Start a server, wait until it answers, and end it with all its processes."""
    probe = listen("127.0.0.1", 0)
    port = probe.getsockname()[1]
    probe.close()
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    process = subprocess.Popen(
        peer.command(port), cwd=ROOT, env={**environment, **peer.environment}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + 120
        while True:
            try:
                if httpx.get(url + peer.ready, trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{peer.name} does not start: {' '.join(peer.command(port))}")
            time.sleep(0.1)
        yield url, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def measure(peer: Peer, home: Path, data: bytes, n: int, n_callers: int) -> Seen:
    """Send n photos from some callers at once."""
    seconds: list[float] = []
    with started(peer, home) as (url, pid):

        def call(count: int) -> None:
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                for _ in range(count):
                    began = time.perf_counter()
                    peer.send(client, data).raise_for_status()
                    seconds.append(time.perf_counter() - began)

        call(20)
        seconds.clear()
        before = cpu_s(pid)
        threads = [threading.Thread(target=call, args=(n // n_callers,)) for _ in range(n_callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = cpu_s(pid) - before
        mb = resident_mb(pid)
    if len(seconds) != n // n_callers * n_callers:
        raise SystemExit(f"{peer.name}: {n - len(seconds)} of {n} requests failed")
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return Seen(len(seconds) / used, float(p50), float(p99), mb)


def bare_ms(served: Path, data: bytes, n: int) -> float:
    """Return the CPU-milliseconds of decoding, preparing and predicting alone."""
    scorer = Scorer(bundle.load(served))
    scorer.setup()
    for _ in range(10):
        scorer.predict(scorer.decode(data))
    began = time.process_time()
    for _ in range(n):
        scorer.predict(scorer.decode(data))
    return (time.process_time() - began) / n * 1000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=400, help="photos a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    data = photo()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cv2.setNumThreads(1)
        models = make_model(folder)
        all_peers = peers(folder, *models)
        rounds: dict[str, list[Seen]] = {peer.name: [] for peer in all_peers}
        bare: list[float] = []
        for number in range(given.rounds):
            bare.append(bare_ms(models[2], data, given.n))
            for peer in all_peers:
                print(f"round {number + 1} of {given.rounds}: {peer.name}", file=sys.stderr)
                slow = 4 if "predict" in peer.name else 1
                rounds[peer.name].append(measure(peer, folder, data, given.n // slow, given.callers))
    table: dict[str, Any] = {name: summary(seen) for name, seen in rounds.items()}
    ours = table["dentline serve"]["per_cpu_s"]
    figures = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("fastapi", "uvicorn", "onnxruntime", "keras", "tensorflow-cpu")},
        "photo_bytes": len(data),
        "bare_ms": round(statistics.median(bare), 2),
        "share_of_bare": round(ours * statistics.median(bare) / 1000, 3),
        "times_the_peer": {name: round(ours / row["per_cpu_s"], 2) for name, row in table.items()},
        "servers": table,
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def summary(seen: list[Seen]) -> dict[str, float]:
    """Return the medians over the rounds."""
    return {
        "per_cpu_s": round(statistics.median(s.per_cpu_s for s in seen), 1),
        "p50_ms": round(statistics.median(s.p50_ms for s in seen), 1),
        "p99_ms": round(statistics.median(s.p99_ms for s in seen), 1),
        "resident_mb": round(max(s.resident_mb for s in seen)),
    }


if __name__ == "__main__":
    main()
