"""POST /score: the service's way in."""

import asyncio
import json

from fastapi import APIRouter, Request
from starlette.responses import Response

from deployment import door, openapi
from deployment.door import Reply
from deployment.edge import response
from deployment.state import State

router = APIRouter()


@router.post(
    "/score",
    summary="Score the photos of one part",
    responses=openapi.responses(openapi.ANSWER),
    openapi_extra={"requestBody": openapi.SCORE_BODY, "parameters": openapi.SCORE_FIELDS},
)
async def score(request: Request) -> Response:
    """Send one photo as it is, one or more as multipart, or as base64 in JSON.

    The verdict is that of the worst photo. Every answer is stored before it is given; of a request
    that is refused nothing is scored or stored.
    """
    state: State = request.app.state.dentline
    state.admission.look(request)
    async with state.admission.body(request) as body:
        return await work(state, request, body, "http")


async def work(state: State, request: Request, body: bytes, way: str) -> Response:
    """Wait for a slot, score in a thread, and count what was stored."""
    content_type = request.headers.get("content-type", "")
    query = request.query_params.multi_items()
    request_id: str = request.scope["request_id"]

    def run() -> tuple[Reply, bytes]:
        reply = door.handle(
            state.models.current, state.records, content_type, body, query, request_id, way, state.settings.max_images
        )
        return reply, json.dumps(reply.payload, allow_nan=False).encode()

    async with state.admission.slot():
        reply, payload = await asyncio.get_running_loop().run_in_executor(state.scoring, run)
    if reply.records:
        state.meters.count(reply.records)
    elif reply.status == 503:
        state.store_failed()
    return response(reply.status, payload)
