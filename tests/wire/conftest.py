"""The real Azure SDKs, v1 and v2, against a recorder on loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.wire.recorder import Recorder, recording
from training import snapshot as snapshots


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
