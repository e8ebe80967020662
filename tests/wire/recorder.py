"""A recorder on loopback that the real Azure SDKs talk to: it keeps each request and answers as the service would."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests import blobs

EMPTY = "00000000-0000-0000-0000-000000000000"
BLOB = "https://account.blob.core.windows.net/container"
STORED = {"etag": '"1"', "last-modified": "Fri, 20 Nov 2026 00:00:00 GMT"}
SECURE = "https://services"
"""Where SDK v2 believes the services are: it sends its token to nothing else."""

SERVICES = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    range: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Recorder:
    """Every request so far, the address they come to, and the blobs that can be fetched."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: str = "Completed"
    held: dict[str, bytes] = field(default_factory=dict)

    def find(self, method: str, pattern: str) -> list[Request]:
        return [r for r in self.requests if r.method == method and re.search(pattern, r.path)]

    def one(self, method: str, pattern: str) -> Request:
        found = self.find(method, pattern)
        assert len(found) == 1, [(r.method, r.path) for r in self.requests]
        return found[0]

    def answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        path = request.path
        if path.startswith("/discovery"):
            return 200, {}, dict.fromkeys(SERVICES, SECURE if path.endswith("/v2") else self.url)
        for pattern, made in ANSWERS:
            found = re.search(pattern, path)
            if found and (made_answer := made(self, request, found)) is not None:
                return made_answer
        if request.method == "PUT" and "/container/" in path:
            return (
                200 if "comp" in request.query else 201,
                {"etag": '"1"', "last-modified": "Fri, 20 Nov 2026 00:00:00 GMT"},
                None,
            )
        if request.method == "PUT":
            return 200, {}, {"id": path, "name": path.rsplit("/", 1)[-1], **(request.json if request.body else {})}
        return 200, {}, {"value": []}


def _job(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any] | None:
    if request.method != "GET":
        return None
    properties = {"jobType": "Command", "command": "x", "environmentId": "e", "status": recorder.status}
    return 200, {}, {"id": request.path, "name": found[1], "properties": properties | {"experimentName": "door"}}


def _blob(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any] | None:
    if request.method != "GET":
        return None
    return blobs.answer(recorder.held, found[1] or "", request.query, request.range)


def _latest(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    root = {"name": "", "hash": None, "type": "Directory", "timestamp": "2026-01-01T00:00:00+00:00"}
    return 200, {}, {"id": EMPTY, "root": {**root, "children": {}}}


def _blobs(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    nodes = [{"fullName": n, "blobUri": f"{recorder.url}/container/{n}"} for n in request.json["FileNames"]]
    return 200, {}, {"fileNodes": nodes}


def _run(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    run_id = request.query["runId"][0] if "runId" in request.query else found[1]
    record = {"runId": run_id, "rootRunId": run_id, "runNumber": 1, "experimentId": "e", "status": recorder.status}
    record["dataContainerId"] = "data"
    return 200, {}, record


def _experiment(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"name": found[1], "experimentId": "e"}


def _pending(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    credential = {"credentialType": "SAS", "sasUri": f"{BLOB}?sig=fake"}
    reference = {"blobUri": BLOB, "storageAccountArmId": "account", "credential": credential}
    return 200, {}, {"blobReferenceForConsumption": reference, "pendingUploadType": "TemporaryBlobReference"}


def _compute(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    if found[1] == "absent":
        return 404, {}, {"error": {"code": "NotFound", "message": "no such compute"}}
    return (
        200,
        {},
        {"id": request.path, "name": found[1], "location": "westeurope", "tags": None, "properties": CLUSTER},
    )


CLUSTER = {
    "computeType": "AmlCompute",
    "isAttachedCompute": False,
    "provisioningState": "Creating",
    "provisioningErrors": None,
    "description": "",
    "resourceId": None,
    "createdOn": "2026-01-01T00:00:00Z",
    "modifiedOn": "2026-01-01T00:00:00Z",
    "properties": {
        "vmPriority": "Dedicated",
        "subnet": None,
        "vmSize": "STANDARD_D2_V2",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT120S"},
    },
}
"""What the service says of a cluster."""


def _datastore(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": "account",
        "containerName": "container",
        "endpoint": "core.windows.net",
        "protocol": "https",
        "isDefault": True,
        "credentials": {"credentialsType": "Sas"},
    }
    return 200, {}, {"id": request.path, "name": "workspaceblobstore", "properties": properties}


def _secrets(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"secretsType": "Sas", "sasToken": "sig=fake"}


def _model(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any] | None:
    if request.method != "PUT":
        return None
    properties = {"flavors": {}, **request.json["properties"]}
    return 200, {}, {"id": request.path, "name": found[1], "properties": properties}


def _container(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"id": request.path, "name": found[1], "properties": {"nextVersion": "1"}}


def _endpoint(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any] | None:
    if request.method == "GET":
        stored = recorder.find("PUT", re.escape(request.path))
        return (200, {}, _stored(recorder, stored[-1])) if stored else (404, {}, {"error": {"code": "NotFound"}})
    return 200, {}, _stored(recorder, request)


def _stored(recorder: Recorder, request: Request) -> dict[str, Any]:
    body = request.json
    answer: dict[str, Any] = {"provisioningState": "Succeeded", "scoringUri": f"{recorder.url}/score"}
    name = request.path.rsplit("/", 1)[-1]
    if "/onlineEndpoints/" in request.path and "/deployments/" in request.path:
        answer["scaleSettings"] = {"scaleType": "Default"}
    return {"id": request.path, "name": name, **body, "properties": {**body["properties"], **answer}}


def _files(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    path = "outputs/20261120-101112-scratch/bundle/model.onnx"
    content = {"path": path, "artifactId": "a", "contentUri": f"{recorder.url}/container/{path}"}
    return 200, {}, {"value": [content]}


def _asset(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"id": "asset", "name": "door", "artifacts": []}


def _registered(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {**request.json, "id": "door:1", "version": 1, "createdTime": "2026-11-20T00:00:00Z"}


def _workspace(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    properties = {"discoveryUrl": f"{SECURE}/discovery/v2", "workspaceId": "id"}
    return 200, {}, {"id": request.path, "name": found[1], "location": "westeurope", "properties": properties}


def _rundata(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"runMetadata": {"runId": "run", "outputs": {}}}


def _datastores(recorder: Recorder, request: Request, found: re.Match[str]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"value": [_datastore(recorder, request, found)[2]]}


ANSWERS = [
    (r"/datastores$", _datastores),
    (r"/rundata$", _rundata),
    (r"/workspaces/([^/]+)$", _workspace),
    (r"^/container(?:/(.+))?$", _blob),
    (r"/jobs/([^/]+)$", _job),
    (r"/artifact/.*/prefix/contentinfo/", _files),
    (r"/assets$", _asset),
    (r"/modelmanagement/.*/models$", _registered),
    (r"/snapshots/latest/metadata$", _latest),
    (r"/snapshots/getblob$", _blobs),
    (r"/snapshotrun$", _run),
    (r"/runs/([^/]+)/?(?:details)?$", _run),
    (r"/history/.*/experiments/([^/]+)$", _experiment),
    (r"/startPendingUpload$", _pending),
    (r"/computes/([^/]+)$", _compute),
    (r"/datastores/[^/]+$", _datastore),
    (r"/listSecrets$", _secrets),
    (r"/models/[^/]+/versions/([^/]+)$", _model),
    (r"/(?:models|environments|codes)/([^/]+)$", _container),
    (r"/schedules/[^/]+$", _endpoint),
    (r"/(?:online|batch)Endpoints/[^/]+(?:/deployments/[^/]+)?$", _endpoint),
]


@contextmanager
def recording() -> Iterator[Recorder]:
    """Serve a recorder on a free port of loopback."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            wanted = self.headers.get("x-ms-range", "")
            request = Request(self.command, parts.path, parse_qs(parts.query), body, wanted)
            recorder.requests.append(request)
            status, headers, answer = recorder.answer(request)
            data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            headers = {"content-type": "application/json", "content-length": str(len(data)), **headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sent(recorder: Recorder) -> dict[str, bytes]:
    """Every uploaded file by its path in the snapshot."""
    uploads = [r for r in recorder.find("PUT", "/container/") if "comp" not in r.query]
    return {r.path.split("/container/")[1].split("LocalUpload/")[-1]: r.body for r in uploads}
