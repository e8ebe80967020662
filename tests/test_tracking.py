"""A run told to MLflow over the wire, or to the Azure ML run, and never to both."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dentline import recipe as recipes
from dentline.errors import DentlineError
from dentline.files import write_text
from training import tracking

RUN_ID = "20261120-101112-scratch"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run's files."""
    run = tmp_path / RUN_ID
    write_text(run / "recipe.toml", recipes.dumps(recipes.Recipe(name="doors")))
    record = {name: f"the {name}" for name in tracking.TAGS} | {"model": "scratch"}
    write_text(run / "run.json", json.dumps(record))
    write_text(run / "metrics.json", json.dumps({"test": {"auc": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 9}}}))
    write_text(run / "history.csv", "epoch,loss\n1,0.5\n2,0.25\n")
    return run


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "AZUREML_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """An MLflow server as far as a client of ours talks to it: its address, and the calls it got."""
    calls: list[tuple[str, Any]] = []
    (tmp_path / "artifacts").mkdir()
    info = {
        "run_id": "r1", "run_uuid": "r1", "experiment_id": "7", "status": "RUNNING", "start_time": 1000,
        "artifact_uri": (tmp_path / "artifacts").as_uri(), "lifecycle_stage": "active", "user_id": "u",
    }  # fmt: skip
    answers = {
        "experiments/create": {"experiment_id": "7"},
        "runs/create": {"run": {"info": info, "data": {}}},
        "runs/get": {"run": {"info": info, "data": {}}},
        "runs/update": {"run_info": info},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: Any) -> None:
            call = self.path.split("?")[0].split("/mlflow/")[-1]
            calls.append((call, body))
            missing = call == "experiments/get-by-name"
            content = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"} if missing else answers.get(call, {}))
            self.send_response(404 if missing else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}", calls
        made.shutdown()


@pytest.mark.filterwarnings("default")
def test_run_is_told_to_mlflow(
    folder: Path, server: tuple[str, list[tuple[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, calls = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    tracker = tracking.chosen()
    assert isinstance(tracker, tracking.Mlflow)
    tracker.tell(tracking.read(folder))
    (experiment,) = [body for call, body in calls if call == "experiments/create"]
    assert experiment["name"] == "doors"
    (created,) = [body for call, body in calls if call == "runs/create"]
    assert created["run_name"] == RUN_ID
    tags = {tag["key"]: tag["value"] for tag in created["tags"]}
    assert {name: tags[name] for name in tracking.TAGS} == {name: f"the {name}" for name in tracking.TAGS}
    batches = [body for call, body in calls if call == "runs/log-batch"]
    logged = {(m["key"], m["value"], m.get("step", 0)) for body in batches for m in body.get("metrics", [])}
    assert {("test.auc", 0.9, 0), ("test.auc.low", 0.8, 0), ("loss", 0.5, 1), ("loss", 0.25, 2)} <= logged
    parameters = {p["key"]: p["value"] for body in batches for p in body.get("params", [])}
    assert parameters["train.epochs"] == "40"
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == {*tracking.FILES, "environment.yml"}
    assert [body["status"] for call, body in calls if call == "runs/update"] == ["FINISHED"]


@pytest.mark.filterwarnings("default")
def test_run_inside_a_job_is_a_child_of_the_jobs_own(
    folder: Path, server: tuple[str, list[tuple[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, calls = server
    for name, value in (("TRACKING_URI", url), ("RUN_ID", "job"), ("EXPERIMENT_ID", "3")):
        monkeypatch.setenv(f"MLFLOW_{name}", value)
    tracking.Mlflow(url).tell(tracking.read(folder))
    (created,) = [body for call, body in calls if call == "runs/create"]
    assert created["experiment_id"] == "3"
    assert {"key": "mlflow.parentRunId", "value": "job"} in created["tags"]


class FakeRun:
    """What SDK v1's run is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def noted(*given: Any, **named: Any) -> "FakeRun":
            self.calls.append((name, *given, *named.items()))
            return self

        return noted


@pytest.mark.filterwarnings("default")
def test_run_is_told_to_the_azure_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from azureml import core

    for method in ("child_run", "set_tags", "log", "upload_file", "complete"):
        assert hasattr(core.Run, method)
    fake = FakeRun()
    monkeypatch.setattr(core.Run, "get_context", lambda allow_offline: fake)
    monkeypatch.setenv("AZUREML_RUN_ID", "job")
    tracker = tracking.chosen()
    assert isinstance(tracker, tracking.AzureRun)
    tracker.tell(tracking.read(folder))
    assert fake.calls[0] == ("child_run", RUN_ID)
    tags = next(call[1] for call in fake.calls if call[0] == "set_tags")
    assert tags["data_fingerprint"] == "the data_fingerprint" and tags["train.epochs"] == "40"
    assert ("log", "loss", 0.25, ("step", 2)) in fake.calls and ("log", "test.auc", 0.9) in fake.calls
    assert {call[1] for call in fake.calls if call[0] == "upload_file"} == {*tracking.FILES, "environment.yml"}
    assert fake.calls[-1] == ("complete",)


def test_one_place_is_chosen_and_never_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking.chosen() is None
    monkeypatch.setenv("AZUREML_RUN_ID", "job")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert isinstance(tracking.chosen(), tracking.Mlflow)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "azureml://somewhere")
    assert isinstance(tracking.chosen(), tracking.AzureRun), "MLflow cannot speak azureml:// without its plugin"
    monkeypatch.delenv("AZUREML_RUN_ID")
    with pytest.raises(DentlineError, match="MLFLOW_TRACKING_URI: is set but"):
        tracking.chosen()
