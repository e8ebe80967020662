import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from deployment import fetch
from deployment.request import RequestError
from tests.serving import project, running
from tests.test_door import DENTED


def code(url: str, hosts: tuple[str, ...] = ("*",), max_bytes: int = 10**6, timeout_s: float = 2) -> str:
    with pytest.raises(RequestError) as caught:
        asyncio.run(fetch.fetch(url, hosts, max_bytes, timeout_s))
    return caught.value.code


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x", "http://localhost/x", "http://[::1]/x", "http://0.0.0.0/", "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/",
        "http://2130706433/", "http://0x7f.1/", "http://192.168.1.1./", "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/", "http://100.64.0.1/", "http://[fe80::1%25lo]/", "http://1.1.1.1:22/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[str] = []

    async def connect(host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio, "open_connection", connect)
    assert code(url) in {"forbidden", "bad_image_url"}
    assert connected == []


def test_public_addresses_are_told_from_others() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"):
        assert fetch.public(address), address
    for address in ("127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1",
                    "224.0.0.1", "100.64.0.1", "fe80::1%eth0", "fd00::1", "0.0.0.0", "255.255.255.255"):  # fmt: skip
        assert not fetch.public(address), address


@pytest.mark.parametrize(
    "url",
    ["", "x", "file:///etc/passwd", "gopher://a/", "http://", "http://a:b@c/", "http://a b/", "http://a\\@b/",
     "http://a/\r\nX: y", "http://a:99999999/", "http://[::1/", "//a/b", "http://a/" + "x" * 2000, "http://ä/"],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    assert code(url) == "bad_image_url"


def test_only_named_hosts_are_asked() -> None:
    assert code("http://elsewhere.example/x", ("camera-1",)) == "forbidden"
    assert fetch.check("https://Camera-1:8443/a?b=c#d", ("camera-1",)) == fetch.Target(
        "https", "camera-1", 8443, "/a?b=c"
    )


def test_every_address_of_a_name_is_checked_and_the_checked_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def names(*addresses: str) -> None:
        async def resolve(self: object, host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", resolve)

    names("93.184.216.34", "127.0.0.1")
    assert code("http://two.example/x") == "forbidden"
    connected: list[str] = []

    async def connect(host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio, "open_connection", connect)
    names("93.184.216.34")
    asked.clear()
    assert code("http://one.example/x") == "bad_image_url"
    assert (asked, connected) == (["one.example"], ["93.184.216.34"])


ANSWERS = {
    "/photo": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DENTED) + DENTED,
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(DENTED)
    + DENTED
    + b"\r\n0\r\n\r\n",
    "/redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    "/endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3_000_000,
    "/claims": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx",
    "/junk": b"\x00\x01\x02 nothing of the kind",
    "/empty": b"",
    "/text": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                path = line.recv(65_536).split(b" ")[1].decode().partition("?")[0]
                try:
                    line.sendall(ANSWERS.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
                except OSError:
                    continue

    Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_a_photo_is_fetched_and_scored(camera: str, tmp_path: Path) -> None:
    workspace = project(tmp_path / "project")
    with (
        running(workspace, "--image-url-hosts", "127.0.0.1", max_body_bytes=1_000_000) as service,
        service.client() as own,
    ):

        def predict(path: str, **more: str) -> httpx.Response:
            return own.get("/predict", params={"image_url": camera + path, **more})

        posted = own.post("/score", content=DENTED, headers={"content-type": "image/png"}).json()
        for path in ("/photo", "/chunked"):
            told = predict(path, part_id="P").json()
            assert (told["p"], told["part_id"]) == (posted["p"], "P")
        refused = {path: predict(path) for path in ANSWERS if path not in ("/photo", "/chunked")}
        codes = {path: (r.status_code, r.json()["error"]["code"]) for path, r in refused.items()}
        assert codes == {
            "/redirect": (400, "bad_image_url"),
            "/endless": (413, "too_large"),
            "/claims": (400, "bad_image_url"),
            "/junk": (400, "bad_image_url"),
            "/empty": (400, "bad_image_url"),
            "/text": (415, "unsupported_format"),
        }
        assert own.get("/predict").status_code == 400
        assert own.get("/predict", params={"image_url": "http://localhost/"}).status_code == 403


def test_it_is_off_by_default(tmp_path: Path) -> None:
    with running(project(tmp_path / "project")) as service, service.client() as own:
        refused = own.get("/predict", params={"image_url": "http://127.0.0.1/x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
