"""The preflight of a deployment: a sound release passes; each seeded fault is caught and told what to do about."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dentline.errors import DentlineError
from deployment.azure import pack, preflight
from deployment.azure.release import Release, autoscale
from tests import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::marshmallow")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    bundle = tiny_model.write(folder / "run" / "bundle").folder
    return pack.pack(bundle, Release("dentline-door"), folder / "azure")


@pytest.fixture
def release(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "azure"))


def change(release: Path, **fields: Any) -> None:
    path = release / "deployment.yml"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def faults(release: Path, photos: list[Path] | None = None, quota: int | None = None) -> list[str]:
    return [str(finding) for finding in preflight.check(release, photos or [], quota) if not finding.ok]


def test_sound_release_runs_under_the_real_server_with_and_without_the_extra_folder(release: Path) -> None:
    findings = preflight.check(release, [])
    assert not [str(finding) for finding in findings if not finding.ok]
    assert sum("real server" in finding.check for finding in findings) == 2
    code = {path.name for path in (release / "code").iterdir()}
    assert code == {"dentline", "labeling", "augmentation", "deployment", "score.py", "batch_score.py"}
    assert "tensorflow" not in (release / "scoring-environment.yml").read_text()


def slow(release: Path) -> None:
    change(release, liveness_probe={"initial_delay": 0, "period": 1, "timeout": 1, "failure_threshold": 1})
    script = release / "code" / "score.py"
    script.write_text("import time\ntime.sleep(30)\n" + script.read_text())


def missing_module(release: Path) -> None:
    (release / "code" / "deployment" / "scorer.py").unlink()


def unpinned(release: Path) -> None:
    path = release / "scoring-environment.yml"
    path.write_text(path.read_text().replace("numpy==", "numpy #"))


SEEDED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing module": (missing_module, "No module named"),
    "wrong model path": (lambda r: change(r, model={"path": "bundel"}), "has 0 bundles"),
    "slow start": (slow, "not ready in the 1 s its probes allow; raise liveness_probe"),
    "bad YAML field": (lambda r: change(r, instance_cuont=2), "instance_cuont"),
    "unpinned dependency": (unpinned, "numpy.* not pinned; write name==version"),
    "wrong score path": (
        lambda r: change(r, code_configuration={"code": "code", "scoring_script": "scor.py"}),
        r"scor\.py is missing",
    ),
    "missing environment": (lambda r: (r / "scoring-environment.yml").unlink(), "is missing; take it from"),
    "unknown machine": (lambda r: change(r, instance_type="Standard_Toaster"), "take one of"),
}


@pytest.mark.parametrize("name", SEEDED)
def test_seeded_fault_is_caught(release: Path, name: str) -> None:
    seed, words = SEEDED[name]
    seed(release)
    found = faults(release)
    assert found
    assert any(re.search(words, line) for line in found), found
    assert all("\n" not in line for line in found)


def test_oversize_payload_and_quota_are_caught(release: Path, tmp_path: Path) -> None:
    photo = tmp_path / "big.png"
    photo.write_bytes(bytes(preflight.PAYLOAD_BYTES + 1))
    found = faults(release, [photo], quota=2)
    assert any("big.png has 10.0 MiB" in line and "quality 90" in line for line in found)
    assert any("takes 3 cores" in line and "it has 2" in line for line in found)


def test_pack_refuses_to_write_over_a_release(packed: Path) -> None:
    with pytest.raises(DentlineError, match="exists already"):
        pack.pack(packed / "bundle", Release("dentline-door"), packed)


@pytest.mark.parametrize("wrong", [{"endpoint": "A_b"}, {"traffic": 101}, {"n_instances": 9}])
def test_release_that_azure_would_refuse_is_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(DentlineError):
        Release(**{"endpoint": "dentline-door", **wrong})


def test_autoscale_stays_within_the_release() -> None:
    capacity = autoscale(Release("dentline-door", n_instances=2, most_instances=5))["properties"]["profiles"][0][
        "capacity"
    ]
    assert capacity == {"minimum": "2", "maximum": "5", "default": "2"}
