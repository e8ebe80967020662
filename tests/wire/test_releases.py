"""A model registered and a release sent, online and batch."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.recorder import Recorder, sent

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::azureml", "ignore:::marshmallow")


def test_release_is_sent_as_packed_by_sdk_v2(recorder: Recorder, v2: Any, tmp_path: Path) -> None:
    from deployment.azure import pack, send
    from deployment.azure.release import Release
    from tests import tiny_model

    bundle = tiny_model.write(tmp_path / "run" / "bundle").folder
    folder = pack.pack(bundle, Release("dentline-door", slot="green"), tmp_path / "azure")
    assert send.online(v2, folder, traffic=10) == f"{recorder.url}/score"

    table = json.loads((folder / "deployment.yml").read_text())
    body = recorder.one("PUT", "/onlineEndpoints/dentline-door/deployments/green$").json
    properties = body["properties"]
    assert properties["codeConfiguration"]["scoringScript"] == "score.py"
    assert properties["instanceType"] == table["instance_type"]
    assert properties["livenessProbe"]["failureThreshold"] == table["liveness_probe"]["failure_threshold"]
    traffic = [r.json["properties"].get("traffic") for r in recorder.find("PUT", "/onlineEndpoints/dentline-door$")]
    assert traffic[-1] == {"green": 10}
    packed = {p.relative_to(folder / "code").as_posix(): p.read_bytes() for p in (folder / "code").rglob("*.py")}
    uploaded = {path.split("/", 1)[-1]: data for path, data in sent(recorder).items()}
    assert packed.items() <= uploaded.items()
    assert (folder / "bundle" / "model.onnx").read_bytes() in sent(recorder).values()


def test_batch_release_is_sent_as_packed_by_sdk_v2(recorder: Recorder, v2: Any, tmp_path: Path) -> None:
    from deployment.azure import pack, send
    from deployment.azure.release import Release
    from tests import tiny_model

    bundle = tiny_model.write(tmp_path / "run" / "bundle").folder
    folder = pack.pack(bundle, Release("dentline-door"), tmp_path / "azure")
    assert send.batch(v2, folder) == "dentline-door-batch"
    body = recorder.one("PUT", "/batchEndpoints/dentline-door-batch/deployments/blue$").json["properties"]
    assert body["codeConfiguration"]["scoringScript"] == "batch_score.py"
    assert (body["miniBatchSize"], body["outputFileName"]) == (20, "scores.csv")


def test_model_is_registered_by_both_sdks(recorder: Recorder, v1: Any, v2: Any) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    bundle = "outputs/20261120-101112-scratch/bundle"
    assert Azure(v2, "cpu").register("20261120-job", "door", bundle) == 1
    body = recorder.one("PUT", "/models/door/versions/").json["properties"]
    assert body["modelUri"].endswith(f"/paths/{bundle}")
    assert AzureML(v1, "cpu").register("door/20261120-job", "door", bundle) == 1
    asset = recorder.one("POST", "/assets$").json
    assert asset["artifacts"] == [{"prefix": f"ExperimentRun/data/{bundle}"}]
    model = recorder.one("POST", "/modelmanagement/.*/models$").json
    assert (model["name"], model["url"]) == ("door", "aml://asset/asset")
