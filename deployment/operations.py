"""What those who run the service ask it: alive, ready, metrics."""

import contextlib
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from deployment import openapi, records
from deployment.edge import refuse
from deployment.state import scores_of, state_of

router = APIRouter()

_LIVE: dict[str, Any] = {"type": "object", "properties": {"status": {"const": "alive"}}}
_READY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"const": "ready"},
        "model_id": {"type": "string"},
        "task": {"enum": ["patch", "image", "corners"]},
        "problem": {"type": "string"},
    },
}


@router.get("/health/live", summary="Is the process alive?", responses=openapi.responses(_LIVE, 400))
async def live() -> Response:
    """Answers as long as the process can; says nothing of the model or the disk."""
    return JSONResponse({"status": "alive"})


@router.get("/health/ready", summary="May requests be sent here?", responses=openapi.responses(_READY, 400, 503))
async def ready(request: Request) -> Response:
    """503 while it shuts down, and while scores cannot be stored. Names the model that is served, and its task.

    `problem` says why a newer model was not taken; the one before is served meanwhile.
    """
    state = state_of(request)
    if state.not_ready:
        return refuse("not_ready", f"service: {state.not_ready}", request.scope["request_id"])
    models = state.models
    model = models.current
    task = model.bundle.contract.task
    return JSONResponse({"status": "ready", "model_id": model.model_id, "task": task, "problem": models.problem})


@router.get("/metrics", summary="Metrics for Prometheus", responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """Counts and durations of all workers together."""
    state = state_of(request)
    with contextlib.closing(records.open_for_reading(scores_of(state.settings))) as connection:
        state.meters.note_drift(records.latest_drift(connection))
    state.meters.waiting.set(state.slots.n_waiting)
    body, content_type = state.meters.text()
    return Response(body, media_type=content_type)
