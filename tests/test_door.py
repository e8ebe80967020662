import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dentline import images
from dentline.images import Limits
from deployment import door, records
from deployment.door import Reply
from deployment.records import Records
from deployment.scorer import Scorer
from tests import tiny_model

BOUNDARY = "edge"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, data: bytes, filename: bool = False) -> bytes:
    more = '; filename="x.jpg"' if filename else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


def form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(part(name, data, name == "image") for name, data in parts) + f"--{BOUNDARY}--\r\n".encode()


def as_json(**members: Any) -> bytes:
    return json.dumps(members).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Desk:
    def __init__(self, scorer: Scorer, folder: Path) -> None:
        self.scorer = scorer
        self.records = Records(folder / "scores.db")

    def post(self, content_type: str, body: bytes, query: Iterable[tuple[str, str]] = ()) -> Reply:
        return door.handle(self.scorer, self.records, content_type, body, query, "r-1", "http")

    def rows(self, columns: str) -> list[Any]:
        reader = records.open_for_reading(self.records.path)
        return reader.execute(f"SELECT {columns} FROM score ORDER BY score_id").fetchall()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    scorer = Scorer(tiny_model.write(tmp_path_factory.mktemp("tiny") / "bundle"), Limits(max_pixels=1_000_000))
    assert scorer.setup() < 1e-6
    return scorer


@pytest.fixture
def desk(scorer: Scorer, tmp_path: Path) -> Desk:
    return Desk(scorer, tmp_path)


BMP = cv2.imencode(".bmp", np.zeros((80, 80, 3), np.uint8))[1].tobytes()
DENTED = images.encode_png(tiny_model.surface(200, 300, [(100, 80)]))
CLEAN = images.encode_png(tiny_model.surface(200, 300, [], seed=1))


def test_three_ways_in_give_the_same_numbers(desk: Desk) -> None:
    replies = [
        desk.post("image/png", DENTED),
        desk.post(FORM, form(("image", DENTED))),
        desk.post("application/json", as_json(image=b64(DENTED))),
        desk.post("application/octet-stream", DENTED),
    ]
    assert [r.status for r in replies] == [200] * 4
    photos = [r.payload["photos"][0] for r in replies]
    for photo in photos:
        for key in ("score_id", "scored_at", "latency_ms"):
            photo.pop(key)
    assert all(photo == photos[0] for photo in photos)
    assert photos[0]["verdict"] == "defect"
    assert photos[0]["defects"][0]["x"] == pytest.approx(100, abs=4)
    assert photos[0]["defects"][0]["y"] == pytest.approx(80, abs=4)
    assert json.loads(json.dumps(replies[0].payload)) == replies[0].payload


def test_a_part_is_as_bad_as_its_worst_photo(desk: Desk) -> None:
    body = form(
        ("image", CLEAN), ("photo_id", b"left"), ("image", DENTED), ("photo_id", b"right"), ("part_id", b"T\xc3\xbcr 7")
    )
    reply = desk.post(FORM, body, [("station", "A")])
    assert reply.status == 200
    assert (reply.payload["verdict"], reply.payload["part_id"]) == ("defect", "Tür 7")
    assert [p["verdict"] for p in reply.payload["photos"]] == ["ok", "defect"]
    assert reply.payload["p"] == reply.payload["photos"][1]["p"]
    assert desk.rows("photo_id, part_id, station, request_id, verdict, n_defects") == [
        ("left", "Tür 7", "A", "r-1", "ok", 0),
        ("right", "Tür 7", "A", "r-1", "defect", 1),
    ]


def test_one_bad_image_refuses_the_request_and_records_nothing(desk: Desk) -> None:
    reply = desk.post("application/json", as_json(image=[b64(DENTED), b64(DENTED[:500])]))
    assert reply.status == 400
    assert reply.payload["error"]["message"].startswith("image 2: ")
    assert desk.rows("1") == []


def test_heat_map_is_sent_when_asked_for(desk: Desk) -> None:
    reply = desk.post("image/png", DENTED, [("explain", "true")])
    heat = reply.payload["photos"][0]["heat_map"]
    grey = images.decode(base64.b64decode(heat["png"]))[:, :, 0]
    assert grey.shape == (200 // 8 + 1, 300 // 8 + 1)
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    assert (heat["first_px"] + column * heat["stride_px"], heat["first_px"] + row * heat["stride_px"]) == pytest.approx(
        (100, 80), abs=9
    )
    assert "heat_map" not in desk.post("image/png", DENTED).payload["photos"][0]


def test_grad_cam_is_sent_when_asked_for_and_is_strongest_where_the_dent_is(desk: Desk) -> None:
    cam = desk.post("image/png", DENTED, [("explain", "true")]).payload["photos"][0]["grad_cam"]
    grey = images.decode(base64.b64decode(cam["png"]))[:, :, 0]
    assert grey.shape == (8, 8) and grey.max() == 255 and grey.min() == 0
    corners = np.array(cam["corners"])
    assert (corners[2] - corners[0]).tolist() == [64, 64] and corners[1].tolist() == [corners[2][0], corners[0][1]]
    rows, columns = np.nonzero(grey > 128)
    middle = corners[0] + 8 * np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    assert middle == pytest.approx((100, 80), abs=5)
    assert "grad_cam" not in desk.post("image/png", DENTED).payload["photos"][0]


def test_a_model_without_grad_cam_sends_its_heat_map_alone(tmp_path: Path) -> None:
    scorer = Scorer(tiny_model.write(tmp_path / "bundle", has_cam=False))
    scorer.setup()
    reply = Desk(scorer, tmp_path).post("image/png", DENTED, [("explain", "true")])
    assert reply.status == 200
    photo = reply.payload["photos"][0]
    assert "heat_map" in photo and "grad_cam" not in photo


def test_a_patch_is_a_picture_too(desk: Desk) -> None:
    patch = images.encode_png(tiny_model.surface(64, 64, [(32, 32)]))
    reply = desk.post("image/png", patch)
    assert reply.payload["photos"][0]["defects"] == [{"x": 32.0, "y": 32.0, "p": reply.payload["p"]}]


JSON = "application/json"
BAD: dict[str, tuple[str, bytes, list[tuple[str, str]], int, str]] = {
    "nothing": ("image/png", b"", [], 400, "empty"),
    "text": ("image/png", b"hello", [], 415, "unsupported_format"),
    "other type": ("text/plain", DENTED, [], 415, "unsupported_media_type"),
    "half": ("image/png", DENTED[:1000], [], 400, "truncated"),
    "small": ("image/png", images.encode_png(np.zeros((63, 90, 3), np.uint8)), [], 400, "too_small"),
    "large": ("image/png", images.encode_png(np.zeros((1001, 1000), np.uint8)), [], 413, "too_many_pixels"),
    "bmp": ("image/bmp", BMP, [], 415, "unsupported_format"),
    "not json": (JSON, b"{", [], 400, "bad_json"),
    "not utf-8": (JSON, b'{"a": "\xff"}', [], 400, "bad_json"),
    "list": (JSON, b"[]", [], 400, "bad_json"),
    "deep": (JSON, b'{"a":' * 900 + b"1" + b"}" * 900, [], 400, "missing_field"),
    "deeper": (JSON, b"[" * 1_000_000, [], 400, "bad_json"),
    "nan": (JSON, b'{"image": NaN}', [], 400, "bad_json"),
    "huge number": (JSON, b'{"part_id": ' + b"9" * 5000 + b"}", [], 400, "bad_json"),
    "bad base64": (JSON, as_json(image="@@@"), [], 400, "bad_base64"),
    "number for image": (JSON, as_json(image=[3]), [], 400, "bad_base64"),
    "no image": (JSON, as_json(part_id="x"), [], 400, "missing_field"),
    "doubled member": (JSON, b'{"image": "", "image": ""}', [], 400, "repeated_field"),
    "unknown member": (JSON, as_json(image=b64(DENTED), picture=""), [], 400, "unknown_field"),
    "part is a number": (JSON, as_json(image=b64(DENTED), part_id=7), [], 400, "bad_field"),
    "part is long": (JSON, as_json(image=b64(DENTED), part_id="x" * 201), [], 400, "bad_field"),
    "part has a line end": (JSON, as_json(image=b64(DENTED), part_id="a\nb"), [], 400, "bad_field"),
    "part is half a character": (JSON, b'{"image": "", "part_id": "\\ud800"}', [], 400, "bad_field"),
    "explain what": ("image/png", DENTED, [("explain", "yes please")], 400, "bad_field"),
    "part twice": ("image/png", DENTED, [("part_id", "a"), ("part_id", "b")], 400, "repeated_field"),
    "part in two places": (JSON, as_json(image=b64(DENTED), part_id="a"), [("part_id", "a")], 400, "repeated_field"),
    "two ids for one": ("image/png", DENTED, [("photo_id", "a"), ("photo_id", "b")], 400, "wrong_count"),
    "unknown query": ("image/png", DENTED, [("verbose", "1")], 400, "unknown_field"),
    "no boundary": ("multipart/form-data", form(("image", DENTED)), [], 400, "bad_multipart"),
    "other boundary": ("multipart/form-data; boundary=x", form(("image", DENTED)), [], 400, "bad_multipart"),
    "form cut short": (FORM, form(("image", DENTED))[:-30], [], 400, "bad_multipart"),
    "form without image": (FORM, form(("part_id", b"7")), [], 400, "missing_field"),
    "image in another field": (FORM, form(("file", DENTED)), [], 400, "bad_field"),
    "many images": (FORM, form(*[("image", b"x")] * 17), [], 413, "too_many_images"),
    "many parts": (FORM, form(*[("part_id", b"x")] * 5000), [], 400, "bad_multipart"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_in_one_shape(desk: Desk, name: str) -> None:
    content_type, body, query, status, code = BAD[name]
    reply = desk.post(content_type, body, query)
    assert (reply.status, reply.payload["error"]["code"]) == (status, code), reply.payload
    assert set(reply.payload) == {"error"}
    assert set(reply.payload["error"]) == {"code", "message", "request_id"}
    assert reply.payload["error"]["request_id"] == "r-1"
    assert desk.rows("1") == []


def test_an_answer_that_cannot_be_stored_is_not_given(desk: Desk) -> None:
    desk.records.close()
    reply = desk.post("image/png", DENTED)
    assert (reply.status, reply.payload["error"]["code"]) == (503, "not_stored")
    assert "scores.db" not in reply.payload["error"]["message"]


def test_request_ids_are_kept_when_clean() -> None:
    assert door.request_id("job-7:a.b") == "job-7:a.b"
    for unclean in (None, "", "a b", "a\n", "x" * 129, "é"):
        made = door.request_id(unclean)
        assert made != unclean
        assert len(made) == 32
