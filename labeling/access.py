"""Who may talk to the labeling page: this machine alone, or whoever has the key."""

import hashlib
import ipaddress
import re
import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labeling.problem import problem

COOKIE = "dentline_key"
_MOST_BYTES = 8_000_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Access:
    """ASGI middleware: refuses strangers, and pages of other sites that use a visitor's browser.

    Without a key only requests addressed to this machine by name pass (a page elsewhere that had its
    own name resolve to 127.0.0.1 would show in ``Host``). With one, every request must carry it: as a
    cookie, which ``/?key=...`` sets. A request that changes anything must be JSON from the same origin,
    which no form and no script of another site can send, and of a length that is said and bounded.
    """

    def __init__(self, app: ASGIApp, key: str = "") -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._key:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
            if scope["path"] == "/" and given and secrets.compare_digest(_digest(given), _digest(self._key)):
                response = RedirectResponse("/", status_code=303)
                response.set_cookie(COOKIE, _digest(self._key), httponly=True, samesite="strict", max_age=30 * 86400)
                return response
            if not secrets.compare_digest(_cookie(headers).encode(), _digest(self._key).encode()):
                return problem(401, "key_needed", "this page needs its key: open the whole address that was printed")
        elif not is_loopback(_name(host)):
            return problem(403, "wrong_host", f"this page is served to this machine alone, not to {host[:100]!r}")
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and origin.partition("://")[2] != host:
                return problem(403, "wrong_origin", f"a page of {origin[:100]!r} may not change labels here")
            if headers.get("content-type", "").split(";")[0].strip() != "application/json":
                return problem(415, "not_json", "send application/json")
            if not headers.get("content-length", "").isdecimal():
                return problem(411, "length_needed", "say how long the message is")
            if int(headers["content-length"]) > _MOST_BYTES:
                return problem(413, "too_large", f"at most {_MOST_BYTES} bytes are taken")
        return None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _cookie(headers: Headers) -> str:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")


def _name(host: str) -> str:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/\s]+)(?::\d+)?", host)
    return found[1] if found else ""
