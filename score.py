"""Azure's door to the scorer: ``init()`` once, ``run()`` for each request.

Run it here as Azure does: ``AZUREML_MODEL_DIR=runs/RUN/bundle azmlinfsrv --entry_script score.py``.
"""

import json
import tempfile
from pathlib import Path

from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

from deployment import bundle, door, settings
from deployment.records import Records
from deployment.scorer import Scorer

_SETTINGS = settings.Settings()
_SCORER: Scorer
_RECORDS: Records


def init() -> None:
    """Load the model of AZUREML_MODEL_DIR (or DENTLINE_MODEL), and replay its golden pictures."""
    global _SETTINGS, _SCORER, _RECORDS
    _SETTINGS = settings.read()
    folder = _SETTINGS.model or bundle.find(settings.azure_model_folder())
    _SCORER = Scorer(bundle.load(folder), _SETTINGS.limits)
    worst = _SCORER.setup()
    _RECORDS = Records(_SETTINGS.scores or Path(tempfile.gettempdir()) / "dentline" / "scores.db", _SETTINGS.durability)
    print(f"dentline: serving {_SCORER.model_id}, golden pictures within {worst:.1e}, scores in {_RECORDS.path}")


@rawhttp
def run(request: AMLRequest) -> AMLResponse:
    """Answer one request as ``POST /score`` of the service does."""
    request_id = door.request_id(request.headers.get("x-request-id"))
    if request.method != "POST":
        reply = door.fault("method_not_allowed", "request: send POST", request_id)
    elif (request.content_length or 0) > _SETTINGS.max_body_bytes:
        reply = door.fault(
            "too_large", f"request: has {request.content_length} bytes; at most {_SETTINGS.max_body_bytes}", request_id
        )
    else:
        reply = door.handle(
            _SCORER,
            _RECORDS,
            request.headers.get("content-type", ""),
            request.get_data(cache=False),
            request.args.items(multi=True),
            request_id,
            "azure",
        )
    headers = {"Content-Type": "application/json", "x-request-id": request_id}
    return AMLResponse(json.dumps(reply.payload), reply.status, headers)
