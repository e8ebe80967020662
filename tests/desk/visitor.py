"""A visitor of the labeling page's server, without a browser."""

from typing import Any

import httpx

from labeling.annotation import Annotation
from labeling.desk import Desk


class Client(httpx.Client):
    """A visitor of the page's server, who may call it by any host name."""

    def __init__(self, address: str, host: str = "") -> None:
        once = httpx.Limits(max_keepalive_connections=0)
        super().__init__(base_url=address, headers={"Host": host} if host else None, limits=once)


def save(client: Client, photo_id: str, *points: tuple[float, float], revision: int = 0, **over: Any) -> Any:
    message = {
        "photo_id": photo_id,
        "centers": [{"x": x, "y": y} for x, y in points],
        "status": "marked" if points else "clean",
        "annotator": "Ada",
        "expected_revision": revision,
        **over,
    }
    return client.post("/api/save", json=message)


def here(client: Client, session_id: str, annotator: str, photo_id: str = "", since: int = 0) -> Any:
    message = {"session_id": session_id, "annotator": annotator, "photo_id": photo_id, "since": since}
    answer = client.post("/api/here", json=message)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(desk: Desk, photo_id: str) -> Annotation:
    annotation = desk.store.get(photo_id)
    assert annotation is not None
    return annotation


def problem(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id"} and error["code"] == code
    assert answer.headers["X-Request-Id"] == error["request_id"]
    return str(error["message"])
