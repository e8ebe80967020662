"""The Open Inference Protocol, version 2, for clients that speak it (KServe, Triton, MLServer).

One input ``image``: BYTES, each element a picture file (base64 in JSON); or UINT8 of shape
(H, W, 3) or (N, H, W, 3), RGB pixels. Tensors may come and go as binary data after the JSON
(``Inference-Header-Content-Length``). Outputs: ``p`` FP32 (N), ``verdict`` BYTES (N), ``defects`` FP32
(n, 4), each row the image's number, x, y and p.

Source: https://github.com/kserve/open-inference-protocol
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response

from deployment import openapi, request
from deployment.door import Scored, score_all
from deployment.edge import refuse, response
from deployment.request import RequestError
from deployment.scorer import Source
from deployment.state import state_of

router = APIRouter(prefix="/v2")

MAX_NUMBERS = 4_000_000
"""Most numbers of a tensor sent as JSON text; a larger one comes as binary data."""

_OBJECT: dict[str, Any] = {"type": "object"}
_INFER: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object", "required": ["inputs"], "properties": {"inputs": {"type": "array"}}},
            "example": {
                "id": "job-7",
                "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["/9j/4AAQSkZJRgABAQ…"]}],
            },
        }
    },
}


@router.get("", summary="What serves here", responses=openapi.responses(_OBJECT, 401))
async def server() -> Response:
    """Name the server and what it can do beyond the protocol."""
    return JSONResponse({"name": "dentline", "version": "2", "extensions": ["binary_tensor_data"]})


@router.get("/health/live", summary="Is the process alive?", responses=openapi.responses(_OBJECT, 400))
async def live() -> Response:
    """200 as long as the process answers."""
    return JSONResponse({"live": True})


@router.get("/health/ready", summary="May requests be sent here?", responses=openapi.responses(_OBJECT, 503))
async def ready(request: Request) -> Response:
    """200 when they may, else 503."""
    return JSONResponse({"ready": True}) if not state_of(request).not_ready else _not_ready(request)


@router.get(
    "/models/{name}/ready", summary="Is this model served?", responses=openapi.responses(_OBJECT, 401, 404, 503)
)
async def model_ready(name: str, request: Request) -> Response:
    """200 when it is and requests may be sent."""
    _known(name, request)
    return JSONResponse({"name": name, "ready": True}) if not state_of(request).not_ready else _not_ready(request)


@router.get("/models/{name}", summary="A model's inputs and outputs", responses=openapi.responses(_OBJECT, 401, 404))
async def model(name: str, request: Request) -> Response:
    """The name is the recipe's; the version is the run that made the model."""
    _known(name, request)
    return JSONResponse(
        {
            "name": name,
            "versions": [state_of(request).models.current.model_id],
            "platform": "onnx_onnxruntime",
            "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
            "outputs": [
                {"name": "p", "datatype": "FP32", "shape": [-1]},
                {"name": "verdict", "datatype": "BYTES", "shape": [-1]},
                {"name": "defects", "datatype": "FP32", "shape": [-1, 4]},
            ],
        }
    )


@router.post(
    "/models/{name}/infer",
    summary="Score photos",
    responses=openapi.responses(_OBJECT, 400, 401, 404, 408, 413, 415, 429, 503),
    openapi_extra={"requestBody": _INFER},
)
async def infer(name: str, request: Request) -> Response:
    """As POST /score, in the protocol's words; stored as every score is."""
    state = state_of(request)
    _known(name, request)
    state.admission.look(request.headers.get("content-length"))
    header = request.headers.get("inference-header-content-length")
    request_id: str = request.scope["request_id"]
    async with state.admission.body(request) as body:

        def run() -> tuple[Scored, bytes, int | None]:
            table, sources, asked = parse(body, header, state.settings.max_images, state.settings.max_pixels)
            scorer = state.models.current
            scored = score_all(scorer, sources, (None,) * len(sources), request_id, "v2")
            state.records.add(scored.records)
            told, head = encode(name, scorer.model_id, table.get("id"), scored, asked)
            return scored, told, head

        scored, told, head = await state.slots.run(run)
    state.meters.count(scored.records)
    if head is None:
        return response(200, told)
    return Response(told, media_type="application/octet-stream", headers={"inference-header-content-length": str(head)})


def parse(
    body: bytes, header: str | None, max_images: int, max_pixels: int
) -> tuple[dict[str, Any], Sequence[Source], bool]:
    """Read an inference request.

    Returns:
        Its JSON, the pictures, and whether binary outputs are asked for.

    Raises:
        RequestError: it is not as the protocol says, or asks for what this model does not have.
    """
    n_head = len(body)
    if header is not None:
        if not header.isascii() or not header.isdigit() or int(header) > len(body):
            raise RequestError(
                "bad_request", f"has Inference-Header-Content-Length {header[:40]!r} of {len(body)} bytes"
            )
        n_head = int(header)
    table = request.json_object(body[:n_head], MAX_NUMBERS)
    inputs = table.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RequestError("bad_request", "must have one input", 'send it as "inputs": [{"name": "image", …}]')
    given = inputs[0]
    if given.get("name") != "image":
        raise RequestError("bad_request", f"has the input {str(given.get('name'))[:80]!r}", "name it image")
    shape = given.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and 0 < n < 10**9 for n in shape):
        raise RequestError("bad_request", "has an input without a shape of whole numbers")
    parameters = given.get("parameters")
    n_binary = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    binary = None
    if n_binary is not None:
        binary = body[n_head:]
        if n_binary != len(binary):
            raise RequestError("bad_request", f"says {n_binary} bytes of binary data, but has {len(binary)}")
    reader = {"BYTES": _files, "UINT8": _pixels}.get(str(given.get("datatype")))
    if reader is None:
        raise RequestError(
            "bad_request", f"has the datatype {str(given.get('datatype'))[:40]!r}", "send BYTES or UINT8"
        )
    found = reader(shape, given.get("data"), binary, max_pixels)
    if not 0 < len(found) <= max_images:
        raise RequestError("too_many_images", f"has {len(found)} images", f"send 1 to {max_images}")
    asked = table.get("parameters")
    return table, found, isinstance(asked, dict) and asked.get("binary_data_output") is True


def encode(name: str, version: str, given_id: Any, scored: Scored, binary: bool) -> tuple[bytes, int | None]:
    """Return an inference response, and the length of its JSON where binary data follow."""
    answers = [record.answer for record in scored.records]
    rows = [
        [float(number), *place, p]
        for number, answer in enumerate(answers)
        for place, p in zip(answer.defects.xy.tolist(), answer.defects.p.tolist(), strict=True)
    ]
    verdicts = [answer.verdict for answer in answers]
    outputs: list[tuple[dict[str, Any], list[Any], bytes]] = [
        (
            _output("p", "FP32", [len(answers)]),
            [a.p for a in answers],
            np.array([a.p for a in answers], "<f4").tobytes(),
        ),
        (_output("verdict", "BYTES", [len(answers)]), verdicts, b"".join(_sized(v.encode()) for v in verdicts)),
        (_output("defects", "FP32", [len(rows), 4]), [n for row in rows for n in row], np.array(rows, "<f4").tobytes()),
    ]
    table: dict[str, Any] = {"model_name": name, "model_version": version}
    if isinstance(given_id, str):
        table["id"] = given_id[: request.MAX_FIELD_CHARS]
    if not binary:
        table["outputs"] = [{**output, "data": data} for output, data, _ in outputs]
        return json.dumps(table).encode(), None
    table["outputs"] = [{**o, "parameters": {"binary_data_size": len(raw)}} for o, _, raw in outputs]
    head = json.dumps(table).encode()
    return head + b"".join(raw for *_, raw in outputs), len(head)


def _output(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _files(shape: list[int], data: Any, binary: bytes | None, _: int) -> list[Source]:
    found: list[Source] = []
    if binary is not None:
        position = 0
        while position < len(binary):
            end = position + 4 + int.from_bytes(binary[position : position + 4], "little")
            if end > len(binary):
                raise RequestError("bad_request", "has an element that runs beyond its binary data")
            found.append(binary[position + 4 : end])
            position = end
    elif isinstance(data, list):
        found = [request.base64_bytes(text, number) for number, text in enumerate(data, 1)]
    if len(found) != math.prod(shape):
        raise RequestError("bad_request", f"has {len(found)} elements for the shape {shape}")
    return found


def _pixels(shape: list[int], data: Any, binary: bytes | None, max_pixels: int) -> list[Source]:
    if len(shape) not in (3, 4) or shape[-1] != 3:
        raise RequestError("bad_request", f"has pixels of shape {shape}", "send (H, W, 3) or (N, H, W, 3)")
    if shape[-3] * shape[-2] > max_pixels:
        raise RequestError("too_many_pixels", f"has {shape[-3]} x {shape[-2]} pixels", f"send at most {max_pixels}")
    if binary is not None:
        flat: NDArray[np.uint8] = np.frombuffer(binary, np.uint8)
    else:
        try:
            numbers = np.array(data)
        except ValueError as error:
            raise RequestError("bad_request", "has ragged data") from error
        if numbers.dtype.kind != "i" or (numbers.size and (numbers.min() < 0 or numbers.max() > 255)):
            raise RequestError("bad_request", "has UINT8 data that are not whole numbers of 0 to 255")
        flat = numbers.astype(np.uint8).reshape(-1)
    if flat.size != math.prod(shape):
        raise RequestError("bad_request", f"has {flat.size} numbers for the shape {shape}")
    return list(flat.reshape(-1, *shape[-3:]))


def _known(name: str, request: Request) -> None:
    served = state_of(request).models.current.bundle.contract.name
    if name != served:
        raise RequestError("not_found", f"no model {name[:80]!r} here", f"served is {served!r}", where="service")


def _not_ready(request: Request) -> Response:
    return refuse("not_ready", f"service: {state_of(request).not_ready}", request.scope["request_id"])
