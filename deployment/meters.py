"""What Prometheus asks for at /metrics, of all workers together."""

import os
from collections.abc import Iterable
from pathlib import Path

from deployment.drift_check import DriftCheck
from deployment.records import ScoreRecord

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meters:
    """The counters of one worker. Create it once a process.

    Args:
        shared: folder in which the workers' counters lie, for one answer of all; None for one worker.
    """

    def __init__(self, shared: Path | None = None) -> None:
        if shared is not None:
            # prometheus_client decides at its import whether workers count together.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)
        import prometheus_client as prometheus

        self._shared = shared
        self._prometheus = prometheus
        self._registry = prometheus.CollectorRegistry()
        registry = self._registry
        self.requests = prometheus.Counter(
            "dentline_requests", "Requests answered", ["path", "status"], registry=registry
        )
        self.request_seconds = prometheus.Histogram(
            "dentline_request_seconds", "From a request's head to its answer", ["path"], buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.photo_seconds = prometheus.Histogram(
            "dentline_photo_seconds", "Decoding and predicting one photo", buckets=_SECONDS, registry=registry
        )
        self.photos = prometheus.Counter("dentline_photos", "Photos scored", ["model", "verdict"], registry=registry)
        self.p = prometheus.Histogram(
            "dentline_p", "Probability of the surest place of each photo",
            buckets=[n / 10 for n in range(1, 10)], registry=registry,
        )  # fmt: skip
        self.quality = {
            name: prometheus.Summary(
                f"dentline_photo_{name}", f"{name.capitalize()} of the photos: moves when a lamp or camera does",
                registry=registry,
            )
            for name in ("brightness", "contrast", "sharpness", "saturation")
        }  # fmt: skip
        self.not_stored = prometheus.Counter(
            "dentline_not_stored", "Answers withheld because they could not be stored", registry=registry
        )
        self.model_loads = prometheus.Counter(
            "dentline_model_loads", "Models loaded while serving", ["result"], registry=registry
        )
        self.waiting = prometheus.Gauge(
            "dentline_waiting", "Requests waiting for a slot", multiprocess_mode="livesum", registry=registry
        )

        self.drift = prometheus.Gauge(
            "dentline_drift", "Drift of a measure of the photos over its threshold: from 1 on it alarms",
            ["station", "model", "measure"], multiprocess_mode="mostrecent", registry=registry,
        )  # fmt: skip

    def note_drift(self, checks: Iterable[DriftCheck]) -> None:
        """Show the worst of the last checks of each measure."""
        worst: dict[tuple[str, str, str], float] = {}
        for check in checks:
            key = check.station or "", check.model_id, check.measure
            worst[key] = max(worst.get(key, 0.0), check.ratio)
        for labels, ratio in worst.items():
            self.drift.labels(*labels).set(ratio)

    def count(self, records: Iterable[ScoreRecord]) -> None:
        """Count scored photos."""
        for record in records:
            answer = record.answer
            self.photos.labels(answer.model_id, answer.verdict).inc()
            self.photo_seconds.observe(answer.latency_ms / 1000)
            self.p.observe(answer.p)
            for name, summary in self.quality.items():
                summary.observe(getattr(answer.quality, name))

    def text(self) -> tuple[bytes, str]:
        """Return the metrics of all workers, and their content type."""
        registry = self._registry
        if self._shared is not None:
            from prometheus_client import multiprocess

            registry = self._prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry, str(self._shared))  # type: ignore[no-untyped-call]
        return self._prometheus.generate_latest(registry), self._prometheus.CONTENT_TYPE_LATEST
