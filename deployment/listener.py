"""The listening socket: bound, and at the end closed without cutting anybody off."""

import contextlib
import ctypes
import socket
import struct

SETTLE_S = 0.4
"""Between :func:`refuse` and closing: those already connected are accepted, and send what they have."""

_SO_ATTACH_FILTER = 26
_BPF_RETURN = 0x06


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address, for this process and its workers.

    Raises:
        OSError: it is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def refuse(listener: socket.socket) -> None:
    """Take no new connection, while those in the queue can still be accepted.

    A listener that is just closed resets the connections waiting in its queue. A packet filter that
    lets nothing in stops the queue from growing first: a caller who comes now finds no connection,
    rather than one that breaks. Where there is no such filter (not Linux) nothing is done.
    """
    program = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
