"""Models of whole photos as they are served: behind their preparation, proven by photos, through the one scorer."""

import base64
import io
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dentline import images, prepare
from dentline.errors import DentlineError
from deployment import bundle, door, explain
from deployment.bundle import Golden
from deployment.engine import OnnxEngine
from deployment.prepared import PreparedEngine
from deployment.records import Records
from deployment.scorer import Scorer
from samples import album, nails
from tests import tiny_model
from tests.tiny_model import CONTRACT
from training.measured import Classifier, onnx_bytes

STEPS = ("grey", "upright(length_px=240, height_px=144)", "centre_line")
CLASSIFIER = Classifier(np.array([0.5, 0.5, 3.0]), 3.5)


def photo_of(bent: bool, seed: int = 0) -> bytes:
    return next(p.data for p in nails.photos(2, 1, seed) if (len(p.points) > 0) == bent)


@pytest.fixture(scope="module")
def nail_bundle(tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    shown = np.stack([images.decode(photo_of(False)), images.decode(photo_of(True))])
    calls = prepare.parse(STEPS)
    p = CLASSIFIER.p(np.stack([prepare.prepare(photo, calls).array for photo in shown])).astype(np.float32)
    contract = replace(CONTRACT, task="image", name="nails", prepare=STEPS)
    folder = tmp_path_factory.mktemp("run") / "bundle"
    return bundle.write(folder, onnx_bytes(CLASSIFIER), contract, Golden(shown, p), {})


def test_the_exported_graph_is_the_classifier() -> None:
    measures = np.random.default_rng(0).uniform(0, 30, (50, 3)).astype(np.float32)
    served = OnnxEngine(onnx_bytes(CLASSIFIER)).run(measures)
    assert served.shape == (50, 1)
    np.testing.assert_allclose(served[:, 0], CLASSIFIER.p(measures), atol=1e-6)


def test_a_nail_photo_is_scored_and_recorded(nail_bundle: bundle.Bundle, tmp_path: Path) -> None:
    scorer = Scorer(nail_bundle)
    assert scorer.setup() < 1e-5
    with closing(Records(tmp_path / "scores.db")) as records:
        for bent in (False, True):
            query = [("part_id", "nail-1"), ("explain", "true")]
            reply = door.handle(scorer, records, "image/jpeg", photo_of(bent, 3), query, "r1", "test")
            assert reply.status == 200, reply.payload
            (photo,) = reply.payload["photos"]
            assert photo["verdict"] == ("defect" if bent else "ok") and photo["defects"] == []
            heat = cv2.imdecode(np.frombuffer(base64.b64decode(photo["heat_map"]["png"]), np.uint8), 0)
            assert heat.shape == (1, 1) and heat[0, 0] == pytest.approx(255 * photo["p"], abs=1)


def test_maps_lie_in_the_photo_as_sent_though_a_jpeg_is_decoded_smaller(tmp_path: Path) -> None:
    made = tiny_model.model()
    contract = replace(CONTRACT, task="image", prepare=("resize(width_px=112, height_px=112)",))
    scorer = Scorer(bundle.write(tmp_path / "bundle", made, contract, tiny_model.golden(made), {}))
    scorer.setup()
    sent = album.jpeg(tiny_model.surface(480, 480, [(240, 240)], radius_px=30), 90)
    assert scorer.decode(sent).shape == (240, 240, 3)
    with closing(Records(tmp_path / "scores.db")) as records:
        reply = door.handle(scorer, records, "image/jpeg", sent, [("explain", "true")], "r1", "test")
    (photo,) = reply.payload["photos"]
    assert photo["grad_cam"]["corners"] == [[0, 0], [480, 0], [480, 480], [0, 480]]
    assert (photo["heat_map"]["first_px"], photo["heat_map"]["stride_px"]) == (240, 480)


def test_a_photo_of_nothing_is_a_400_and_not_recorded(nail_bundle: bundle.Bundle, tmp_path: Path) -> None:
    scorer = Scorer(nail_bundle)
    scorer.setup()
    empty = images.encode_png(np.full((200, 300, 3), 70, np.uint8))
    with closing(Records(tmp_path / "scores.db")) as records:
        reply = door.handle(scorer, records, "image/png", empty, [], "r1", "test")
    assert reply.status == 400 and reply.payload["error"]["code"] == "unusable"
    assert "no part stands out" in reply.payload["error"]["message"]


def test_another_preparation_than_trainings_is_found_by_the_golden_photos(nail_bundle: bundle.Bundle) -> None:
    other = replace(nail_bundle, contract=replace(nail_bundle.contract, prepare=("grey", *STEPS[1:])))
    assert bundle.self_test(other, bundle.engine(other)) < 1e-5
    changed = ("grey", "upright(length_px=160, height_px=96)", "centre_line")
    wrong = replace(nail_bundle, contract=replace(nail_bundle.contract, prepare=changed))
    with pytest.raises(DentlineError, match="golden picture"):
        bundle.self_test(wrong, bundle.engine(wrong))


def test_a_step_this_version_does_not_know_is_refused_by_name(nail_bundle: bundle.Bundle) -> None:
    newer = replace(nail_bundle, contract=replace(nail_bundle.contract, prepare=("unwarp",)))
    with pytest.raises(DentlineError, match="unknown step 'unwarp'"):
        bundle.engine(newer)


CORNERS = np.array([0.25, 0.5, 0.75, 0.5, 0.75, 0.6, 0.25, 0.6], np.float32)


@pytest.mark.parametrize(("swap", "verdict"), [(False, "ok"), (True, "defect")])
def test_corners_come_back_in_photo_pixels_and_crossed_ones_are_flagged(
    swap: bool, verdict: str, tmp_path: Path
) -> None:
    corners = CORNERS.reshape(4, 2)[[0, 2, 1, 3]].reshape(8) if swap else CORNERS
    made = tiny_model.corners_model(corners)
    shown = np.random.default_rng(0).integers(0, 255, (1, 300, 500, 3)).astype(np.uint8)
    steps = ("crop_centre(side_px=200)", "resize(width_px=50, height_px=50)")
    contract = replace(CONTRACT, task="corners", prepare=steps)
    scorer = Scorer(bundle.write(tmp_path / "bundle", made, contract, Golden(shown, corners[None]), {}))
    scorer.setup()
    prediction = scorer.predict(shown[0])
    assert prediction.verdict == verdict
    expected = corners.reshape(4, 2) * 200 + (150, 50)  # the crop begins at (150, 50) and is 200 px wide
    np.testing.assert_allclose(prediction.defects.xy, expected, atol=1e-3)


def test_a_model_of_another_kind_is_not_loaded() -> None:
    data = io.BytesIO()
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node], "other", [value], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), data)
    with pytest.raises(DentlineError, match="must take one of"):
        OnnxEngine(data.getvalue())


def test_prepared_engine_takes_photos_of_any_size() -> None:
    engine = PreparedEngine(OnnxEngine(onnx_bytes(CLASSIFIER)), STEPS, "test")
    large = images.decode(photo_of(True))
    half = cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert engine.run(large[None])[0, 0] > 0.5 and engine.run(half[None])[0, 0] > 0.5


def test_hiding_the_bend_is_what_lowers_a_bent_nails_score(nail_bundle: bundle.Bundle) -> None:
    scorer = Scorer(nail_bundle)
    scorer.setup()
    (made,) = [p for p in nails.photos(2, 1, 5) if len(p.points)]
    photo = images.decode(made.data)
    x, y = made.points[0]
    left, top = int(x) - 240, max(int(y) - 240, 0)
    close = np.ascontiguousarray(photo[top : top + 480, left : left + 480])
    found = explain.explain(scorer, close, 6)
    assert found.drop.shape == (6, 6) and found.p > 0.5
    row, column = found.strongest
    assert found.drop[row, column] > 0.05
    away = np.hypot((column + 0.5) * found.side_px - 240, (row + 0.5) * found.side_px - (y - top))
    assert away < 200  # on the nail, which is 250 px long
    assert float(np.median(np.abs(found.drop))) < 0.05
    picture = explain.drawn(close, found)
    assert picture.shape == close.shape and (picture[..., 0] > close[..., 0] + 20).any()
