import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dentline.errors import DentlineError
from dentline.workspace import Workspace
from deployment import bundle, champion
from deployment.bundle import Golden
from deployment.engine import OnnxEngine
from tests import tiny_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    return tiny_model.write(tmp_path_factory.mktemp("bundle") / "bundle")


def test_written_bundle_reads_back(whole: bundle.Bundle) -> None:
    again = bundle.load(whole.folder)
    assert again.contract == tiny_model.CONTRACT
    assert again.model_id == "20260102-030405-tiny"
    assert again.metrics == {"auc": 0.9}
    assert again.fingerprint == whole.fingerprint
    assert bundle.self_test(again, OnnxEngine(again.model)) < 1e-6


@pytest.mark.parametrize("name", ["model.onnx", "contract.json", "golden.npz", "metrics.json", "sha256.json"])
def test_one_changed_or_missing_byte_is_seen(whole: bundle.Bundle, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(whole.folder, copy)
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    with pytest.raises(DentlineError):
        bundle.load(copy)
    (copy / name).unlink()
    with pytest.raises(DentlineError, match=name):
        bundle.load(copy)


def test_export_is_refused_when_the_answers_differ(tmp_path: Path) -> None:
    made = tiny_model.model()
    true = tiny_model.golden(made)
    off = Golden(true.images, true.p + np.float32(2e-4))
    with pytest.raises(DentlineError, match="golden picture 1"):
        bundle.write(tmp_path / "bundle", made, tiny_model.CONTRACT, off, {})
    on_the_edge = replace(tiny_model.CONTRACT, threshold=float(true.p[1]) + 2e-5)
    near = Golden(true.images, true.p + np.array([0, 4e-5, 0, 0], np.float32))
    with pytest.raises(DentlineError, match="two sides of the threshold"):
        bundle.write(tmp_path / "bundle", made, on_the_edge, near, {})
    assert list(tmp_path.iterdir()) == []


def test_export_replaces_and_refuses_nan(tmp_path: Path) -> None:
    first = tiny_model.write(tmp_path / "bundle")
    second = tiny_model.write(tmp_path / "bundle", gain=0.3)
    assert first.fingerprint != second.fingerprint
    with pytest.raises(DentlineError, match="null"):
        tiny_model.write(tmp_path / "bundle", metrics={"auc": float("nan")})
    assert bundle.load(tmp_path / "bundle").fingerprint == second.fingerprint
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_other_geometry_is_refused(whole: bundle.Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(whole.folder, copy)
    table = json.loads((copy / "contract.json").read_text())
    table["geometry"]["stride_px"] = 4
    (copy / "contract.json").write_text(json.dumps(table))
    hashes = json.loads((copy / "sha256.json").read_text())
    hashes["contract.json"] = bundle.files.sha256(copy / "contract.json")
    (copy / "sha256.json").write_text(json.dumps(hashes))
    with pytest.raises(DentlineError, match="stride_px=4"):
        bundle.load(copy)


def test_engine_refuses_what_is_no_model() -> None:
    for junk in (b"", b"not onnx", tiny_model.model()[:200]):
        with pytest.raises(DentlineError):
            OnnxEngine(junk)


def test_champion_keeps_the_ones_before(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(DentlineError, match="dentline promote"):
        champion.current(workspace)
    for run_id in ("a", "b", "c"):
        tiny_model.write(workspace.bundle(run_id), run_id=run_id)
        assert champion.promote(workspace, run_id).run_id == run_id
    assert champion.promote(workspace, "c").run_id == "c"
    with pytest.raises(DentlineError):
        champion.promote(workspace, "missing")
    assert [t.run_id for t in champion.current(workspace).previous] == ["a", "b"]
    assert champion.back(workspace).run_id == "b"
    assert champion.back(workspace).run_id == "a"
    with pytest.raises(DentlineError, match="no champion before a"):
        champion.back(workspace)
    workspace.champion.write_text("{")
    with pytest.raises(DentlineError, match="cannot be read"):
        champion.current(workspace)
