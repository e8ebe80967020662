"""GET /predict?image_url=: a photo fetched from elsewhere, without becoming anybody's way into the network.

Off unless hosts are named. The host is resolved once, and the connection made to that very address, so
that a name cannot change its mind between the check and the fetch. No redirect is followed, no
proxy used, and the bytes and the time are limited.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from deployment.request import RequestError

FETCH_S = 8.0
MAX_URL_CHARS = 2000
ANY_PUBLIC = "*"
"""Among the hosts: any host whose every address is a public one. A host that is named may be private."""

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """A checked URL. `path` is what is asked for: with its query, without its fragment."""

    scheme: str
    host: str
    port: int
    path: str


async def fetch(url: str, hosts: Collection[str], max_bytes: int, timeout_s: float = FETCH_S) -> bytes:
    """Return what lies at a URL.

    Raises:
        RequestError: the URL is not allowed, or nothing could be fetched from it.
    """
    target = check(url, hosts)
    try:
        async with asyncio.timeout(timeout_s):
            address = await _resolve(target, hosts)
            return await _get(target, address, max_bytes)
    except TimeoutError:
        raise RequestError("bad_image_url", f"gave no picture in {timeout_s:g} s", where="image_url") from None
    except (OSError, httptools.HttpParserError) as error:
        raise RequestError("bad_image_url", f"cannot be fetched: {type(error).__name__}", where="image_url") from error


def check(url: str, hosts: Collection[str]) -> Target:
    """Return the parts of a URL that may be fetched, as far as its text tells.

    Raises:
        RequestError: it may not.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RequestError("bad_image_url", "is not a URL", where="image_url") from None
    if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RequestError("bad_image_url", "has characters a URL has not, or too many", where="image_url")
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
        raise RequestError("bad_image_url", "is not http(s)://host/path", where="image_url")
    if host not in hosts and ANY_PUBLIC not in hosts:
        raise RequestError("forbidden", f"names the host {host[:100]}", "which is not among those allowed", "image_url")
    if host not in hosts and port not in (None, _PORTS[parts.scheme]):
        raise RequestError("forbidden", f"names the port {port}", "use the scheme's own", "image_url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


async def _resolve(target: Target, hosts: Collection[str]) -> str:
    """Return the one address to connect to, after checking every address the name has."""
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(place[0]) for *_, place in found]
    if not addresses:
        raise OSError("no address")
    if target.host not in hosts:
        for address in addresses:
            if not public(address):
                raise RequestError("forbidden", "leads to an address that is not public", where="image_url")
    return addresses[0]


def public(address: str) -> bool:
    """Say whether an IP address is one of the open internet, also where it wraps an IPv4 address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return public(str(inner))
        if found in _NAT64:
            return public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class _Answer:
    """What the HTTP parser calls back with."""

    def __init__(self, max_bytes: int) -> None:
        self.body = bytearray()
        self.complete = False
        self.has_end = False
        self._max_bytes = max_bytes

    def on_header(self, name: bytes, value: bytes) -> None:
        self.has_end |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > self._max_bytes:
            raise _TooLarge

    def on_message_complete(self) -> None:
        self.complete = True


class _TooLarge(Exception):
    pass


async def _get(target: Target, address: str, max_bytes: int) -> bytes:
    secure = ssl.create_default_context() if target.scheme == "https" else None
    reader, writer = await asyncio.open_connection(
        address, target.port, ssl=secure, server_hostname=target.host if secure else None
    )
    try:
        host = f"[{target.host}]" if ":" in target.host else target.host
        named = host if target.port == _PORTS[target.scheme] else f"{host}:{target.port}"
        head = f"GET {target.path} HTTP/1.1\r\nHost: {named}\r\nAccept: image/*\r\nConnection: close\r\n\r\n"
        writer.write(head.encode("ascii"))
        answer = _Answer(max_bytes)
        parser = httptools.HttpResponseParser(answer)
        n_read = 0
        while not answer.complete and (data := await reader.read(65_536)):
            n_read += len(data)
            if n_read > max_bytes + 65_536:
                raise _TooLarge
            parser.feed_data(data)
        status = parser.get_status_code()
        if status != 200:
            raise RequestError("bad_image_url", f"answers HTTP {status}", "give the picture's own address", "image_url")
        if answer.has_end and not answer.complete:
            raise RequestError("bad_image_url", "stops before its end", where="image_url")
        return bytes(answer.body)
    except (_TooLarge, httptools.HttpParserCallbackError):
        raise RequestError("too_large", f"gives more than {max_bytes} bytes", where="image_url") from None
    finally:
        writer.transport.abort()
