"""The usual BentoML service: a multipart upload, Pillow, ONNX Runtime. Started by benchmarks.serving."""

import os
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import onnxruntime
from PIL import Image


@bentoml.service(workers=1)
class Score:
    """One model, one endpoint."""

    def __init__(self) -> None:
        self.session: Any = onnxruntime.InferenceSession(os.environ["PEER_ONNX"])

    @bentoml.api
    def score(self, image: Path) -> dict[str, float]:
        """Answer one multipart upload."""
        photo = Image.open(image).convert("RGB").resize((112, 112), Image.Resampling.BOX)
        return {"p": float(self.session.run(["p"], {"image": np.asarray(photo)[None]})[0].reshape(-1)[0])}
