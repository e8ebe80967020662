"""The service beside its peers, one photo of a megapixel, one model: ``python -m benchmarks.serving``.

The same Keras network behind each: shrink the photo to 112x112, four convolutions, one probability.
All servers have one worker and answer the same two callers. They are started once and asked in turn, a
short round each, and a ratio is taken within a round: what else the machine does moves it little. What
counts is requests per CPU-second of the server with all its processes; the latencies are of this machine
at this time. Before anything is timed every server must give the same answer.

At the end the same for a model of patches that scans the whole photo, ours against the bare scorer alone.

Needs Pillow and the peers: pip install -e ".[train,azureml,bench]"; BentoML and LitServe are left out where they
are not installed. Takes about four minutes.
"""

import argparse
import base64
import json
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from benchmarks import served_models
from benchmarks.processes import cpu_s, family, resident_mb, started
from benchmarks.served_models import Served
from deployment import bundle
from deployment.listener import listen
from deployment.scorer import Scorer

ROOT = Path(__file__).resolve().parents[1]
OURS = "dentline serve"
CLOSE = 0.02
"""How far apart answers may be: the others decode every pixel and shrink once, ours decodes a quarter first."""

VERSIONS = ("fastapi", "uvicorn", "onnxruntime", "keras", "tensorflow-cpu", "bentoml", "litserve")

Send = Callable[[httpx.Client, bytes], httpx.Response]


@dataclass
class Peer:
    """A server: how it is started on a port, how a photo is sent to it, and what was seen of it."""

    name: str
    command: Callable[[int], list[str]]
    send: Send
    environment: dict[str, str]
    ready: str
    n_share: float = 1.0
    url: str = ""
    pid: int = 0
    cpu_ms: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def raw(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/score", content=data, headers={"content-type": "image/jpeg"})


def multipart(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/score", files={"image": ("x.jpg", data, "image/jpeg")})


def as_json(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/score", json={"image": base64.b64encode(data).decode()})


def ours(served: Path, scores: Path) -> Peer:
    """Return our service of a bundle."""
    return Peer(
        OURS,
        lambda port: [
            sys.executable, "-m", "commands.app", "serve", "--model", str(served), "--port", str(port),
            "--scores", str(scores), "--log", "none",
        ],
        raw, {"DENTLINE_LINGER_S": "0"}, "/health/ready",
    )  # fmt: skip


def peers(folder: Path, models: Served) -> list[Peer]:
    """Return the servers to compare, ours first."""
    azmlinfsrv = str(Path(sys.executable).parent / "azmlinfsrv")
    azure = ["--worker_count", "1", "--model_dir", str(models.bundle)]
    return [
        ours(models.bundle, folder / "ours.db"),
        Peer(
            "FastAPI + Pillow + model.predict",
            lambda port: [
                sys.executable, "-m", "uvicorn", "benchmarks.peers.fastapi_keras:app", "--port", str(port),
                "--log-level", "error",
            ],
            multipart, {"PEER_MODEL": str(models.keras)}, "/openapi.json", 0.2,
        ),
        Peer(
            "azmlinfsrv, our score.py",
            lambda port: [azmlinfsrv, "--entry_script", "score.py", "--port", str(port), *azure],
            raw, {"AZUREML_MODEL_DIR": str(models.bundle), "DENTLINE_SCORES": str(folder / "azure.db")}, "/",
        ),
        Peer(
            "azmlinfsrv, the usual score.py",
            lambda port: [
                azmlinfsrv, "--entry_script", "benchmarks/peers/azure_plain.py", "--port", str(port), *azure,
            ],
            as_json, {"PEER_ONNX": str(models.onnx)}, "/", 0.4,
        ),
        *([
            Peer(
                "BentoML",
                lambda port: [
                    sys.executable, "-m", "bentoml", "serve", "benchmarks.peers.bentoml_service:Score",
                    "--port", str(port),
                ],
                multipart, {"PEER_ONNX": str(models.onnx), "BENTOML_DO_NOT_TRACK": "True"}, "/readyz", 0.4,
            ),
        ] if find_spec("bentoml") else []),
        *([
            Peer(
                "LitServe",
                lambda port: [sys.executable, "benchmarks/peers/litserve_service.py", str(port)],
                multipart, {"PEER_ONNX": str(models.onnx)}, "/health", 0.4,
            ),
        ] if find_spec("litserve") else []),
    ]  # fmt: skip


def start(stack: ExitStack, peer: Peer, home: Path) -> None:
    """Start a server for as long as the stack lives."""
    probe = listen("127.0.0.1", 0)
    port = probe.getsockname()[1]
    probe.close()
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    command = peer.command(port)
    peer.pid = stack.enter_context(started(command, port, peer.ready, ROOT, {**environment, **peer.environment}))
    peer.url = f"http://127.0.0.1:{port}"


def answer(peer: Peer, data: bytes) -> float:
    """Return the p that a server answers."""
    with httpx.Client(base_url=peer.url, timeout=60, trust_env=False) as client:
        return float(peer.send(client, data).raise_for_status().json()["p"])


def ask(peer: Peer, data: bytes, n: int, n_callers: int) -> None:
    """Send n photos from some callers at once, and note what they cost the server and how long they took."""
    seconds: list[float] = []

    def call(count: int) -> None:
        with httpx.Client(base_url=peer.url, timeout=60, trust_env=False) as client:
            for _ in range(count):
                began = time.perf_counter()
                peer.send(client, data).raise_for_status()
                seconds.append(time.perf_counter() - began)

    each = max(1, n // n_callers)
    before = cpu_s(peer.pid)
    threads = [threading.Thread(target=call, args=(each,)) for _ in range(n_callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(seconds) != each * n_callers:
        raise SystemExit(f"{peer.name}: {each * n_callers - len(seconds)} of {each * n_callers} requests failed")
    peer.cpu_ms.append((cpu_s(peer.pid) - before) / len(seconds) * 1000)
    peer.seconds += seconds


def bare_ms(scorer: Scorer, data: bytes, n: int) -> float:
    """Return the CPU-milliseconds of decoding, preparing and predicting alone."""
    began = time.process_time()
    for _ in range(n):
        scorer.predict(scorer.decode(data))
    return (time.process_time() - began) / n * 1000


def rounds(all_peers: list[Peer], served: Path, data: bytes, n: int, n_rounds: int, n_callers: int) -> list[float]:
    """Ask every server in turn, again and again; return the bare milliseconds of each round."""
    scorer = Scorer(bundle.load(served))
    scorer.setup()
    for peer in all_peers:
        ask(peer, data, max(4, n // 10), n_callers)
        peer.cpu_ms.clear()
        peer.seconds.clear()
    bare = []
    for number in range(n_rounds):
        print(f"round {number + 1} of {n_rounds}", file=sys.stderr)
        bare.append(bare_ms(scorer, data, max(2, n // 2)))
        for peer in all_peers:
            ask(peer, data, round(n * peer.n_share), n_callers)
    return bare


def ratio(numerators: list[float], denominators: list[float]) -> dict[str, float]:
    """Return the median of the rounds' ratios, with the middle half of them."""
    low, middle, high = np.percentile(np.array(numerators) / np.array(denominators), [25, 50, 75])
    return {"median": round(float(middle), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def summary(peer: Peer) -> dict[str, float]:
    """Return what was seen of a server."""
    p50, p99 = np.percentile(peer.seconds, [50, 99]) * 1000
    return {
        "n": len(peer.seconds),
        "per_cpu_s": round(1000 / float(np.median(peer.cpu_ms)), 1),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "resident_mb": round(max(resident_mb(pid) for pid in family(peer.pid))),
    }


def compare(folder: Path, data: bytes, n: int, n_rounds: int, n_callers: int) -> dict[str, Any]:
    """Hold all servers against each other with the model of whole photos."""
    models = served_models.whole(folder)
    all_peers = peers(folder, models)
    with ExitStack() as stack:
        for peer in all_peers:
            print(f"starting {peer.name}", file=sys.stderr)
            start(stack, peer, folder)
        p = {peer.name: answer(peer, data) for peer in all_peers}
        if max(p.values()) - min(p.values()) > CLOSE:
            raise SystemExit(f"the servers do not give the same answer: {p}")
        bare = rounds(all_peers, models.bundle, data, n, n_rounds, n_callers)
        table = {peer.name: summary(peer) for peer in all_peers}
    mine = all_peers[0].cpu_ms
    return {
        "answers": {name: round(value, 4) for name, value in p.items()},
        "bare_ms": round(float(np.median(bare)), 2),
        "share_of_bare": ratio(bare, mine),
        "times_the_peer": {peer.name: ratio(peer.cpu_ms, mine) for peer in all_peers[1:]},
        "p99_of_the_peer": {name: round(table[OURS]["p99_ms"] / row["p99_ms"], 3) for name, row in table.items()},
        "servers": table,
    }


def scan(folder: Path, data: bytes, n: int, n_rounds: int, n_callers: int) -> dict[str, Any]:
    """Hold the service against the bare scorer with a model that scans the photo."""
    served = served_models.scanning(folder / "scan")
    peer = ours(served, folder / "scan.db")
    peer.environment["DENTLINE_WAIT_S"] = "30"
    with ExitStack() as stack:
        start(stack, peer, folder)
        bare = rounds([peer], served, data, n, n_rounds, n_callers)
        return {
            "bare_ms": round(float(np.median(bare)), 1),
            "share_of_bare": ratio(bare, peer.cpu_ms),
            **summary(peer),
        }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200, help="photos a round; the slow peers get fewer")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--callers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    data = served_models.photo()
    cv2.setNumThreads(1)
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in VERSIONS if find_spec(name.replace("-cpu", ""))},
        "photo_bytes": len(data),
    }
    with tempfile.TemporaryDirectory() as name:
        figures |= compare(Path(name), data, given.n, given.rounds, given.callers)
        figures["scanning"] = scan(Path(name), data, max(4, given.n // 25), given.rounds, 1)
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
