"""Azure's batch door to the scorer: ``init()`` once a worker, ``run(mini_batch)`` for each list of files.

https://learn.microsoft.com/azure/machine-learning/how-to-batch-scoring-script
"""

import json
from collections.abc import Sequence
from pathlib import Path

from dentline.images import ImageError
from deployment import bundle, door, settings
from deployment.scorer import Scorer

_SCORER: Scorer


def init() -> None:
    """Load the model of AZUREML_MODEL_DIR (or DENTLINE_MODEL), and replay its golden pictures."""
    global _SCORER
    chosen = settings.read()
    _SCORER = Scorer(bundle.load(chosen.model or bundle.find(settings.azure_model_folder())), chosen.limits)
    _SCORER.setup()


def run(mini_batch: Sequence[str]) -> list[str]:
    """Return one line of JSON for each file: its answer, or the error that it is refused with.

    Azure appends the lines to the batch's one output file, so that a bad photo costs no other and is
    seen there.
    """
    return [_line(Path(path)) for path in mini_batch]


def _line(path: Path) -> str:
    request_id = door.request_id(None)
    try:
        answer, _ = _SCORER.answer(path.read_bytes(), request_id)
    except ImageError as error:
        return json.dumps({"photo_id": path.name, **door.refusal(error, request_id).payload})
    return json.dumps({"photo_id": path.name, "request_id": request_id, **_SCORER.encode(answer)})
