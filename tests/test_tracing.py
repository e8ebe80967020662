import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from deployment.tracing import Tracer
from tests.serving import project, running
from tests.test_door import CLEAN


def test_a_collector_gets_a_span_of_each_request(tmp_path: Path) -> None:
    received: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    try:
        with (
            running(project(tmp_path / "p"), otel_endpoint=f"http://127.0.0.1:{server.server_port}") as service,
            service.client() as own,
        ):
            own.post("/score", content=CLEAN, headers={"content-type": "image/png", "traceparent": parent})
            own.post("/score", content=b"", headers={"content-type": "image/png", "traceparent": "junk"})
            assert service.stop() == 0
    finally:
        server.shutdown()
        server.server_close()
    spans = [span for one in received for span in one["resourceSpans"][0]["scopeSpans"][0]["spans"]]
    scored = [span for span in spans if span["name"] == "POST /score"]
    assert next((s["traceId"], s.get("parentSpanId")) for s in scored) == ("ab" * 16, "cd" * 8)
    assert "parentSpanId" not in scored[1]
    statuses = [a["value"]["intValue"] for s in scored for a in s["attributes"] if a["key"].endswith("status_code")]
    assert statuses == ["200", "400"]
    assert all(int(s["startTimeUnixNano"]) < int(s["endTimeUnixNano"]) for s in scored)


def test_a_collector_that_is_gone_costs_nothing() -> None:
    tracer = Tracer("http://127.0.0.1:9")
    tracer.span("GET", "/", 200, 0.1, "r", None)
    tracer.close()
