"""What a caller asks for, read from the bytes it sent: raw, multipart or JSON, the same for every door.

==========  ===================================================  ===========================
body        the pictures                                         the fields
==========  ===================================================  ===========================
raw         the body is one picture                              in the query
multipart   field ``image``, once for each picture               form fields, or in the query
JSON        ``image``: a base64 text, or a list of them          members, or in the query
==========  ===================================================  ===========================

Fields: ``photo_id`` (one for each picture, in their order), ``part_id``, ``station``, ``explain``.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from dentline.errors import DentlineError

MAX_FIELD_CHARS = 200
MAX_JSON_MEMBERS = 1000
"""Most commas and brackets of a JSON body: a request has a handful, a bomb has millions."""


class RequestError(DentlineError):
    """A request that is not answered, and why.

    Attributes:
        code: names the reason for a machine; :mod:`deployment.door` gives each its HTTP status.
    """

    def __init__(self, code: str, problem: str, remedy: str = "", where: str = "request") -> None:
        self.code = code
        super().__init__(where, problem, remedy)


@dataclass(frozen=True)
class ScoreRequest:
    """Photos to score, and what the caller says of them.

    Attributes:
        images: the files' bytes, at least one.
        photo_ids: one for each image; None where the caller named none.
        part_id: the part all photos show; its verdict is that of its worst photo.
        station: where they were taken.
        explain: whether the answer shall carry the heat maps.
    """

    images: tuple[bytes, ...]
    photo_ids: tuple[str | None, ...]
    part_id: str | None = None
    station: str | None = None
    explain: bool = False


def parse(content_type: str, body: bytes, query: Iterable[tuple[str, str]] = (), max_images: int = 16) -> ScoreRequest:
    """Read a request.

    Args:
        content_type: the header, with its parameters.
        query: the fields of the URL, repeated ones repeated.

    Raises:
        RequestError: the body or a field is not as it must be.
    """
    media_type, options = content_type, dict[bytes, bytes]()
    if content_type not in _PLAIN:
        kind, options = parse_options_header(content_type)
        media_type = kind.decode("latin-1")
    if media_type == "multipart/form-data":
        images, fields = _multipart(body, options.get(b"boundary", b""))
    elif media_type == "application/json":
        images, fields = _json(body)
    elif media_type in _RAW or media_type.startswith("image/"):
        images, fields = [body], []
    else:
        raise RequestError(
            "unsupported_media_type",
            f"has the content type {media_type[:80]!r}",
            "send image/jpeg, image/png, multipart/form-data or application/json",
        )
    if not images:
        raise RequestError("missing_field", "has no image", "send it in the field 'image'")
    if len(images) > max_images:
        raise RequestError("too_many_images", f"has {len(images)} images", f"send at most {max_images} at a time")
    return _request(images, [*query, *fields])


_RAW = {"", "application/octet-stream", "application/x-www-form-urlencoded"}
"""Content types of a raw body besides ``image/*``; the last is what ``curl --data-binary`` says."""

_PLAIN = {"image/jpeg", "image/png"}
"""Content types that need no parsing, because they are what most requests have."""

_FIELDS = ("photo_id", "part_id", "station", "explain")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _request(images: list[bytes], given: Sequence[tuple[str, Any]]) -> ScoreRequest:
    values: dict[str, list[str]] = {}
    for name, value in given:
        if name not in _FIELDS:
            raise RequestError("unknown_field", f"has a field {name[:80]!r}", f"known are: image, {', '.join(_FIELDS)}")
        values.setdefault(name, []).append(_text(name, value))
    photo_ids = values.pop("photo_id", [])
    if photo_ids and len(photo_ids) != len(images):
        raise RequestError(
            "wrong_count", f"has {len(photo_ids)} photo_id for {len(images)} images", "send one for each, or none"
        )
    for name, several in values.items():
        if len(several) > 1:
            raise RequestError("repeated_field", f"has {name} {len(several)} times", "send it once")
    explain = values.get("explain", ["false"])[0].lower()
    if explain not in _TRUTH:
        raise RequestError("bad_field", f"has explain = {explain!r}", "send true or false")
    return ScoreRequest(
        images=tuple(images),
        photo_ids=tuple(photo_ids) or (None,) * len(images),
        part_id=values.get("part_id", [None])[0],
        station=values.get("station", [None])[0],
        explain=_TRUTH[explain],
    )


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str) or not 0 < len(value) <= MAX_FIELD_CHARS or not value.isprintable():
        raise RequestError(
            "bad_field", f"{name} is not a text of 1 to {MAX_FIELD_CHARS} printable characters", f"correct {name}"
        )
    return value


def json_object(body: bytes, max_values: int) -> dict[str, Any]:
    """Parse a JSON object of at most `max_values` values.

    Raises:
        RequestError: it is something else, or has a member twice, or a number that JSON has not.
    """
    # Counted first: ten million empty objects fit into 30 MB and would take 600 MB.
    if body.count(b",") > max_values or body.count(b"[") + body.count(b"{") > MAX_JSON_MEMBERS:
        raise RequestError("bad_json", f"has more than {max_values} values", "send fewer")
    try:
        table = json.loads(body, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError("bad_json", f"is not JSON: {str(error)[:120]}", "send one JSON object") from error
    if not isinstance(table, dict):
        raise RequestError("bad_json", "is JSON, but not an object", "send one JSON object")
    return table


def _json(body: bytes) -> tuple[list[bytes], list[tuple[str, Any]]]:
    table = json_object(body, MAX_JSON_MEMBERS)
    given = table.pop("image", [])
    images = [
        base64_bytes(text, number) for number, text in enumerate(given if isinstance(given, list) else [given], 1)
    ]
    fields: list[tuple[str, Any]] = []
    for name, value in table.items():
        fields += [(name, one) for one in value] if name == "photo_id" and isinstance(value, list) else [(name, value)]
    return images, fields


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise RequestError("repeated_field", "has a JSON member twice", "send each once")
    return table


def _no_constant(name: str) -> NoReturn:
    raise RequestError("bad_json", f"has the number {name}", "JSON has no such number")


def base64_bytes(text: Any, number: int) -> bytes:
    """Decode the base64 of image `number` (from 1).

    Raises:
        RequestError: it is not a text, or not base64.
    """
    if not isinstance(text, str):
        raise RequestError("bad_base64", f"image {number} is not a text", "send the file in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError("bad_base64", f"image {number} is not base64: {error}", "send the file in base64") from error


def _multipart(body: bytes, boundary: bytes) -> tuple[list[bytes], list[tuple[str, Any]]]:
    form = _Form()
    if not 0 < len(boundary) <= 200:
        raise RequestError("bad_multipart", "has no boundary in its content type", "send multipart/form-data")
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except (MultipartParseError, ValueError) as error:
        raise RequestError("bad_multipart", f"is not multipart/form-data: {str(error)[:120]}") from error
    if not form.ended:
        raise RequestError("bad_multipart", "stops before its last boundary", "send the whole body")
    return form.images, list(form.fields)


class _Form:
    """What the multipart parser calls back with, collected."""

    def __init__(self) -> None:
        self.images: list[bytes] = []
        self.fields: list[tuple[str, Any]] = []
        self.ended = False
        self._name, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._data = bytearray()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_part_data": lambda data, start, end: self._data.extend(memoryview(data)[start:end]),
            "on_part_end": self._end,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._data, self._disposition = bytearray(), b""
        if len(self.images) + len(self.fields) >= MAX_JSON_MEMBERS:
            raise RequestError("bad_multipart", f"has more than {MAX_JSON_MEMBERS} parts", "send fewer")

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == "image":
            self.images.append(bytes(self._data))
        elif len(self._data) > 4 * MAX_FIELD_CHARS:
            raise RequestError("bad_field", f"{name[:80]!r} has {len(self._data)} bytes", "the picture goes in 'image'")
        else:
            self.fields.append((name, self._data.decode("utf-8", "replace")))

    def _finish(self) -> None:
        self.ended = True
