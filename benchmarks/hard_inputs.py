"""The hardest pictures and bodies known: small files that ask for gigabytes, or for seconds."""

import base64
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from dentline import images
from tests import tiny_model

PHOTO = images.encode_png(tiny_model.surface(128, 128, [(60, 60)]))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def flat_png(width: int, height: int, bits: int = 8) -> bytes:
    row = bytes(1 + width * 3 * bits // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def progressive(width: int, height: int) -> bytes:
    flat = np.full((height, width, 3), 127, np.uint8)
    return cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


def turned(data: bytes) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + data[2:]


HARD: dict[str, Callable[[], tuple[str, bytes]]] = {
    "png 40 MP": lambda: ("image/png", flat_png(8000, 5000)),
    "png 40 MP of 16 bits": lambda: ("image/png", flat_png(8000, 5000, 16)),
    "progressive jpeg 40 MP, turned": lambda: ("image/jpeg", turned(progressive(8000, 5000))),
    "progressive jpeg of 40 scans, 39 MP": lambda: ("image/jpeg", many_scans(progressive(7800, 5000))),
    "png 60000 x 60000": lambda: ("image/png", flat_png(60_000, 4)[:16] + struct.pack(">II", 60_000, 60_000) + b"x"),
    "png with a chunk of 4 GB": lambda: (
        "image/png",
        PHOTO[:33] + struct.pack(">I4s", 0xFFFFFFFF, b"acTL") + b"x" * 99,
    ),
    "json of 30 MB of empty objects": lambda: ("application/json", b'{"image":[' + b"{}," * 10_000_000 + b"{}]}"),
    "json of 30 MB of brackets": lambda: ("application/json", b"[" * 30_000_000),
    "base64 of a 20-MB body": lambda: ("application/json", json_of(b"\xff\xd8\xff" + b"x" * 20_000_000)),
    "multipart of 100,000 parts": lambda: ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--"),
    "multipart of 30 MB in one header": lambda: ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 30_000_000),
    "body over the limit": lambda: ("image/png", b"x" * 40_000_000),
}


def json_of(data: bytes) -> bytes:
    return b'{"image": "' + base64.b64encode(data) + b'"}'


def many_scans(data: bytes) -> bytes:
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 28 + data[-2:]
