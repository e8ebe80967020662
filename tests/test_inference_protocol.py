import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from dentline import images
from deployment import records
from tests.serving import Service, project, running
from tests.test_door import CLEAN, DENTED, b64

PATH = "/v2/models/panels/infer"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(project(tmp_path_factory.mktemp("v2") / "project")) as started:
        yield started


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as opened:
        yield opened


def inputs(datatype: str, shape: list[int], **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "image", "datatype": datatype, "shape": shape, **more}]}


def outputs(told: dict[str, Any]) -> dict[str, Any]:
    return {output["name"]: (output["shape"], output["data"]) for output in told["outputs"]}


def test_health_and_metadata(client: httpx.Client) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/panels/ready", "/v2", "/v2/models/panels"):
        assert client.get(path).status_code == 200, path
    told = client.get("/v2/models/panels").json()
    assert (told["name"], told["versions"]) == ("panels", ["one"])
    assert client.get("/v2/models/doors").json()["error"]["code"] == "not_found"
    assert client.get("/v2/models/doors/ready").status_code == 404


def test_files_and_pixels_score_as_at_the_other_door(client: httpx.Client) -> None:
    posted = client.post("/score", content=DENTED, headers={"content-type": "image/png"}).json()
    told = client.post(PATH, json={"id": "job-1", **inputs("BYTES", [2], data=[b64(DENTED), b64(CLEAN)])}).json()
    assert (told["model_name"], told["model_version"], told["id"]) == ("panels", "one", "job-1")
    found = outputs(told)
    assert found["p"][1][0] == posted["p"]
    assert found["verdict"] == ([2], ["defect", "ok"])
    (defect,) = posted["photos"][0]["defects"]
    assert found["defects"] == ([1, 4], [0.0, defect["x"], defect["y"], defect["p"]])
    pixels = images.decode(DENTED)
    flat = client.post(PATH, json=inputs("UINT8", list(pixels.shape), data=pixels.reshape(-1).tolist())).json()
    assert outputs(flat)["p"][1] == [posted["p"]]


def test_binary_tensors(client: httpx.Client) -> None:
    posted = client.post("/score", content=DENTED, headers={"content-type": "image/png"}).json()
    files = b"".join(len(one).to_bytes(4, "little") + one for one in (CLEAN, DENTED))
    pixels = images.decode(DENTED)
    for datatype, shape, binary in (("BYTES", [2], files), ("UINT8", [1, *pixels.shape], pixels.tobytes())):
        asked = inputs(datatype, shape, parameters={"binary_data_size": len(binary)})
        head = json.dumps({**asked, "parameters": {"binary_data_output": True}}).encode()
        answer = client.post(PATH, content=head + binary, headers={"inference-header-content-length": str(len(head))})
        assert answer.status_code == 200, answer.text
        n_head = int(answer.headers["inference-header-content-length"])
        told, rest = json.loads(answer.content[:n_head]), answer.content[n_head:]
        sizes = [output["parameters"]["binary_data_size"] for output in told["outputs"]]
        assert sum(sizes) == len(rest)
        p = np.frombuffer(rest[: sizes[0]], "<f4")
        assert float(p[-1]) == posted["p"]


def test_answers_are_stored(client: httpx.Client, service: Service) -> None:
    client.post(PATH, json=inputs("BYTES", [1], data=[b64(DENTED)]), headers={"x-request-id": "job-v2"})
    row = records.open_for_reading(service.log.parent / "scores.db").execute(
        "SELECT door, verdict FROM score WHERE request_id = 'job-v2'"
    )
    assert row.fetchone() == ("v2", "defect")


BAD: dict[str, Any] = {
    "nothing": {},
    "two inputs": {"inputs": [{}, {}]},
    "input is a number": {"inputs": [7]},
    "other name": {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": [b64(DENTED)]}]},
    "no shape": {"inputs": [{"name": "image", "datatype": "BYTES", "data": [b64(DENTED)]}]},
    "negative shape": inputs("UINT8", [-1, 64, 3], data=[]),
    "boolean shape": inputs("BYTES", [True], data=[b64(DENTED)]),
    "huge shape": inputs("UINT8", [99999, 99999, 3], data=[]),
    "huge batch": inputs("UINT8", [10**8, 64, 64, 3], data=[]),
    "floats": inputs("FP32", [64, 64, 3], data=[0.5]),
    "float data": inputs("UINT8", [64, 64, 3], data=[0.5] * (64 * 64 * 3)),
    "too large": inputs("UINT8", [64, 64, 3], data=[256] * (64 * 64 * 3)),
    "too few": inputs("UINT8", [64, 64, 3], data=[1] * 7),
    "ragged": inputs("UINT8", [64, 64, 3], data=[[1], [1, 2]]),
    "texts": inputs("UINT8", [64, 64, 3], data=["a"]),
    "no data": inputs("BYTES", [1]),
    "not base64": inputs("BYTES", [1], data=["@"]),
    "small": inputs("UINT8", [8, 8, 3], data=[1] * 192),
    "binary that is not there": inputs("BYTES", [1], parameters={"binary_data_size": 50}),
    "junk binary size": inputs("BYTES", [1], parameters={"binary_data_size": "x"}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_get_a_4xx(client: httpx.Client, name: str) -> None:
    answer = client.post(PATH, json=BAD[name])
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "request_id"}


@pytest.mark.parametrize("header", ["-1", "x", "99999999", "1e3", "²"])
def test_bad_lengths_get_a_4xx(client: httpx.Client, header: str) -> None:
    answer = client.post(PATH, content=b"{}", headers={b"inference-header-content-length": header.encode()})
    assert answer.status_code == 400, answer.text
