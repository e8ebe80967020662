"""Jobs of networks: dense scan, features, the linear head, training."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Stage, Way, same_arrays
from benchmarks.pixel_stages import texture
from dentline.geometry import FIELD_PX


def dense_scan(folder: Path, rng: np.random.Generator) -> Stage:
    """Every place of a 960 x 960 photo at stride 8, beside one window after the other."""
    from benchmarks.vgg_maps import patch_model
    from deployment.engine import OnnxEngine
    from deployment.scan import probabilities
    from labeling.patches import continued

    engine = OnnxEngine(patch_model(rng))
    photo = texture(rng, 960, 960)
    n_places = 121 * 121
    some = [(int(i) * 8, int(j) * 8) for i, j in rng.integers(0, 121, (32, 2))]

    def windows() -> NDArray[np.float32]:
        half = FIELD_PX // 2
        index = [[continued(at - half, at + half, 960) for at in place] for place in some]
        return np.array([engine.run(photo[y[:, None], x][None])[0, 0, 0] for y, x in index], np.float32)

    def same() -> None:
        whole = probabilities(engine, photo)
        same_arrays(windows(), [("the scan", np.array([whole[y // 8, x // 8] for y, x in some]))], tolerance=1e-4)

    return Stage(
        "dense_scan",
        "place",
        Way("deployment.scan", lambda: probabilities(engine, photo), n_places),
        (Way("separate windows", windows, len(some)),),
        same,
        {"separate windows": 60},
    )


def features(folder: Path, rng: np.random.Generator) -> Stage:
    """Patches through VGG16 to block3_pool and its head, as ``train --precision auto`` exports it, beside Keras."""
    from deployment.engine import OnnxEngine
    from training import export, metrics, precision
    from training.fit import predict

    fields, label = _dents(rng, 128)
    learn, judge = slice(0, 64), slice(64, None)
    model = _vgg16(fields[learn], label[learn])
    floats = export.onnx(model)
    integers = precision.quantised(floats, fields[learn])
    assert integers is not None
    engines = {"int8": OnnxEngine(integers), "fp32": OnnxEngine(floats)}
    batch = fields[:32]

    def run(engine: OnnxEngine) -> NDArray[np.float32]:
        return np.concatenate([engine.run(batch[i : i + 8]) for i in range(0, len(batch), 8)])

    def same() -> None:
        plain = predict(model, fields[judge])
        p = {name: np.concatenate([engine.run(one[None]) for one in fields[judge]]) for name, engine in engines.items()}
        same_arrays(plain, [("fp32", p["fp32"].reshape(-1))], tolerance=1e-4)
        truth = label[judge].astype(bool)
        lost = float((metrics.auc(truth, plain) - metrics.auc(truth, p["int8"].reshape(-1).astype(float)))[0])
        assert lost <= precision.LARGEST_LOSS, f"int8 costs {lost} AUC"
        assert ((p["int8"].reshape(-1) >= 0.5) == (plain >= 0.5)).all(), "int8 changes a verdict"

    return Stage(
        "features",
        "patch",
        Way("ONNX Runtime in int8", lambda: run(engines["int8"]), len(batch)),
        (
            Way("model.predict", lambda: model.predict(batch, verbose=0), len(batch)),
            Way("ONNX Runtime in fp32", lambda: run(engines["fp32"]), len(batch)),
        ),
        same,
        {"model.predict": 3.8},
        ("its multiplications, as sgemm", Way("its multiplications, as sgemm", _multiplications)),
    )


def scan_int8(folder: Path, rng: np.random.Generator) -> Stage:
    """The dense scan with the model in int8, each place to the bit what its window alone gives."""
    from benchmarks.vgg_maps import patch_model
    from deployment.engine import OnnxEngine
    from deployment.scan import probabilities
    from labeling.patches import continued
    from training import precision

    floats = patch_model(rng)
    integers = precision.quantised(floats, np.stack([texture(rng, FIELD_PX, FIELD_PX) for _ in range(16)]))
    assert integers is not None
    engine, plain = OnnxEngine(integers), OnnxEngine(floats)
    photo = texture(rng, 640, 640)
    n_places = 81 * 81
    some = [(int(i) * 8, int(j) * 8) for i, j in rng.integers(0, 81, (16, 2))]

    def windows(by: OnnxEngine) -> NDArray[np.float32]:
        half = FIELD_PX // 2
        index = [[continued(at - half, at + half, 640) for at in place] for place in some]
        return np.array([by.run(photo[y[:, None], x][None])[0, 0, 0] for y, x in index], np.float32)

    def same() -> None:
        whole = probabilities(engine, photo)
        same_arrays(windows(engine), [("the scan", np.array([whole[y // 8, x // 8] for y, x in some]))], tolerance=1e-6)

    return Stage(
        "scan_int8",
        "place",
        Way("deployment.scan in int8", lambda: probabilities(engine, photo), n_places),
        (
            Way("separate windows in fp32", lambda: windows(plain), len(some)),
            Way("separate windows in int8", lambda: windows(engine), len(some)),
        ),
        same,
        {"separate windows in fp32": 110},
    )


def linear_head(folder: Path, rng: np.random.Generator) -> Stage:
    """Learning from 64 patches: features once and a linear head, beside 20 epochs of the whole network."""
    import keras

    from training import metrics
    from training.fit import predict
    from training.models import vgg16, weights

    fields, label = _dents(rng, 128)
    learn, judge, epochs = slice(0, 64), slice(64, None), 20
    whole = vgg16.with_head(vgg16.features(weights.resolve("surface").arrays), np.zeros(1536), 0.0)
    for layer in whole.layers:
        layer.trainable = True
    whole.compile(optimizer=keras.optimizers.Adam(1e-5), loss="binary_crossentropy")
    some, target = fields[:16], label[:16, None, None].astype(np.float32)

    def same() -> None:
        p = predict(_vgg16(fields[learn], label[learn]), fields[judge])
        reached = float(metrics.auc(label[judge].astype(bool), p)[0])
        assert reached > 0.99, f"the head reaches an AUC of {reached} on patches it did not learn from"

    return Stage(
        "linear_head",
        "patch learnt from",
        Way("features once, a linear head", lambda: _vgg16(fields[learn], label[learn]), 64),
        (
            Way(
                "the whole network, 20 epochs",
                lambda: whole.fit(some, target, batch_size=16, epochs=1, verbose=0),
                16 / epochs,
            ),
        ),
        same,
        {"the whole network, 20 epochs": 60},
    )


def training(folder: Path, rng: np.random.Generator) -> Stage:
    """One epoch of the small network from nothing, beside Keras' ``fit``; both in fp32."""
    import keras

    from training import nodes
    from training.models import scratch

    fields, label = _dents(rng, 240)
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        models.append(scratch.build(dropout=0.0))
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(models[0].trainable_variables)
    learn = nodes.step(nodes.join(), models[0], optimizer, keras.losses.binary_crossentropy)
    models[1].compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy")
    target = label[:, None, None].astype(np.float32)
    size = 48

    def ours() -> None:
        for i in range(0, len(fields), size):
            learn(fields[i : i + size], target[i : i + size, 0, 0])

    def fit() -> None:
        models[1].fit(fields, target, batch_size=size, epochs=1, shuffle=False, verbose=0)

    def same() -> None:
        ours()
        fit()
        same_arrays(np.asarray(models[1](fields[:32])), [("our step", np.asarray(models[0](fields[:32])))], 1e-3)

    peers = (Way("fit in fp32", fit, len(fields)),)
    return Stage("training", "patch", Way("our step in fp32", ours, len(fields)), peers, same, {"fit in fp32": 1.6})


_MULTIPLICATIONS = 1_257_900_000
"""Of VGG16 to block3_pool on a field of 112 px, valid convolutions on 100 px."""


def _multiplications() -> NDArray[np.float32]:
    """As many multiplications as the network needs for a patch, in one product of two matrices."""
    return _LEFT @ _RIGHT


_LEFT = np.full((1092, 1152), 0.5, np.float32)
_RIGHT = np.full((1152, _MULTIPLICATIONS // (1092 * 1152)), 0.5, np.float32)


def _dents(rng: np.random.Generator, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Return fields (n, 112, 112, 3) of a generated surface, every second with a shallow dent in its middle."""
    label = (np.arange(n) % 2).astype(np.int8)
    made = texture(rng, FIELD_PX * 4, FIELD_PX * 4).astype(np.float32) / 8 + 100
    rows, columns = np.mgrid[0:FIELD_PX, 0:FIELD_PX] - FIELD_PX / 2
    fields = np.empty((n, FIELD_PX, FIELD_PX, 3), np.uint8)
    for i in range(n):
        y, x = rng.integers(0, FIELD_PX * 3, 2)
        radius = rng.uniform(5, 9)
        dent = rng.uniform(15, 35) * np.exp(-(rows**2 + columns**2) / (2 * radius**2)) * label[i]
        fields[i] = made[y : y + FIELD_PX, x : x + FIELD_PX] - dent[..., None]
    return fields, label


def _vgg16(fields: NDArray[np.uint8], label: NDArray[np.int8]) -> Any:
    """Return the network with a head fitted on these fields, their features computed once."""
    from dentline.progress import silent
    from training import linear, trainers
    from training.models import vgg16, weights

    network = vgg16.features(weights.resolve("surface").arrays)
    head = linear.fit(trainers.features(network, fields, silent), label, 0.1)
    return vgg16.with_head(network, head.kernel, head.bias)
