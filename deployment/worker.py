"""One serving process: the application on a socket, until it is told to stop.

``python -m deployment.worker FD`` serves on an inherited socket, set up by the environment.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

import cv2
import uvicorn
from fastapi import FastAPI

from dentline import memory
from dentline.errors import DentlineError
from deployment import service
from deployment.listener import SETTLE_S, refuse
from deployment.protocol import serving
from deployment.settings import Settings, read


class Server(uvicorn.Server):
    """uvicorn's server, stopping in three steps.

    On SIGTERM it is not ready, so that whoever sends requests sends them elsewhere, and goes on
    accepting for `linger_s`, for those who have not seen it yet; then it closes, finishes what it
    has for at most `drain_s`, and ends. A second signal skips the first step.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, linger_s: float, alone: bool) -> None:
        super().__init__(config)
        self._app, self._linger_s, self._alone = app, linger_s, alone

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        state = self._app.state.dentline
        if state.draining or self._linger_s == 0:
            super().handle_exit(sig, frame)
            return
        state.draining = True
        asyncio.get_running_loop().call_soon_threadsafe(self._linger, sig)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._alone:
            for listener in sockets or []:
                refuse(listener)
        await asyncio.sleep(SETTLE_S)
        await super().shutdown(sockets)
        self._captured_signals.clear()  # uvicorn would raise them again, and a good end would look like a crash

    def _linger(self, sig: int) -> None:
        print(f"dentline: stopping: not ready, accepts for {self._linger_s:g} s more", file=sys.stderr, flush=True)
        asyncio.get_running_loop().call_later(self._linger_s, super().handle_exit, sig, None)


def serve(settings: Settings, listener: socket.socket, alone: bool = True) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT.

    Args:
        alone: no other process accepts on this socket; else the supervisor ends its queue.

    Raises:
        DentlineError: the model, the records or the keys are missing or broken.
    """
    cv2.setNumThreads(1)  # its threads spin between pictures; more workers serve more for the same CPU
    app = service.create(settings)
    _keep_memory()
    config = uvicorn.Config(
        app,
        http=serving(app.state.dentline),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )
    Server(config, app, settings.linger_s, alone).run(sockets=[listener])


def main() -> None:
    """Serve as one of several workers, as long as the parent lives. A model that fails exits 2."""
    threading.Thread(target=_outlive_not, args=(os.getppid(),), daemon=True).start()
    try:
        serve(read(), socket.socket(fileno=int(sys.argv[1])), alone=False)
    except DentlineError as error:
        print(f"dentline: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _keep_memory() -> None:
    """Keep what every request takes and gives back, instead of having the kernel map it anew each time.

    These are the limits that glibc comes to by itself after some large pieces; networks have an arena of their own. And
    what was made until now stays: the collector need not look at it again.
    """
    gc.collect()
    gc.freeze()
    memory.keep(32 * memory.MIB, 64 * memory.MIB)


def _outlive_not(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
