"""The labeling page's server: the desk over HTTP, and the page's own files."""

import hashlib
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from dentline.errors import DentlineError
from labeling.access import Access
from labeling.annotation import Annotation, Center
from labeling.desk import Desk, blank
from labeling.gallery import NoSuchPhoto
from labeling.presence import Page
from labeling.problem import problem
from labeling.pyramid import TILE_PX, n_levels
from labeling.store import Conflict

STATIC = Path(__file__).parent / "static"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""Pictures are asked for with the photo's version in the address."""

_N_PAST = 50
_N_DOUBTS = 50

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"\S")]
PhotoId = Annotated[str, Field(min_length=1, max_length=4096)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Point(_Message):
    x: float
    y: float


class SaveMessage(_Message):
    photo_id: PhotoId
    centers: Annotated[list[Point], Field(max_length=100_000)]
    status: Literal["new", "marked", "clean", "skipped"]
    annotator: Name
    reader: Annotated[str, Field(max_length=80)] = ""
    expected_revision: Annotated[int, Field(ge=0)]


class HereMessage(_Message):
    session_id: Annotated[str, Field(min_length=8, max_length=80)]
    annotator: Name
    reader: Annotated[str, Field(max_length=80)] = ""
    photo_id: Annotated[str, Field(max_length=4096)] = ""
    hidden: bool = False
    since: Annotated[int, Field(ge=0)]


class LeaveMessage(_Message):
    session_id: Annotated[str, Field(min_length=8, max_length=80)]


def create_app(desk: Desk, key: str = "") -> FastAPI:
    """Return the application for one project.

    Args:
        key: what a visitor must know; "" serves this machine alone.
    """
    app = FastAPI(title="Dentline labeling", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Access, key=key)
    _add_errors(app)
    _add_page(app)
    _add_labels(app, desk)
    _add_pictures(app, desk)
    return app


def _add_labels(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/project")
    def project() -> dict[str, Any]:
        return {"name": desk.workspace.name, "id": desk.project_id, "proposes": desk.ranking is not None}

    @app.get("/api/photos")
    def photos(reader: str = "") -> dict[str, Any]:
        last_id = desk.ledger.last_id()
        return {"boot_id": desk.boot_id, "last_id": last_id, "photos": [asdict(line) for line in desk.lines(reader)]}

    @app.get("/api/photo")
    def photo(photo_id: str, reader: str = "") -> dict[str, Any]:
        found = desk.gallery.photo(photo_id)
        stored = desk.store.get(photo_id, reader) or blank(found)
        unsettled = desk.unsettled(reader)
        return {
            "photo": {
                **{"id": found.id, "version": found.version, "width": found.width, "height": found.height},
                **{"levels": n_levels(found.width, found.height), "tile_px": TILE_PX},
            },
            "annotation": _json(stored, photo_id in unsettled),
            "readings": [_json(reading) for reading in unsettled.get(photo_id, [])],
        }

    @app.get("/api/history")
    def history(photo_id: str, reader: str = "") -> dict[str, Any]:
        found = desk.gallery.photo(photo_id)
        return {"history": [_json(past) for past in reversed(desk.store.history(found.id, reader)[-_N_PAST:])]}

    @app.get("/api/proposals")
    def proposals(photo_id: str) -> dict[str, Any]:
        found = desk.gallery.photo(photo_id)
        if desk.ranking is None:
            return {"model_id": "", "guess": False, "proposals": []}
        scout = desk.ranking.scout
        seen = scout.look(found)
        each = [(x, y, p) for (x, y), p in zip(seen.xy.tolist(), seen.p.tolist(), strict=True)]
        sure = [{"x": x, "y": y, "p": p} for x, y, p in each if p >= scout.model.threshold]
        return {"model_id": scout.model.model_id, "guess": scout.model.guess, "proposals": sure}

    @app.get("/api/doubts")
    def doubts() -> dict[str, Any]:
        return {"doubts": [asdict(doubt) for doubt in desk.doubts()[:_N_DOUBTS]]}

    @app.get("/api/advice")
    def advice() -> dict[str, Any]:
        return {"says": desk.advice()}

    @app.post("/api/save")
    def save(message: SaveMessage) -> Response:
        found = desk.gallery.photo(message.photo_id)
        centers = tuple(Center(point.x, point.y) for point in message.centers)
        beside = (message.annotator, message.expected_revision, message.reader)
        try:
            stored = desk.save(found, centers, message.status, *beside)
        except Conflict as conflict:
            if conflict.current and desk.already_stored(found.id, centers, message.status, *beside):
                return JSONResponse({"annotation": _json(conflict.current)})
            return problem(409, "conflict", str(conflict), current=_json(conflict.current or blank(found)))
        return JSONResponse({"annotation": _json(stored)})

    @app.post("/api/here")
    def here(message: HereMessage) -> dict[str, Any]:
        told = desk.here(
            Page(message.session_id, message.annotator, message.reader, message.hidden), message.photo_id, message.since
        )
        return {
            "boot_id": desk.boot_id,
            "changes": [_json(annotation, disagreed) for annotation, disagreed in told.changes],
            "last_id": told.last_id,
            "upcoming": told.upcoming,
            "why": told.why,
            "people": [{"annotator": name, "photo_id": photo_id} for name, photo_id in told.people],
        }

    @app.get("/api/agreement")
    def agreement(annotator: str = "") -> dict[str, Any]:
        found = desk.agreement()
        return {
            "to_read": len(desk.unread(annotator)),
            "to_settle": len(desk.unsettled()),
            "figures": _finite(asdict(found)) if found else None,
        }

    @app.post("/api/leave")
    def leave(message: LeaveMessage) -> dict[str, Any]:
        desk.presence.leave(message.session_id)
        return {}


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    Place = Annotated[int, Query(ge=0, le=10_000)]

    @app.get("/api/tile")
    def tile(photo_id: str, level: Place = 0, column: Place = 0, row: Place = 0) -> Response:
        data = desk.pyramids.tile(desk.gallery.photo(photo_id), level, column, row)
        return Response(data, media_type="image/jpeg", headers=_FOREVER)

    @app.get("/api/thumbnail")
    def thumbnail(photo_id: str) -> Response:
        data = desk.pyramids.thumbnail(desk.gallery.photo(photo_id))
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})


def _add_page(app: FastAPI) -> None:
    files = {path.name: path for path in STATIC.iterdir() if path.suffix in _KINDS}

    def file(request: Request, name: str) -> Response:
        if name not in files:
            return problem(404, "not_found", f"there is no {request.url.path[:200]}")
        data = files[name].read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=_KINDS[files[name].suffix], headers=headers)

    @app.get("/")
    def index(request: Request) -> Response:
        return file(request, "index.html")

    @app.get("/static/{name}")
    def static(request: Request, name: str) -> Response:
        return file(request, name)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(DentlineError)
    def refused(_: Request, error: DentlineError) -> Response:
        missing = isinstance(error, NoSuchPhoto)
        return problem(404 if missing else 422, "no_such_photo" if missing else "refused", str(error))

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, "malformed", f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return problem(error.status_code, code, f"{request.url.path[:200]}: {error.detail}")

    @app.exception_handler(Exception)
    def bug(_: Request, error: Exception) -> Response:
        return problem(500, "failed", f"the server failed ({type(error).__name__}); its own output says where")


def _json(annotation: Annotation, disagreed: bool = False) -> dict[str, Any]:
    updated_at = annotation.updated_at.isoformat(timespec="milliseconds")
    return {**asdict(annotation), "updated_at": updated_at, "disagreed": disagreed}


def _finite(figures: Any) -> Any:
    """JSON has no NaN: what cannot be told is null."""
    if isinstance(figures, dict):
        return {name: _finite(value) for name, value in figures.items()}
    return figures if math.isfinite(figures) else None
