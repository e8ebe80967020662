"""What a picture file says of itself, read from its bytes without decoding a pixel.

Decoders are generous: they fill half a picture with grey, take a chunk length at its word and
allocate it, or decode three thousand scans of one JPEG. So the structure is walked here first, and
only a file that is whole, of an allowed kind and of a bounded size reaches a decoder.
"""

import mmap
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from dentline.errors import DentlineError

Bytes = bytes | mmap.mmap

MAX_MARKERS = 20_000
"""Most JPEG segments or PNG chunks walked: a 100-MB PNG in 8-kB chunks has 12,800."""


class ImageError(DentlineError):
    """A picture that is not decoded, and why.

    Attributes:
        code: ``empty``, ``unsupported_format``, ``truncated``, ``corrupt``, ``too_many_pixels``,
            ``too_many_scans``, ``too_large``, ``too_small``, ``unusable`` (decoded, but it does not show
            what the model's preparation looks for).
    """

    def __init__(self, code: str, problem: str, remedy: str = "", where: str = "image") -> None:
        self.code = code
        super().__init__(where, problem, remedy)


@dataclass(frozen=True)
class Header:
    """The claims of a picture file.

    Attributes:
        format: ``jpeg``, ``png``, ``webp`` or ``bmp``.
        stored_width_px, stored_height_px: before the EXIF turn.
        orientation: EXIF orientation, 1 to 8; 1 where the file has none.
        n_scans: of a JPEG, when the whole file was walked; otherwise 1.
        keep: byte spans (start, end) a decoder may see; empty means all.
        exif: of a JPEG, the TIFF block of its first EXIF segment; empty where it has none.
    """

    format: str
    stored_width_px: int
    stored_height_px: int
    orientation: int = 1
    n_scans: int = 1
    keep: tuple[tuple[int, int], ...] = ()
    exif: bytes = b""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels after the EXIF turn."""
        stored = (self.stored_width_px, self.stored_height_px)
        return stored if self.orientation < 5 else (stored[1], stored[0])


def parse(data: Bytes, whole: bool = True) -> Header:
    """Walk the structure of a picture file.

    Args:
        data: the file's bytes.
        whole: walk to the end and refuse a file that stops short; False reads only the header.

    Raises:
        ImageError: not a known kind of picture, or its structure is broken.
    """
    if not data:
        raise ImageError("empty", "has no bytes", "send a JPEG or PNG file")
    start = bytes(data[:16])
    for magic, walk in _WALKS.items():
        if start.startswith(magic) and (magic != b"RIFF" or start[8:12] == b"WEBP"):
            try:
                header = walk(data, whole)
            except struct.error as error:
                raise ImageError("truncated", "stops inside its header") from error
            if header.stored_width_px < 1 or header.stored_height_px < 1:
                raise ImageError("corrupt", f"claims {header.stored_width_px} x {header.stored_height_px} px")
            return header
    raise ImageError("unsupported_format", "is not a picture of a known kind", "send a JPEG or PNG file")


_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""The next marker inside entropy-coded data: neither a stuffed 0xFF nor a restart."""

_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def _jpeg(data: Bytes, whole: bool) -> Header:
    position, orientation, n_scans, exif = 2, 1, 0, b""
    size: tuple[int, int] | None = None
    baseline_of: bytes | None = None
    for _ in range(MAX_MARKERS):
        if data[position : position + 1] != b"\xff":
            raise ImageError("truncated" if position >= len(data) else "corrupt", "its JPEG segments do not follow on")
        while data[position + 1 : position + 2] == b"\xff":
            position += 1
        (marker,) = struct.unpack(">B", data[position + 1 : position + 2])
        if marker == 0xD9:
            if size is None or not n_scans:
                raise ImageError("corrupt", "ends before its picture begins")
            return Header("jpeg", *size, orientation, n_scans, exif=exif)
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        body = bytes(data[position + 4 : position + 2 + length])
        if length < 2 or len(body) != length - 2:
            raise ImageError("truncated", "stops inside a JPEG segment")
        if marker in _OTHER_FRAMES:
            raise ImageError("unsupported_format", "is a lossless or arithmetic JPEG", "save it as an ordinary JPEG")
        if marker in _FRAMES:
            if size is not None:
                raise ImageError("corrupt", "has two JPEG frames")
            bits, height, width, n_components = struct.unpack(">BHHB", body[:6])
            if bits != 8 or n_components not in (1, 3):
                raise ImageError(
                    "unsupported_format", f"is a JPEG of {bits} bits and {n_components} channels", "save it as RGB"
                )
            size = (width, height)
            baseline_of = body[5:6] if marker != 0xC2 else None
        if marker == 0xE1 and orientation == 1 and body.startswith(b"Exif\0\0"):
            orientation = _orientation(body[6:])
            exif = exif or body[6:]
        position += 2 + length
        if marker == 0xDA:
            n_scans += 1
            if size is None:
                raise ImageError("corrupt", "has a JPEG scan before its frame")
            # One scan of all components ends a baseline picture; that it is all there only decoding can tell.
            if not whole or (n_scans == 1 and body[:1] == baseline_of and data[-2:] == b"\xff\xd9"):
                return Header("jpeg", *size, orientation, exif=exif)
            found = _MARKER.search(data, position)
            if found is None:
                raise ImageError("truncated", "stops before the end of its JPEG data")
            position = found.start()
    raise ImageError("corrupt", f"has more than {MAX_MARKERS} JPEG segments")


_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_PNG_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def _png(data: Bytes, whole: bool) -> Header:
    position, orientation, has_data = 8, 1, False
    size: tuple[int, int] | None = None
    keep: list[tuple[int, int]] = [(0, 8)]
    for _ in range(MAX_MARKERS):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        end = position + 12 + length
        if end > len(data):
            raise ImageError("truncated", f"stops inside its PNG chunk {kind!r} of {length} bytes")
        if (size is None) != (kind == b"IHDR"):
            raise ImageError("corrupt", "does not begin with exactly one PNG header")
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", data[position + 8 : position + 18])
            if length != 13 or bits not in _PNG_BITS.get(colour, ()):
                raise ImageError("corrupt", f"has a PNG header with colour type {colour} of {bits} bits")
            size = (width, height)
        elif kind == b"eXIf":
            orientation = _orientation(bytes(data[position + 8 : min(end - 4, position + 8 + 65_536)]))
        elif kind == b"IDAT":
            has_data = True
            if not whole and size is not None:
                return Header("png", *size, orientation)
        if kind in _PNG_KEPT:
            keep.append((position, end))
        if kind == b"IEND":
            if size is None or not has_data:
                raise ImageError("corrupt", "has no PNG image data")
            stripped = end != len(data) or (len(keep) > 1 and sum(b - a for a, b in keep) != len(data))
            return Header("png", *size, orientation, keep=tuple(keep) if stripped else ())
        position = end
    raise ImageError("corrupt", f"has more than {MAX_MARKERS} PNG chunks")


def _webp(data: Bytes, whole: bool) -> Header:
    (riff_bytes,) = struct.unpack("<I", data[4:8])
    if whole and riff_bytes + 8 > len(data):
        raise ImageError("truncated", f"says it has {riff_bytes + 8} bytes, but has {len(data)}")
    position, orientation = 12, 1
    canvas: tuple[int, int] | None = None
    frame: tuple[int, int] | None = None
    end = min(len(data), riff_bytes + 8)
    for _ in range(MAX_MARKERS):
        if position + 8 > end:
            break
        kind, length = struct.unpack("<4sI", data[position : position + 8])
        body = bytes(data[position + 8 : position + 8 + min(length, 65_536)])
        if kind == b"VP8X":
            if body[0] & 0x02:
                raise ImageError("unsupported_format", "is an animated WebP", "send one picture")
            canvas = (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
        elif kind == b"VP8 ":
            if body[3:6] != b"\x9d\x01\x2a":
                raise ImageError("corrupt", "has no WebP key frame")
            width, height = struct.unpack("<HH", body[6:10])
            frame = (width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L":
            (packed,) = struct.unpack("<I", body[1:5])
            frame = ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
        elif kind == b"EXIF":
            orientation = _orientation(body.removeprefix(b"Exif\0\0"))
        position += 8 + length + (length & 1)
    if frame is None or (canvas is not None and canvas != frame):
        raise ImageError("corrupt", "has no WebP frame of its own size")
    return Header("webp", *frame, orientation)


def _bmp(data: Bytes, whole: bool) -> Header:
    offset, header_bytes, width, height, planes, bits, compression = struct.unpack("<IIiiHHI", data[10:34])
    if header_bytes < 40 or planes != 1 or bits not in (1, 4, 8, 24, 32) or compression not in (0, 3):
        raise ImageError("unsupported_format", "is a compressed or very old BMP", "save it as PNG")
    needed = offset + (width * bits + 31) // 32 * 4 * abs(height)
    if whole and needed > len(data):
        raise ImageError("truncated", f"needs {needed} bytes, but has {len(data)}")
    return Header("bmp", width, abs(height))


_WALKS: dict[bytes, Callable[[Bytes, bool], Header]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"BM": _bmp,
}


def _orientation(tiff: bytes) -> int:
    """Return tag 0x0112 of a TIFF block's first directory, or 1 where it is absent or unreadable."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack(order + "I", tiff[4:8])
        (n_entries,) = struct.unpack(order + "H", tiff[start : start + 2])
        for entry in range(start + 2, start + 2 + 12 * n_entries, 12):
            tag, _kind, _count, value = struct.unpack(order + "HHIH", tiff[entry : entry + 10])
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
