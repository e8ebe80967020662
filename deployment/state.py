"""What one worker holds while it serves, and the little it does between requests."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment.admission import Admission
from deployment.keep import Keep
from deployment.keys import Keys
from deployment.meters import Meters
from deployment.models import Models, Source, champion_of
from deployment.records import Records, RecordsError
from deployment.settings import Settings
from deployment.slots import Slots

if TYPE_CHECKING:
    from deployment.tracing import Tracer

LOOK_S = 0.5
"""How often the champion is looked at."""
_CHECK_S = 5.0
_FORGET_S = 3600.0


@dataclass
class State:
    """One worker's model, records, limits and meters."""

    settings: Settings
    models: Models
    records: Records
    meters: Meters
    keys: Keys | None
    admission: Admission
    keep: Keep | None
    tracer: "Tracer | None"
    slots: Slots
    chores: ThreadPoolExecutor
    draining: bool = False
    problem: str = ""
    last: dict[str, float] = field(default_factory=dict)

    @property
    def not_ready(self) -> str:
        """Say why no request should be sent here now; empty when all is well."""
        return "shutting down" if self.draining else self.problem

    def store_failed(self) -> None:
        """Count an answer that was withheld, and be not ready until a record can be written again."""
        self.meters.not_stored.inc()
        self.problem = "scores cannot be stored"
        self.last.pop("check", None)

    async def keep_house(self) -> None:
        """Follow the champion, prove that scores can be stored, forget old ones. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            await loop.run_in_executor(self.chores, self._chores)

    def _chores(self) -> None:
        changed = self.models.refresh()
        if changed is not None:
            self.meters.model_loads.labels("ok" if changed else "failed").inc()
        try:
            if self._due("check", _CHECK_S):
                self.records.check()
                self.problem = ""
            if self.settings.retention_days and self._due("forget", _FORGET_S):
                self.records.forget(self.settings.retention_days)
                if self.keep is not None:
                    self.keep.forget(self.settings.retention_days)
        except RecordsError:
            self.problem = "scores cannot be stored"
            self.last.pop("check", None)

    def _due(self, chore: str, every_s: float) -> bool:
        now = time.monotonic()
        due = now - self.last.get(chore, -every_s) >= every_s
        if due:
            self.last[chore] = now
        return due


def state_of(request: Request) -> State:
    """Return the state of the worker that a request came to."""
    found: State = request.app.state.dentline
    return found


def open_state(settings: Settings) -> State:
    """Load the model, open the records and the keys.

    Raises:
        DentlineError: one of them is missing or broken.
    """
    models = Models(source_of(settings), settings.limits)
    slots = Slots(settings.slots, settings.queue, settings.wait_s)
    return State(
        settings=settings,
        models=models,
        records=Records(scores_of(settings), settings.durability),
        meters=Meters(settings.metrics_dir),
        keys=Keys(settings.keys_file) if settings.keys_file else None,
        admission=Admission(settings, slots),
        keep=Keep(settings.keep_images, settings.judge_share) if settings.keep_images else None,
        tracer=_tracer(settings.otel_endpoint),
        slots=slots,
        chores=ThreadPoolExecutor(1, "chores"),
    )


def _tracer(endpoint: str) -> "Tracer | None":
    if not endpoint:
        return None
    from deployment.tracing import Tracer

    return Tracer(endpoint)


def source_of(settings: Settings) -> Source:
    """Return where the served bundle is: a fixed folder, or the project's champion."""
    if settings.model is not None:
        folder = settings.model
        return lambda: folder
    if settings.project is None:
        raise DentlineError("dentline serve", "has no model", "name a project folder, or --model BUNDLE")
    return champion_of(Workspace.open(settings.project))


def scores_of(settings: Settings) -> Path:
    """Return where scores are recorded."""
    if settings.scores is not None:
        return settings.scores
    if settings.project is None:
        raise DentlineError("dentline serve", "has no place for the scores", "name a project folder, or --scores FILE")
    return Workspace(settings.project).scores
