"""POST /score and GET /predict as the framework sees them.

A POST /score that comes alone on its connection is answered by :mod:`deployment.straight` before the framework; this
one describes it, and takes those that are sent ahead of an answer (pipelined).
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from deployment import openapi, scoring
from deployment.edge import response
from deployment.fetch import fetch
from deployment.request import RequestError
from deployment.state import State, state_of

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
    state = state_of(request)
    state.admission.look(request.headers.get("content-length"))
    async with state.admission.body(request) as body:
        return await _work(state, request, body, "http", request.headers.get("content-type", ""))


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
    state.admission.look(None)
    body = await fetch(urls[0], hosts, state.settings.max_body_bytes)
    return await _work(state, request, body, "url", "application/octet-stream")


async def _work(state: State, request: Request, body: bytes, way: str, content_type: str) -> Response:
    query = [(name, value) for name, value in request.query_params.multi_items() if way != "url" or name != "image_url"]
    run = scoring.work(state, content_type, body, query, request.scope["request_id"], way)
    reply, payload = await state.slots.run(run)
    scoring.settle(state, reply)
    return response(reply.status, payload)
