"""POST /feedback, and the tray: what was flagged and a sample of what passed, for people to judge."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, Response

from dentline.errors import DentlineError
from deployment import feedback, judged, keep, openapi, records
from deployment.answer import new_id
from deployment.edge import refuse
from deployment.page import static
from deployment.state import scores_of, state_of

router = APIRouter()

_MOST_BYTES = 65_536
_MOST_SHOWN = 60

_GIVEN: dict[str, Any] = {
    "type": "object",
    "required": ["score_id", "truth"],
    "additionalProperties": False,
    "properties": {
        "score_id": {"type": "string"},
        "truth": {"enum": ["dent", "clean"], "description": "what the operator sees in the photo"},
        "operator": {"type": "string", "maxLength": 200},
        "marks": {
            "type": "array",
            "maxItems": 1000,
            "items": {
                "type": "object",
                "required": ["x", "y"],
                "additionalProperties": False,
                "properties": {"x": {"type": "number", "minimum": 0}, "y": {"type": "number", "minimum": 0}},
            },
        },
        "note": {"type": "string", "maxLength": 2000},
    },
    "example": {
        "score_id": "0199f3a1b2c3d4e5f60718293a4b5c6d",
        "truth": "dent",
        "operator": "kim",
        "marks": [{"x": 412.5, "y": 288}],
    },
}
_TAKEN: dict[str, Any] = {
    "type": "object",
    "required": ["feedback_id", "score_id"],
    "properties": {"feedback_id": {"type": "string"}, "score_id": {"type": "string"}},
}


@router.post(
    "/feedback",
    summary="Say whether an answer was right",
    responses=openapi.responses(_TAKEN, 400, 401, 413, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _GIVEN}}}},
)
async def give(request: Request) -> Response:
    """Judge one answer. It is stored before it is acknowledged; a later judgement stands in for an earlier one."""
    state = state_of(request)
    request_id = request.scope["request_id"]
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return refuse("too_large", f"feedback: more than {_MOST_BYTES} bytes", request_id)
    given = feedback.parse(body, new_id(), datetime.now(UTC))
    share = state.settings.judge_share
    one = replace(given, was_sampled=keep.is_sampled(given.score_id, share))
    await asyncio.get_running_loop().run_in_executor(state.chores, state.records.judge, [one])
    return JSONResponse({"feedback_id": one.feedback_id, "score_id": one.score_id})


@router.get("/tray", include_in_schema=False)
async def tray() -> Response:
    """Return the page on which people judge."""
    return await static("tray.html")


@router.get("/tray/answers", include_in_schema=False)
def waiting(request: Request) -> Response:
    """Return the answers to judge, newest first, those whose photo was kept."""
    state = state_of(request)
    folder = state.settings.keep_images
    if folder is None:
        raise DentlineError("tray", "keeps no photos", "start the service with --keep-images FOLDER")
    connection = records.open_for_reading(scores_of(state.settings))
    try:
        found = judged.to_judge(connection, keep.sample_bound(state.settings.judge_share), 10 * _MOST_SHOWN)
    finally:
        connection.close()
    shown = [one for one in found if keep.find(folder, one["photo_sha256"])][:_MOST_SHOWN]
    return Response(json.dumps({"answers": shown}), media_type="application/json")


@router.get("/tray/photos/{photo_sha256}", include_in_schema=False)
def photo(request: Request, photo_sha256: str) -> Response:
    """Return the bytes of a kept photo."""
    folder = state_of(request).settings.keep_images
    path = keep.find(folder, photo_sha256) if folder is not None else None
    if path is None:
        return refuse("not_found", "photo: was not kept", request.scope["request_id"])
    return FileResponse(path, headers={"cache-control": "private, max-age=3600", "x-content-type-options": "nosniff"})
