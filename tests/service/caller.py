"""What every caller of the service in a test does."""

import httpx

PNG = {"content-type": "image/png"}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    payload = answer.json()
    assert set(payload) == {"error"}
    assert set(payload["error"]) == {"code", "message", "request_id"}
    assert payload["error"]["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, payload["error"]["code"]
