"""A job as both SDKs send it, byte for byte: submitted, asked after, cancelled, fetched."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dentline.errors import DentlineError
from tests.wire.recorder import Recorder, sent
from training import job as jobs
from training import snapshot as snapshots
from training.job import Job

pytestmark = pytest.mark.filterwarnings("ignore:::azure", "ignore:::azureml", "ignore:::marshmallow")


def essence_v1(recorder: Recorder) -> dict[str, Any]:
    body = recorder.one("POST", "/snapshotrun$").json["Configuration"]
    python = body["environment"]["python"]["condaDependencies"]
    return {
        "command": " ".join(body["command"]) if isinstance(body["command"], list) else body["command"],
        "conda": python["dependencies"],
        "image": body["environment"]["docker"]["baseImage"],
        "compute": body["target"],
        "nodes": body["nodeCount"],
        "workers": body["tensorflow"]["workerCount"] if body["framework"] == "TensorFlow" else 1,
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
        "workers": (body.get("distribution") or {"workerCount": 1})["workerCount"],
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
    assert first["workers"] == nodes


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
def test_status_is_told_in_one_vocabulary(recorder: Recorder, v1: Any, v2: Any, said: str, meant: str) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    recorder.status = said
    assert Azure(v2, "cpu").status("20261120-job") == meant
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


def test_cancelling_asks_the_service_for_the_job(recorder: Recorder, v1: Any, v2: Any) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    AzureML(v1, "cpu").cancel("door/20261120-job")
    assert b"cancel" in recorder.one("POST", "/experiments/door/runs/20261120-job/events$").body.lower()
    Azure(v2, "cpu").cancel("20261120-job")
    assert recorder.one("POST", "/jobs/20261120-job/cancel$")


MODEL = "20261120-101112-scratch/bundle/model.onnx"


def test_outputs_of_a_job_come_back_alike(recorder: Recorder, v1: Any, v2: Any, tmp_path: Path) -> None:
    from training.targets.azure import Azure
    from training.targets.azureml import AzureML

    of_v2 = "ExperimentRun/dcid.20261120-job"
    recorder.held = dict.fromkeys((f"outputs/{MODEL}", f"{of_v2}/outputs/{MODEL}", f"{of_v2}/logs/a.txt"), b"onnx")
    AzureML(v1, "cpu").download("door/20261120-job", tmp_path / "v1")
    assert recorder.one("GET", "/prefix/contentinfo/ExperimentRun/data/outputs/$")
    Azure(v2, "cpu").download("20261120-job", tmp_path / "v2")
    for folder in (tmp_path / "v1", tmp_path / "v2"):
        assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == [MODEL]
        assert (folder / MODEL).read_bytes() == b"onnx"
