"""The usual service: FastAPI, Pillow and model.predict. Started by benchmarks.serving."""

import io
import os

import keras
import numpy as np
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()
model = keras.models.load_model(os.environ["PEER_MODEL"])


@app.post("/score")
async def score(image: UploadFile) -> dict[str, float]:
    """Answer one multipart upload."""
    photo = Image.open(io.BytesIO(await image.read())).convert("RGB").resize((112, 112), Image.Resampling.BOX)
    return {"p": float(model.predict(np.asarray(photo)[None], verbose=0).reshape(-1)[0])}
