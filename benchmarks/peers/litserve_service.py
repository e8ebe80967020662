"""The usual LitServe service: a multipart upload, Pillow, ONNX Runtime. Started by benchmarks.serving.

``python litserve_service.py PORT``
"""

import os
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime
from PIL import Image
from starlette.requests import Request


class Score(litserve.LitAPI):
    """One model, one endpoint."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.session: Any = onnxruntime.InferenceSession(os.environ["PEER_ONNX"])

    def decode_request(self, request: Request) -> Any:
        """Return the network's input of one upload; LitServe has read its form."""
        photo = Image.open(request["image"].file).convert("RGB").resize((112, 112), Image.Resampling.BOX)
        return np.asarray(photo)[None]

    def predict(self, x: Any) -> Any:
        """Return the network's answer."""
        return self.session.run(["p"], {"image": x})[0]

    def encode_response(self, output: Any) -> dict[str, float]:
        """Return the answer as JSON types."""
        return {"p": float(output.reshape(-1)[0])}


if __name__ == "__main__":
    litserve.LitServer(Score(api_path="/score"), accelerator="cpu", workers_per_device=1).run(
        port=int(sys.argv[1]), generate_client_file=False, log_level="error"
    )
