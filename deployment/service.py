"""The web service: its routes on one application, and its life from start to end."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deployment import feedback_routes, inference_protocol, operations, page, score_routes
from deployment.edge import Edge, refuse
from deployment.settings import Settings
from deployment.state import State, open_state

TITLE = "Dentline"


def create(settings: Settings) -> FastAPI:
    """Return the service, its model loaded and proven.

    Raises:
        DentlineError: the model, the records or the keys are missing or broken.
    """
    state = open_state(settings)
    app = FastAPI(
        title=TITLE,
        summary="Photos of parts in, verdicts and defects out.",
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _: _life(state),
        generate_unique_id_function=lambda route: re.sub(r"\W+", "_", f"{route.name}{route.path}").strip("_"),
    )
    app.state.dentline = state
    app.include_router(score_routes.router)
    app.include_router(feedback_routes.router)
    app.include_router(operations.router)
    app.include_router(page.router)
    app.include_router(inference_protocol.router)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(Edge, state=state)
    return app


@contextlib.asynccontextmanager
async def _life(state: State) -> AsyncIterator[None]:
    housekeeping = asyncio.create_task(state.keep_house())
    try:
        yield
    finally:
        housekeeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await housekeeping
        state.slots.close()
        state.chores.shutdown()
        state.records.close()
        if state.tracer is not None:
            state.tracer.close()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    answer = refuse(
        code, f"request: {request.method} {request.url.path[:200]}: {error.detail}", request.scope["request_id"]
    )
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer
