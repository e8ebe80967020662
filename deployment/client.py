"""A caller's side of the service, typed: ``Client(url).score(photo)``.

Retries when the service is busy, as it asks for; raises with the service's own words when it refuses.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from dentline.errors import DentlineError

Picture = bytes | Path


@dataclass(frozen=True)
class Defect:
    """One defect, in photo pixels after the EXIF turn."""

    x: float
    y: float
    p: float


@dataclass(frozen=True)
class Photo:
    """One photo's score, as the service gave it. `scored_at` is UTC."""

    photo_id: str | None
    score_id: str
    scored_at: str
    model_id: str
    photo_sha256: str
    width_px: int
    height_px: int
    p: float
    threshold: float
    verdict: str
    defects: tuple[Defect, ...]
    latency_ms: float


@dataclass(frozen=True)
class Part:
    """The answer to one request: the part's verdict is that of its worst photo."""

    request_id: str
    part_id: str | None
    station: str | None
    verdict: str
    p: float
    photos: tuple[Photo, ...]


class Refused(DentlineError):
    """The service refused a request.

    Attributes:
        status, code, request_id: as in its answer.
    """

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        self.status, self.code, self.request_id = status, code, request_id
        super().__init__(f"HTTP {status} {code}", message, f"request id {request_id}")


class Client:
    """A connection to a service; use it as a context manager.

    Args:
        url: of the service, as ``dentline serve`` prints it.
        key: sent as X-API-Key.
        max_tries: how often one request is sent before giving up, while the service is busy, not
            ready, or cannot be reached. A score is stored once for each answer that is given.
    """

    def __init__(self, url: str, key: str | None = None, timeout_s: float = 60, max_tries: int = 6) -> None:
        headers = {"x-api-key": key} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)
        self._max_tries = max_tries
        self.n_retries = 0

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def score(
        self,
        *pictures: Picture,
        photo_ids: Sequence[str] = (),
        part_id: str | None = None,
        station: str | None = None,
    ) -> Part:
        """Score the photos of one part: bytes of JPEG or PNG files, or their paths.

        Raises:
            Refused: with the service's reason.
            DentlineError: the service cannot be reached.
        """
        fields: dict[str, Any] = {"part_id": part_id, "station": station, "photo_id": list(photo_ids) or None}
        data = {name: value for name, value in fields.items() if value is not None}
        read = [p.read_bytes() if isinstance(p, Path) else p for p in pictures]
        if len(read) == 1:
            raw = {"content": read[0], "params": data, "headers": {"content-type": "application/octet-stream"}}
            return _part(self._send("/score", raw))
        return _part(self._send("/score", {"data": data, "files": [("image", ("image", one)) for one in read]}))

    def ready(self) -> bool:
        """Say whether the service takes requests now."""
        try:
            return self._http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _send(self, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
        for number in range(1, self._max_tries + 1):
            last = number == self._max_tries
            try:
                answer = self._http.post(path, **arguments)
            except httpx.TransportError as error:
                if last:
                    raise DentlineError(str(self._http.base_url), f"cannot be reached: {error}") from error
                wait_s = 0.2 * 2**number
            else:
                if answer.status_code not in (429, 503) or last:
                    return _payload(answer)
                wait_s = _retry_after(answer)
            self.n_retries += 1
            time.sleep(wait_s)
        raise AssertionError("the last try returns or raises")


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "1")), 0.1), 30.0)
    except ValueError:
        return 1.0


def _payload(answer: httpx.Response) -> dict[str, Any]:
    try:
        payload = answer.json()
        if answer.status_code != 200:
            error = payload["error"]
            raise Refused(answer.status_code, error["code"], error["message"], error["request_id"])
    except (ValueError, KeyError, TypeError) as problem:
        raise DentlineError(str(answer.url), f"answers HTTP {answer.status_code}, not as Dentline does") from problem
    return dict(payload)


def _part(payload: dict[str, Any]) -> Part:
    photos = tuple(
        Photo(**{**photo, "defects": tuple(Defect(**defect) for defect in photo["defects"])})
        for photo in payload["photos"]
    )
    return Part(**{**payload, "photos": photos})
