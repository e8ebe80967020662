"""The real Azure SDKs, v1 and v2, against a recorder on loopback: what would be sent, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from dentline.errors import DentlineError
from tests.azure_recorder import Recorder, recording
from training import job as jobs
from training import snapshot as snapshots
from training.job import Job

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::azureml", "ignore:::marshmallow")


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AZUREML_LOG_DEPRECATION_WARNING_ENABLED", "False")
    with recording() as made:
        monkeypatch.setenv("AZUREML_DISCOVERY_SERVICE_ENDPOINT", made.url)
        yield made


@pytest.fixture
def taken(tmp_path: Path) -> snapshots.Snapshot:
    folder = tmp_path / "job" / "snapshot"
    for name in ("commands/app.py", "project/recipe.toml"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
    (folder / "environment.yml").write_text("name: dentline\ndependencies: [python=3.11, {pip: [numpy==2.4.6]}]\n")
    return snapshots.read(folder)


@pytest.fixture
def v1(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An SDK v1 workspace whose services are the recorder; only the https of its uploads is patched."""
    import azureml._restclient.snapshots_client as uploads
    from azureml.core import Workspace
    from azureml.core.authentication import TokenAuthentication

    def upload(stream: Any, url: str, **options: Any) -> requests.Response:
        return requests.put(url, data=stream.read(), timeout=10)

    monkeypatch.setattr(uploads, "upload_blob_from_stream", upload)
    token = TokenAuthentication(lambda audience: "fake", cloud="AzureCloud")
    workspace = Workspace(
        "sub", "group", "factory", auth=token, _disable_service_check=True, _workspace_id="id", _location="westeurope"
    )
    workspace._discovery_url_internal = f"{recorder.url}/discovery"
    return workspace


@pytest.fixture
def v2(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An SDK v2 client whose every request, blobs too, goes to the recorder instead of its https host."""
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import RequestsTransport

    send = RequestsTransport.send

    def redirected(self: Any, request: Any, **options: Any) -> Any:
        request.url = recorder.url + "/" + request.url.split("//", 1)[1].split("/", 1)[1]
        return send(self, request, **options)

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken("fake", 4102444800)

    monkeypatch.setattr(RequestsTransport, "send", redirected)
    return MLClient(Credential(), "sub", "group", "factory")


def sent(recorder: Recorder) -> dict[str, bytes]:
    """Every uploaded file by its path in the snapshot."""
    uploads = [r for r in recorder.find("PUT", "/container/") if "comp" not in r.query]
    return {r.path.split("/container/")[1].split("LocalUpload/")[-1]: r.body for r in uploads}


def essence_v1(recorder: Recorder) -> dict[str, Any]:
    body = recorder.one("POST", "/snapshotrun$").json["Configuration"]
    python = body["environment"]["python"]["condaDependencies"]
    return {
        "command": " ".join(body["command"]) if isinstance(body["command"], list) else body["command"],
        "conda": python["dependencies"],
        "image": body["environment"]["docker"]["baseImage"],
        "compute": body["target"],
        "nodes": body["nodeCount"],
    }


def essence_v2(recorder: Recorder) -> dict[str, Any]:
    body = recorder.one("PUT", r"/jobs/[^/]+$").json["properties"]
    environment = recorder.one("PUT", "/environments/.*/versions/").json["properties"]
    return {
        "command": body["command"],
        "conda": yaml.safe_load(environment["condaFile"])["dependencies"],
        "image": environment["image"],
        "compute": body["computeId"].rsplit("/", 1)[-1],
        "nodes": body["resources"]["instanceCount"],
    }


@pytest.mark.parametrize("nodes", [1, 2])
def test_both_sdks_send_the_same_job(
    recorder: Recorder, v1: Any, v2: Any, taken: snapshots.Snapshot, nodes: int
) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    job = jobs.train("20261120-job", "door", taken.digest, ("scratch",), nodes)
    local = {path: (taken.folder / path).read_bytes() for path, _ in taken.files}

    handle = AzureML(v1, "cpu").submit(job, taken.folder)
    assert handle == f"door/{job.job_id}"
    first, files = essence_v1(recorder), sent(recorder)
    assert files == local

    recorder.requests.clear()
    assert Azure(v2, "cpu").submit(job, taken.folder) == job.job_id
    second, files = essence_v2(recorder), sent(recorder)
    assert {path.split("/", 1)[-1] if "snapshot/" in path else path: data for path, data in files.items()} == local
    assert first == second
    assert first["command"] == " ".join(job.command)
    assert first["nodes"] == nodes


def test_absent_compute_is_named_before_anything_is_sent(
    recorder: Recorder, v1: Any, v2: Any, taken: snapshots.Snapshot
) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    job = jobs.train("20261120-job", "door", taken.digest)
    for target in (AzureML(v1, "absent"), Azure(v2, "absent")):
        with pytest.raises(DentlineError, match=r"absent.*create it, or name another"):
            target.submit(job, taken.folder)
    assert not recorder.find("PUT", ".") and not recorder.find("POST", "/snapshotrun$")


@pytest.mark.parametrize(
    ("said", "meant"), [("Completed", "completed"), ("Preparing", "queued"), ("Running", "running")]
)
def test_status_is_told_in_one_vocabulary(recorder: Recorder, v1: Any, said: str, meant: str) -> None:
    from training.targets.azureml import AzureML

    recorder.status = said
    assert AzureML(v1, "cpu").status("door/20261120-job") == meant


def test_job_yaml_reads_back_through_the_loader_and_a_bad_field_is_refused(taken: snapshots.Snapshot) -> None:
    from training.targets import azure

    job = Job("20261120-job", "door", ("train", "project"), taken.digest, nodes=3)
    path = azure.write(job, taken.folder, "cpu")
    loaded = azure.load(path)
    assert (loaded.command, loaded.compute, loaded.resources.instance_count) == (" ".join(job.command), "cpu", 3)
    path.write_text(json.dumps({**json.loads(path.read_text()), "comand": "x"}))
    with pytest.raises(DentlineError, match="comand"):
        azure.load(path)


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
