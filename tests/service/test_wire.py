"""HTTP byte by byte: what is bad is answered and closed, what is good may come in any pieces."""

import json
import random
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.service.caller import PNG, error_of
from tests.serving import Service
from tests.test_door import CLEAN, DENTED


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/score", (405, "method_not_allowed")),
        ("PUT", "/score", (405, "method_not_allowed")),
        ("BREW", "/score", (400, "bad_http")),
        ("POST", "/health/live", (405, "method_not_allowed")),
        ("GET", "/scores", (404, "not_found")),
        ("GET", "/../../etc/passwd", (404, "not_found")),
        ("GET", "/%00%ff", (404, "not_found")),
        ("GET", "/docs", (404, "not_found")),
    ],
)
def test_odd_methods_and_paths(service: Service, method: str, path: str, expected: tuple[int, str]) -> None:
    answer = raw(service, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (status_of(answer), json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"]) == expected


def raw(service: Service, *parts: bytes, pause_s: float = 0) -> bytes:
    """Send bytes as they are, and return all that comes back until the service closes."""
    url = httpx.URL(service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as line:
        for part in parts:
            try:
                line.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause_s)
        received = b""
        try:
            while chunk := line.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/png\r\n"


LENGTH = b"Content-Length: %d\r\n\r\n"


WIRE: dict[str, tuple[list[bytes], float, int]] = {
    "not http": ([b"hello there\r\n\r\n"], 0, 400),
    "two lengths": ([HEAD, b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello"], 0, 400),
    "negative length": ([HEAD, b"Content-Length: -5\r\n\r\nhello"], 0, 400),
    "huge length": ([HEAD, b"Content-Length: 99999999999999999999999\r\n\r\n"], 0, 400),
    "length over the limit": ([HEAD, LENGTH % 10**9], 0, 413),
    "long head": ([HEAD, b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n"], 0, 431),
    "endless header": ([HEAD, b"X-Long: ", *[b"x" * 100_000] * 20], 0, 431),
    "many headers": ([HEAD, b"".join(b"X-%d: y\r\n" % n for n in range(5000)), b"\r\n"], 0, 431),
    "slow head": ([HEAD, *[b"X-A: b\r\n"] * 8], 0.5, 408),
    "slow body": ([HEAD, LENGTH % 100_000, *[b"x" * 10] * 8], 0.5, 408),
    "streams over the limit": (
        [HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *[b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"] * 33],
        0,
        413,
    ),
    "bad chunk": ([HEAD, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], 0, 400),
    "chunked junk": ([HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"], 0, 415),
}


@pytest.mark.parametrize("name", WIRE)
def test_bad_http_is_answered_and_closed(service: Service, name: str) -> None:
    parts, pause_s, status = WIRE[name]
    answer = raw(service, *parts, pause_s=pause_s)
    assert status_of(answer) == status, answer
    assert set(json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]) == {"code", "message", "request_id"}


def test_requests_sent_ahead_are_answered_in_their_order(service: Service) -> None:
    ahead = HEAD.replace(b"Connection: close\r\n", b"") + b"X-Request-ID: %s\r\n" + LENGTH % len(CLEAN)
    last = HEAD + b"X-Request-ID: last\r\n" + LENGTH % len(DENTED)
    answer = raw(service, ahead % b"first" + CLEAN + ahead % b"second" + CLEAN + last + DENTED)
    answers = answer.split(b"HTTP/1.1 ")[1:]
    assert [one[:3] for one in answers] == [b"200"] * 3
    assert [b'"verdict": "defect"' in one for one in answers] == [False, False, True]
    found = [answer.index(b"x-request-id: " + name) for name in (b"first", b"second", b"last")]
    assert found == sorted(found)


def test_requests_may_come_in_any_pieces(service: Service) -> None:
    head = HEAD.replace(b"Connection: close\r\n", b"")
    kinds = {
        b"200": head + LENGTH % len(CLEAN) + CLEAN,
        b"415": head + LENGTH % 5000 + b"junk " * 1000,
        b"405": b"PUT /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"400": head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    }
    rng = random.Random(1)
    for _ in range(12):
        expected = rng.choices(list(kinds), k=4)
        sent = (
            b"".join(kinds[status] for status in expected) + b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        cuts = sorted(rng.sample(range(len(sent)), 6))
        pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
        answers = raw(service, *pieces, pause_s=0.005).split(b"HTTP/1.1 ")[1:]
        assert [one[:3] for one in answers] == [*expected, b"200"]


def test_a_connection_goes_on_after_a_refusal(client: httpx.Client) -> None:
    for _ in range(3):
        assert client.post("/score", content=b"junk" * 50_000, headers=PNG).status_code == 415
        assert client.post("/score", content=CLEAN, headers=PNG).status_code == 200


def test_a_caller_who_asks_first_is_told_to_go_on(service: Service) -> None:
    url = httpx.URL(service.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as line:
        line.sendall(HEAD + b"Expect: 100-continue\r\n" + LENGTH % len(CLEAN))
        assert line.recv(100).startswith(b"HTTP/1.1 100 ")
        line.sendall(CLEAN)
        assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")
    refused = raw(service, HEAD + b"Expect: 100-continue\r\n" + LENGTH % 10**9)
    assert status_of(refused) == 413


def test_a_body_is_counted_while_it_streams(service: Service) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"\xff" * 1_000_000

    with service.client() as own:
        try:
            answer = own.post("/score", content=endless(), headers=PNG)
            assert error_of(answer) == (413, "too_large")
        except httpx.WriteError:
            pytest.fail("the caller was cut off before it could read the answer")


def test_a_body_that_stops_leaves_nothing_behind(service: Service, client: httpx.Client) -> None:
    url = httpx.URL(service.url)
    for _ in range(20):
        line = socket.create_connection((url.host, url.port or 80))
        line.sendall(HEAD + LENGTH % 100_000 + b"x" * 500)
        line.close()
    assert client.post("/score", content=DENTED, headers=PNG).status_code == 200
    assert "Traceback" not in service.log.read_text()
