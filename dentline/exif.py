"""Which camera took a picture, as its EXIF block says (EXIF 2.32, tags 0x010F and 0x0110)."""

import struct

_MOST_CHARACTERS = 80


def camera(tiff: bytes) -> str | None:
    """Return maker and model in one line, None where they are not said.

    Args:
        tiff: the block itself, as :attr:`dentline.picture_file.Header.exif` has it.
    """
    texts = [text for tag in (0x010F, 0x0110) if (text := _text(tiff, tag))]
    if len(texts) == 2 and texts[1].startswith(texts[0]):
        texts = texts[1:]
    return " ".join(texts)[:_MOST_CHARACTERS] or None


def _text(tiff: bytes, wanted: int) -> str:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return ""
    try:
        (start,) = struct.unpack(order + "I", tiff[4:8])
        (n_entries,) = struct.unpack(order + "H", tiff[start : start + 2])
        for entry in range(start + 2, start + 2 + 12 * n_entries, 12):
            tag, kind, count, place = struct.unpack(order + "HHII", tiff[entry : entry + 12])
            if tag == wanted and kind == 2:
                raw = tiff[entry + 8 : entry + 8 + count] if count <= 4 else tiff[place : place + count]
                text = raw.split(b"\0")[0].decode("ascii", "ignore")
                return "".join(c for c in text if c.isprintable()).strip()
    except struct.error:
        return ""
    return ""
