"""Runs the labeling page's server until it is stopped."""

import secrets
import socket
import sys
import threading
import webbrowser

import uvicorn

from dentline.errors import DentlineError
from labeling.access import is_loopback
from labeling.desk import Desk
from labeling.server import create_app

_SHORTEST_KEY = 8
_BACKLOG = 256


def serve(desk: Desk, host: str, port: int, key: str = "", browser: bool = False) -> None:
    """Serve the page at `host` and `port` until interrupted; prints its address on stdout.

    Away from this machine a key is needed, and made up where none is given.

    Raises:
        DentlineError: the address cannot be listened at, or the key is too short.
    """
    if key and len(key) < _SHORTEST_KEY:
        raise DentlineError("--key", f"has {len(key)} characters", f"use {_SHORTEST_KEY} or more, or leave it out")
    if not is_loopback(host):
        key = key or secrets.token_urlsafe(16)
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else (_own_address() if host == "0.0.0.0" else host)
    address = f"http://{shown}:{listening.getsockname()[1]}/" + (f"?key={key}" if key else "")
    n_photos = len(desk.gallery.ids())
    print(f"{desk.workspace.name}: {n_photos} photos, {len(desk.ledger.of())} reviewed so far", file=sys.stderr)
    print(f"Label at {address}  (Ctrl+C stops)", flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    config = uvicorn.Config(create_app(desk, key), log_level="warning", timeout_graceful_shutdown=3, access_log=False)
    try:
        uvicorn.Server(config).run([listening])
    finally:
        desk.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise DentlineError(f"{host}:{port}", f"cannot be listened at: {error.strerror}", "try --port 0") from error
    return listening


def _own_address() -> str:
    """Return this machine's address in its network: the one a packet out would carry; none is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
