"""HTTP on the wire: uvicorn's protocol with limits on the time and size of a head, and errors in one shape.

A POST /score does not go through the framework: see :mod:`deployment.straight`.
"""

import asyncio
import json
from typing import Any

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from deployment import door
from deployment.state import State
from deployment.straight import PATH, Exchange

MAX_HEAD_BYTES = 32_768
HEAD_S = 2.0
DISCARD_S = 8.0
"""How long the rest of a body is read and thrown away after its request was answered: a caller that is
cut off while it sends may never see the answer."""


class Protocol(HttpToolsProtocol):
    """One connection. uvicorn itself waits for ever for a head, and takes one of any size.

    Attributes:
        state: of the worker; where it is None every request goes to the application.
    """

    head_s = HEAD_S
    state: State | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = self._n_head = self._n_to_come = 0
        self._in_head, self._in_body = True, False
        self._timer: asyncio.TimerHandle | None = None
        self._arm(self.head_s, self._slow_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if isinstance(self.cycle, Exchange):
            self.cycle.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._n_to_come:
            data = self._past_the_parser(data)
            if not data:
                return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + 262_144:  # a read of the socket may bring body along
                self._refuse(431, "head_too_large", f"request: its head has more than {MAX_HEAD_BYTES} bytes")
                return
        super().data_received(data)
        # Clocks are wound for what did not come in one piece; most heads do, and many bodies.
        if self._in_head and self._timer is None:
            self._arm(self.head_s, self._slow_head)
        elif self._in_body and isinstance(self.cycle, Exchange):
            self.cycle.wait()
            self._n_to_come = self.cycle.n_to_come

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._n_head = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._disarm()
        self._in_head, self._in_body = False, True
        self._head_bytes = 0
        path, _, query = self.url.partition(b"?")
        if path == PATH and self.state is not None and self._goes_straight():
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(self.headers)}
            keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            exchange = Exchange(self.state, self.transport, headers, query, keep_alive, self.on_response_complete)
            self.cycle = exchange  # type: ignore[assignment]
            exchange.begin()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if isinstance(self.cycle, Exchange):
            self.cycle.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._disarm()
        if isinstance(self.cycle, Exchange):
            self.cycle.end()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._arm(DISCARD_S, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            self._refuse(400, "bad_http", "request: is not HTTP/1.1")

    def _past_the_parser(self, data: bytes) -> bytes:
        """Take the rest of a body whose length is known, and return what comes after it.

        A parser could only copy it. It is not told, so a new one reads what follows.
        """
        assert isinstance(self.cycle, Exchange)
        piece = data if len(data) <= self._n_to_come else data[: self._n_to_come]
        self._n_to_come -= len(piece)
        self.cycle.take(piece)
        if not self._n_to_come:
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.on_message_complete()
        return data[len(piece) :]

    def _goes_straight(self) -> bool:
        alone = self.cycle is None or self.cycle.response_complete
        return alone and self.parser.get_method() == b"POST" and not self.parser.should_upgrade()

    def _count(self, n_bytes: int) -> None:
        self._n_head += n_bytes
        if self._n_head > MAX_HEAD_BYTES:
            self._refuse(431, "head_too_large", f"request: its head has more than {MAX_HEAD_BYTES} bytes")
            raise ValueError("head too large")

    def _slow_head(self) -> None:
        if self._head_bytes == 0:
            self.transport.close()
        else:
            self._refuse(408, "timeout", f"request: its head took more than {self.head_s:g} s")

    def _refuse(self, status: int, code: str, message: str) -> None:
        payload = json.dumps(door.fault(code, message, door.request_id(None)).payload).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
        lines = [name + b": " + value + b"\r\n" for name, value in [*head, (b"connection", b"close")]]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", payload]))
        self.transport.close()

    def _arm(self, seconds: float, action: Any) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def serving(state: State) -> type[Protocol]:
    """Return the protocol of a worker."""
    return type("Protocol", (Protocol,), {"head_s": state.settings.head_s, "state": state})
