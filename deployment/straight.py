"""POST /score from the socket to the scorer and back, without a framework between.

What an answer costs beside decoding and the model is mostly the way there: tasks, events, header objects, copies of
the body. Here a request is one object that the connection hands its bytes to. Everything that is decided about it
(keys, limits, answers, meters, the log) is decided by the same functions as for every other route.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from deployment import door, edge, scoring
from deployment.admission import Upload
from deployment.door import Reply
from deployment.request import RequestError
from deployment.scoring import Told
from deployment.state import State

PATH = b"/score"


class _Deaf:
    def set(self) -> None:
        """uvicorn wakes the reader of a body with this; nobody reads here."""


class Exchange:
    """One request on a connection, from the end of its head to its answer.

    Attributes:
        response_complete, disconnected, keep_alive, message_event: what uvicorn's connection looks at.
    """

    message_event = _Deaf()

    def __init__(
        self,
        state: State,
        transport: asyncio.Transport,
        headers: Mapping[str, str],
        query: bytes,
        keep_alive: bool,
        on_response: Callable[[], None],
    ) -> None:
        self._state, self._transport, self._headers, self._query = state, transport, headers, query
        self._on_response = on_response
        self._started = time.perf_counter()
        self._request_id = door.request_id(headers.get("x-request-id"))
        self._upload = Upload()
        self._n_came = 0
        self._timer: asyncio.TimerHandle | None = None
        self.response_complete = self.disconnected = False
        self.keep_alive = keep_alive

    def begin(self) -> None:
        """Look at the head: is the caller known, and is there room for what it will send?"""
        state = self._state
        if state.keys is not None and not state.keys.allow(self._headers):
            self._reply(door.fault("unauthorized", edge.NO_KEY, self._request_id))
            return
        try:
            state.admission.look(self._headers.get("content-length"))
        except RequestError as error:
            self._reply(door.refusal(error, self._request_id))
            return
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take(self, chunk: bytes) -> None:
        """Take the next piece of the body."""
        self._n_came += len(chunk)
        if self.response_complete:
            return
        self._upload.chunks.append(chunk)
        try:
            self._state.admission.count(self._upload, len(chunk))
        except RequestError as error:
            self._reply(door.refusal(error, self._request_id))

    @property
    def n_to_come(self) -> int:
        """How many bytes of the body are missing, where its head told its length; else 0."""
        told = self._headers.get("content-length")
        return 0 if told is None or "transfer-encoding" in self._headers else int(told) - self._n_came

    def wait(self) -> None:
        """The body has not all come yet: from now on it must within its time."""
        if self._timer is None and not self.response_complete:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._state.settings.body_s, self._too_slow)

    def end(self) -> None:
        """The body is whole: score it."""
        if self.response_complete:
            return
        self._no_timer()
        query = parse_qsl(self._query.decode("latin-1"), keep_blank_values=True) if self._query else []
        kind = self._headers.get("content-type", "")
        run = scoring.work(self._state, kind, self._upload.bytes(), query, self._request_id, "http")
        try:
            self._state.slots.submit(run, self._scored)
        except RequestError as error:
            self._reply(door.refusal(error, self._request_id))

    def lost(self) -> None:
        """The caller went away."""
        if not self.response_complete:
            self.disconnected = True
            self._close(edge.GONE)

    def _scored(self, told: Told | None, error: BaseException | None) -> None:
        if told is not None:
            scoring.settle(self._state, told[0])
            self._write(told[0].status, told[1])
        elif isinstance(error, Exception):
            self._reply(edge.failed(self._state, error, self._request_id))
        elif error is not None:
            raise error

    def _too_slow(self) -> None:
        if not self.response_complete:
            self._reply(door.refusal(self._state.admission.too_slow(self._upload), self._request_id))

    def _reply(self, reply: Reply) -> None:
        self._write(reply.status, json.dumps(reply.payload, allow_nan=False).encode())

    def _write(self, status: int, body: bytes) -> None:
        if self.disconnected or self.response_complete:
            return
        extra = "".join(f"{name}: {value}\r\n" for name, value in edge.headers(status).items())
        if self._state.draining or not self.keep_alive:
            self.keep_alive = False
            extra += "connection: close\r\n"
        head = (
            f"content-length: {len(body)}\r\ncontent-type: application/json\r\n"
            f"x-request-id: {self._request_id}\r\n{extra}\r\n"
        )
        self._close(status)
        self._transport.write(STATUS_LINE[status] + head.encode("latin-1") + body)
        if not self.keep_alive:
            self._transport.close()
        self._on_response()

    def _close(self, status: int) -> None:
        self._no_timer()
        self.response_complete = True
        self._state.admission.release(self._upload)
        seconds = time.perf_counter() - self._started
        parent = self._headers.get("traceparent")
        edge.note(self._state, "POST", PATH.decode(), status, seconds, self._request_id, parent)

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
