"""A project with one run, whose answers each test records."""

import json
from pathlib import Path

import pytest

from dentline.workspace import Workspace
from tests.export.project import RUN

METRICS = {
    "test": {
        "auc": {"value": 0.99, "low": 0.97, "high": 1.0, "n": 40},
        "f1": {"value": 0.9, "low": float("nan"), "high": 1.0, "n": 40},
        "threshold": 0.4,
        "confusion": {"tp": 9, "fp": 1, "fn": 1, "tn": 29},
        "roc": {"x": [0.0, 0.1, 1.0], "y": [0.0, 0.9, 1.0]},
        "pr": {"x": [0.0, 1.0], "y": [1.0, 0.3]},
    }
}


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "my-part")
    run = workspace.run(RUN)
    run.mkdir(parents=True)
    (run / "metrics.json").write_text(json.dumps(METRICS))
    (run / "run.json").write_text(json.dumps({"model": "vgg16", "weights": "imagenet"}))
    (run / "history.csv").write_text("epoch,loss,val_loss\n1,0.9,1.0\n2,0.5,0.6\n")
    return workspace
