"""How the service describes itself: the bodies and answers of its routes, with examples."""

from typing import Any

_P = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}

DEFECT: dict[str, Any] = {
    "type": "object",
    "required": ["x", "y", "p"],
    "properties": {
        "x": {"type": "number", "description": "pixels from the photo's left edge, after its EXIF turn"},
        "y": {"type": "number", "description": "pixels from its top edge"},
        "p": _P,
    },
}
HEAT_MAP: dict[str, Any] = {
    "type": "object",
    "description": "only with explain=true",
    "required": ["png", "first_px", "stride_px"],
    "properties": {
        "png": {"type": "string", "contentEncoding": "base64", "description": "grey; 255 is p = 1"},
        "first_px": {"type": "number", "description": "pixel (0, 0) of the map is this far from both edges"},
        "stride_px": {"type": "number", "description": "and its neighbours this far from it"},
    },
}
GRAD_CAM: dict[str, Any] = {
    "type": "object",
    "description": "only with explain=true, of models that have it: what moved the answer at the surest place",
    "required": ["png", "corners"],
    "properties": {
        "png": {"type": "string", "contentEncoding": "base64", "description": "grey; 255 is the strongest"},
        "corners": {
            "type": "array",
            "description": "x, y in the photo of the map's corners, clockwise from its top left",
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "minItems": 4,
            "maxItems": 4,
        },
    },
}
PHOTO: dict[str, Any] = {
    "type": "object",
    "required": [
        "photo_id", "score_id", "scored_at", "model_id", "photo_sha256", "width_px", "height_px",
        "p", "threshold", "verdict", "defects", "latency_ms",
    ],
    "properties": {
        "photo_id": _NULLABLE,
        "score_id": {"type": "string"},
        "scored_at": {"type": "string", "description": "UTC"},
        "model_id": {"type": "string"},
        "photo_sha256": {"type": "string"},
        "width_px": {"type": "integer"},
        "height_px": {"type": "integer"},
        "p": _P,
        "threshold": _P,
        "verdict": {"enum": ["ok", "defect"]},
        "defects": {"type": "array", "items": DEFECT},
        "latency_ms": {"type": "number"},
        "heat_map": HEAT_MAP,
        "grad_cam": GRAD_CAM,
    },
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["request_id", "part_id", "station", "verdict", "p", "photos"],
    "properties": {
        "request_id": {"type": "string"},
        "part_id": _NULLABLE,
        "station": _NULLABLE,
        "verdict": {"enum": ["ok", "defect"], "description": "of the part: that of its worst photo"},
        "p": _P,
        "photos": {"type": "array", "items": PHOTO, "minItems": 1},
    },
    "example": {
        "request_id": "4e8ba10c26d94b8a8f3c2f1b1d6a7b90",
        "part_id": "door-7",
        "station": "A",
        "verdict": "defect",
        "p": 0.9731,
        "photos": [
            {
                "photo_id": "left",
                "score_id": "0199f3a1b2c3d4e5f60718293a4b5c6d",
                "scored_at": "2026-11-20T09:30:00.123",
                "model_id": "20261120-081500-vgg16",
                "photo_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "width_px": 1024,
                "height_px": 768,
                "p": 0.9731,
                "threshold": 0.42,
                "verdict": "defect",
                "defects": [{"x": 412.5, "y": 288.0, "p": 0.9731}],
                "latency_ms": 41.7,
            }
        ],
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "request_id": {"type": "string"},
            },
        }
    },
    "example": {
        "error": {
            "code": "truncated",
            "message": "image: stops before the end of its JPEG data",
            "request_id": "4e8ba10c26d94b8a8f3c2f1b1d6a7b90",
        }
    },
}

_PICTURE = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64", "minLength": 1}
_FIELDS: dict[str, Any] = {
    "part_id": {**_TEXT, "description": "the part that all photos show"},
    "station": {**_TEXT, "description": "where they were taken"},
    "explain": {"type": "boolean", "default": False, "description": "send the heat maps and Grad-CAM too"},
}
SCORE_FIELDS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema}
    for name, schema in {"photo_id": _TEXT, **_FIELDS}.items()
]
IMAGE_URL: dict[str, Any] = {
    "name": "image_url",
    "in": "query",
    "required": True,
    "description": "address of a JPEG or PNG, on a host the service may ask",
    "schema": {"type": "string", "format": "uri", "maxLength": 2000},
}
SCORE_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "image/jpeg": {"schema": _PICTURE},
        "image/png": {"schema": _PICTURE},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "additionalProperties": False,
                "properties": {
                    "image": {"type": "array", "items": _PICTURE, "minItems": 1},
                    "photo_id": {"type": "array", "items": _TEXT},
                    **_FIELDS,
                },
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["image"],
                "additionalProperties": False,
                "properties": {
                    "image": {"anyOf": [_BASE64, {"type": "array", "items": _BASE64, "minItems": 1}]},
                    "photo_id": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
                    **_FIELDS,
                },
            },
            "example": {"image": "/9j/4AAQSkZJRgABAQ…", "photo_id": "left", "part_id": "door-7", "station": "A"},
        },
    },
}

_REASONS = {
    400: "The request or the picture is not as it must be; code says which",
    401: "No valid key",
    403: "image_url is off, or its host is not allowed",
    404: "No such model",
    408: "The body came too slowly",
    413: "Too many bytes, pixels, scans or images",
    415: "Not a JPEG or PNG, or a content type that is not known",
    429: "Busy: try again after Retry-After seconds",
    503: "The score could not be stored, or the service is not ready",
}


def responses(answer: dict[str, Any], *errors: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route: its answer, and the errors it can give (all of them by default)."""
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "Answered", "content": {"application/json": {"schema": answer}}}
    }
    for status in errors or (status for status in _REASONS if status not in (403, 404)):
        found[status] = {"description": _REASONS[status], "content": {"application/json": {"schema": ERROR}}}
    return found
