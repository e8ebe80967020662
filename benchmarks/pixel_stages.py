"""Jobs on pixels, each beside what a user would pick instead: variants, reading, a nail from bytes to verdict."""

import io
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from augmentation import dihedral
from benchmarks.harness import Stage, Way, same_arrays
from dentline import images, prepare
from dentline.geometry import CONTEXT_PX, FIELD_PX
from samples import album, parts


def variants(folder: Path, rng: np.random.Generator) -> Stage:
    """All 48 variants of a patch, from its context."""
    context = texture(rng, CONTEXT_PX, CONTEXT_PX)
    flips = (context, np.ascontiguousarray(context[:, ::-1]))
    middle = (CONTEXT_PX - 1) / 2
    corner = (CONTEXT_PX - FIELD_PX) / 2
    turns = []
    for k in range(dihedral.N_VARIANTS):
        turn = cv2.getRotationMatrix2D((middle, middle), dihedral.turn_deg(k), 1.0)
        turns.append(turn - np.array([[0, 0, corner], [0, 0, corner]]))

    def plain() -> NDArray[np.uint8]:
        made = [cv2.warpAffine(flips[dihedral.is_mirrored(k)], turns[k], (FIELD_PX, FIELD_PX)) for k in range(48)]
        return np.asarray(made, np.uint8)

    whole_turns = [
        cv2.getRotationMatrix2D((middle, middle), dihedral.turn_deg(k), 1.0) for k in range(dihedral.N_VARIANTS)
    ]

    def cropped() -> NDArray[np.uint8]:
        made = [cv2.warpAffine(flips[dihedral.is_mirrored(k)], whole_turns[k], context.shape[:2]) for k in range(48)]
        return np.asarray([one[24:-24, 24:-24] for one in made], np.uint8)

    def same() -> None:
        for name, way in (("straight to the field", plain), ("cropped", cropped)):
            off = np.abs(dihedral.variants(context).astype(int) - way())
            assert off.mean() < 1 and off.max() <= 16, (
                f"{name}: off by {off.mean():.2f} on average, {off.max()} at most"
            )

    out = np.empty((48, FIELD_PX, FIELD_PX, 3), np.uint8)
    padded, field = cv2.cvtColor(context, cv2.COLOR_RGB2RGBA), np.ascontiguousarray(context[24:-24, 24:-24])

    def least() -> None:
        for k in range(1, 6):
            cv2.warpAffine(padded, turns[k], (FIELD_PX, FIELD_PX))
        np.copyto(out, field)

    peers = [
        Way("a warpAffine a variant", plain),
        Way("a warpAffine of the context, cropped", cropped),
        *_albumentations(context),
        *_keras_layers(context),
    ]
    floors: dict[str, float] = {"a warpAffine a variant": 17, "a warpAffine of the context, cropped": 17}
    return Stage(
        "variants",
        "patch",
        Way("dihedral.variants", lambda: dihedral.variants(context, out=out)),
        tuple(peers),
        same,
        floors | {"albumentations": 50, "Keras preprocessing layers": 150},
        ("five warps and a copy", Way("five warps and a copy", least)),
    )


def reading(folder: Path, rng: np.random.Generator) -> Stage:
    """A JPEG of one megapixel from its bytes to RGB, in full."""
    data = _jpeg(rng)

    def same() -> None:
        same_arrays(images.decode(data), [("OpenCV in full", _opencv(data))])
        same_arrays(images.decode(data), [("Pillow", _pillow(data))], tolerance=8)

    peers = (Way("Pillow", lambda: _pillow(data)), Way("OpenCV in full", lambda: _opencv(data)))
    return Stage("reading", "photo", Way("images.decode", lambda: images.decode(data)), peers, same)


def reading_reduced(folder: Path, rng: np.random.Generator) -> Stage:
    """The same JPEG for a model of whole photos that shrinks it to 112 x 112: what training and serving read."""
    data = _jpeg(rng)
    calls = prepare.parse(["resize(width_px=112, height_px=112)"])
    least = prepare.least_size(calls)

    def same() -> None:
        full, reduced = (prepare.prepare(images.decode(data, least=size), calls).array for size in (None, least))
        off = np.abs(full.astype(int) - reduced)
        assert off.mean() < 1, f"the prepared picture is off by {off.mean():.2f} grey levels on average"

    return Stage(
        "reading_reduced",
        "photo",
        Way("images.decode, reduced", lambda: images.decode(data, least=least)),
        (Way("Pillow", lambda: _pillow(data)), Way("OpenCV in full", lambda: _opencv(data))),
        same,
        {"Pillow": 4, "OpenCV in full": 2},
        ("decoding to an eighth", Way("decoding to an eighth", lambda: images.decode(data, least=(100, 100)))),
    )


def nail(folder: Path, rng: np.random.Generator) -> Stage:
    """A photo of a nail, 1936 x 1216, from its bytes to the verdict: turned upright, measured, classified."""
    from benchmarks.nails import SHAPE
    from deployment.engine import OnnxEngine
    from deployment.prepared import PreparedEngine
    from samples import nails
    from training import measured

    shot = list(nails.photos(6, 2, int(rng.integers(1000))))
    data, bent = [photo.data for photo in shot], np.array([len(photo.points) for photo in shot])
    calls = prepare.parse(SHAPE)
    measures = np.stack([prepare.prepare(images.decode(one), calls).array for one in data])
    model = measured.fit(measures, bent.astype(np.float32), np.array([photo.part for photo in shot]))
    engine = PreparedEngine(OnnxEngine(measured.onnx_bytes(model)), SHAPE, "benchmark")

    def same() -> None:
        p = [float(engine.run(images.decode(one)[None]).reshape(-1)[0]) for one in data]
        same_arrays(model.p(measures), [("the engine", np.array(p))], tolerance=1e-5)

    one, other = cycle(data), cycle(data)
    return Stage(
        "nail",
        "photo",
        Way("bytes to verdict", lambda: engine.run(images.decode(next(one))[None])),
        (),
        same,
        {},
        ("decoding alone", Way("decoding alone", lambda: images.decode(next(other)))),
        at_most_us=2e6 / 150,
    )


def megapixel(rng: np.random.Generator, shot: album.Photo) -> bytes:
    """Return a generated photo as a camera of one megapixel gives it, noise and all: a JPEG of quality 90."""
    photo = cv2.resize(images.decode(shot.data), (1040, 960), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(photo + rng.normal(0, 3, photo.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def _jpeg(rng: np.random.Generator) -> bytes:
    return megapixel(rng, next(parts.photos(1, 1, int(rng.integers(1000)))))


def _pillow(data: bytes) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _opencv(data: bytes) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _albumentations(context: NDArray[np.uint8]) -> list[Way]:
    try:
        import albumentations
    except ImportError:
        return []
    turn = albumentations.Compose(
        [
            albumentations.Rotate((-180, 180), p=1),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.CenterCrop(FIELD_PX, FIELD_PX),
        ]
    )
    return [Way("albumentations", lambda: [turn(image=context)["image"] for _ in range(48)])]


def _keras_layers(context: NDArray[np.uint8]) -> list[Way]:
    try:
        import keras
    except ImportError:
        return []
    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(0.5),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.CenterCrop(FIELD_PX, FIELD_PX),
        ]
    )
    batch = np.repeat(context[None], 48, axis=0).astype(np.float32)
    return [Way("Keras preprocessing layers", lambda: layers(batch, training=True))]


def texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    noise = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)).astype(np.float32), (0, 0), 2.0)
    return np.clip(128 + 200 * noise, 0, 255).astype(np.uint8)
