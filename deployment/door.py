"""What every way in does with a request: parse, score, record, answer; or refuse, in one shape."""

import base64
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dentline import images
from dentline.errors import DentlineError
from dentline.images import ImageError
from deployment import cam as grad_cam
from deployment import request as requests
from deployment.answer import Answer
from deployment.keep import Keep
from deployment.records import Records, RecordsError, ScoreRecord
from deployment.request import RequestError, ScoreRequest
from deployment.scorer import DEFECT, OK, Prediction, Scorer, Source

STATUS = {
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "too_large": 413,
    "too_many_pixels": 413,
    "too_many_scans": 413,
    "too_many_images": 413,
    "unsupported_media_type": 415,
    "unsupported_format": 415,
    "busy": 429,
    "internal": 500,
    "not_stored": 503,
    "not_ready": 503,
}
"""The HTTP status of each error code; what is not here is 400."""


@dataclass(frozen=True)
class Reply:
    """An answer on its way out: an HTTP status, JSON types, and what was recorded of it."""

    status: int
    payload: dict[str, Any]
    records: tuple[ScoreRecord, ...] = ()


@dataclass(frozen=True)
class Scored:
    """One request's records and what to answer with."""

    records: tuple[ScoreRecord, ...]
    payload: dict[str, Any]


def handle(
    scorer: Scorer,
    records: Records,
    content_type: str,
    body: bytes,
    query: Iterable[tuple[str, str]],
    request_id: str,
    door: str,
    max_images: int = 16,
    keep: Keep | None = None,
) -> Reply:
    """Answer a request's bytes. What is acknowledged is recorded; what is refused is not.

    Several photos are answered all or none.
    """
    try:
        request = requests.parse(content_type, body, query, max_images)
        scored = score(scorer, request, request_id, door)
        records.add(scored.records)
    except (ImageError, RequestError, RecordsError) as error:
        return refusal(error, request_id)
    if keep is not None:
        keep.take(scored.records, request.images)
    return Reply(200, scored.payload, scored.records)


def score(scorer: Scorer, request: ScoreRequest, request_id: str, door: str) -> Scored:
    """Score what a request asks for.

    Raises:
        ImageError: naming the image, where there are several.
    """
    return score_all(
        scorer,
        request.images,
        request.photo_ids,
        request_id,
        door,
        request.part_id,
        request.station,
        request.explain,
    )


def score_all(
    scorer: Scorer,
    sources: Sequence[Source],
    photo_ids: Sequence[str | None],
    request_id: str,
    door: str,
    part_id: str | None = None,
    station: str | None = None,
    explain: bool = False,
) -> Scored:
    """Score the photos of one part, one after another.

    Raises:
        ImageError: naming the image, where there are several.
    """
    made: list[ScoreRecord] = []
    photos: list[dict[str, Any]] = []
    for number, (source, photo_id) in enumerate(zip(sources, photo_ids, strict=True), 1):
        try:
            answer, prediction = scorer.answer(source, request_id)
        except ImageError as error:
            where = "image" if len(sources) == 1 else f"image {number}"
            raise ImageError(error.code, error.problem, error.remedy, where) from error
        made.append(ScoreRecord(answer, door, photo_id, part_id, station))
        photo = {"photo_id": photo_id, **scorer.encode(answer)}
        photos.append({**photo, **explained(scorer, source, answer, prediction)} if explain else photo)
    verdicts = {record.answer.verdict for record in made}
    return Scored(
        tuple(made),
        {
            "request_id": request_id,
            "part_id": part_id,
            "station": station,
            "verdict": DEFECT if DEFECT in verdicts else OK,
            "p": max(record.answer.p for record in made),
            "photos": photos,
        },
    )


def explained(scorer: Scorer, source: Source, answer: Answer, prediction: Prediction) -> dict[str, Any]:
    """Return why a photo scored as it did: its heat map and, of a model that has it, Grad-CAM."""
    told: dict[str, Any] = {"heat_map": heat_map(prediction)}
    if scorer.has_cam:
        photo = scorer.decode(source) if isinstance(source, bytes) else source
        found = grad_cam.cam(scorer, photo, prediction)
        height, width = photo.shape[:2]  # a JPEG may have been decoded at a part of its size
        times = np.array([answer.width_px / width, answer.height_px / height])
        told["grad_cam"] = grad_cam.told(replace(found, corners_xy=found.corners_xy * times))
    return told


def heat_map(prediction: Prediction) -> dict[str, Any]:
    """Return the probabilities of the photo's places as a grey PNG (255 is p = 1), and where they lie.

    Pixel (row i, column j) of the PNG is the place (first_px + j * stride_px, first_px + i * stride_px).
    """
    grey = np.rint(prediction.heat * 255).astype(np.uint8)
    return {
        "png": base64.b64encode(images.encode_png(grey)).decode("ascii"),
        "stride_px": prediction.stride_px,
        "first_px": prediction.first_px,
    }


def refusal(error: DentlineError, request_id: str) -> Reply:
    """Return the answer to a request that is refused: the one shape of every error."""
    code = "not_stored" if isinstance(error, RecordsError) else getattr(error, "code", "bad_request")
    message = "the score could not be stored; try again later" if code == "not_stored" else str(error)
    return fault(code, message, request_id)


def fault(code: str, message: str, request_id: str) -> Reply:
    """Return an error in its one shape."""
    return Reply(STATUS.get(code, 400), {"error": {"code": code, "message": message, "request_id": request_id}})


_CLEAN_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id(given: str | None) -> str:
    """Return the caller's request id when it is clean, else a new one."""
    return given if given and _CLEAN_ID.fullmatch(given) else secrets.token_hex(16)
