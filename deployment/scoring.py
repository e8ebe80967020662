"""One request's scoring: the work for a slot, and what is counted when it is done."""

import json
from collections.abc import Callable, Iterable

from deployment import door
from deployment.door import Reply
from deployment.state import State

_JSON = json.JSONEncoder(allow_nan=False)

Told = tuple[Reply, bytes]
"""A reply, and its payload as JSON."""


def work(
    state: State, content_type: str, body: bytes, query: Iterable[tuple[str, str]], request_id: str, way: str
) -> Callable[[], Told]:
    """Return what a slot shall do: score with the model served then, record, and write the answer."""

    def run() -> Told:
        reply = door.handle(
            state.models.current,
            state.records,
            content_type,
            body,
            query,
            request_id,
            way,
            state.settings.max_images,
            state.keep,
        )
        return reply, _JSON.encode(reply.payload).encode()

    return run


def settle(state: State, reply: Reply) -> None:
    """Count what was scored, or that it could not be stored."""
    if reply.records:
        state.meters.count(reply.records)
    elif reply.status == 503:
        state.store_failed()
