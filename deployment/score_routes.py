"""POST /score: the service's way in."""

import asyncio
import json

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from deployment import door, openapi
from deployment.door import Reply
from deployment.edge import response
from deployment.fetch import fetch
from deployment.request import RequestError
from deployment.state import State, state_of

router = APIRouter()


class Straight(Route):
    """A route to a function of a request, without the framework's look for its parameters: a fifth of its cost."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self}


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
    state = state_of(request)
    state.admission.look(request)
    async with state.admission.body(request) as body:
        return await work(state, request, body, "http")


@router.get(
    "/predict",
    summary="Score a photo at an address",
    responses=openapi.responses(openapi.ANSWER, 400, 401, 403, 413, 415, 429, 503),
    openapi_extra={"parameters": [openapi.IMAGE_URL, *openapi.SCORE_FIELDS]},
)
async def predict(request: Request) -> Response:
    """Fetch one photo and answer as POST /score does. Off unless the service was told which hosts it may ask."""
    state = state_of(request)
    hosts = state.settings.image_url_hosts
    urls = request.query_params.getlist("image_url")
    if not hosts:
        raise RequestError("forbidden", "image_url is off", "start the service with --image-url-hosts", "service")
    if len(urls) != 1:
        raise RequestError("missing_field", f"has image_url {len(urls)} times", "send it once")
    state.admission.look(request)
    body = await fetch(urls[0], hosts, state.settings.max_body_bytes)
    return await work(state, request, body, "url", "application/octet-stream")


async def work(state: State, request: Request, body: bytes, way: str, content_type: str | None = None) -> Response:
    """Wait for a slot, score in a thread, and count what was stored."""
    kind = request.headers.get("content-type", "") if content_type is None else content_type
    query = [(name, value) for name, value in request.query_params.multi_items() if way != "url" or name != "image_url"]
    request_id: str = request.scope["request_id"]

    def run() -> tuple[Reply, bytes]:
        reply = door.handle(
            state.models.current,
            state.records,
            kind,
            body,
            query,
            request_id,
            way,
            state.settings.max_images,
            state.keep,
        )
        return reply, json.dumps(reply.payload, allow_nan=False).encode()

    async with state.admission.slot():
        reply, payload = await asyncio.get_running_loop().run_in_executor(state.scoring, run)
    if reply.records:
        state.meters.count(reply.records)
    elif reply.status == 503:
        state.store_failed()
    return response(reply.status, payload)
