"""The usual score.py: JSON with base64, OpenCV, ONNX Runtime as it comes. Started by benchmarks.serving."""

import base64
import json
import os

import cv2
import numpy as np
import onnxruntime

session: onnxruntime.InferenceSession


def init() -> None:
    """Load the model."""
    global session
    session = onnxruntime.InferenceSession(os.environ["PEER_ONNX"])


def run(raw_data: str) -> dict[str, float]:
    """Answer one request."""
    data = base64.b64decode(json.loads(raw_data)["image"])
    photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if photo is None:
        raise ValueError("not a picture")
    small = cv2.resize(photo, (112, 112), interpolation=cv2.INTER_AREA)
    return {"p": float(session.run(["p"], {"image": small[None]})[0].reshape(-1)[0])}
