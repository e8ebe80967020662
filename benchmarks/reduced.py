"""What reading a JPEG at a reduced scale changes: the score of a small network of whole photos, by scale.

``python -m benchmarks.reduced [--parts 60]``

Generated photos of small and large parts, a megapixel each; a network learns which is which from two thirds of the
parts, read in full, and scores the rest read in full and reduced. It sees 112 x 112; ``least`` is how many times that a
photo is still decoded at, at least. ``dentline`` takes 2. Takes about half a CPU-minute.
"""

import argparse
import os
import time

import numpy as np

from benchmarks.pixel_stages import megapixel
from dentline import images, prepare
from samples import parts

SIDE_PX = 112
LEAST = (1, 2, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=60)
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    shot = list(parts.photos(given.parts, 2, 0))
    rng = np.random.default_rng(0)
    data = [megapixel(rng, one) for one in shot]
    large = np.array([len(one.points) > 0 for one in shot], np.float32)
    calls = prepare.parse([f"resize(width_px={SIDE_PX}, height_px={SIDE_PX})"])
    seen = {0: np.stack([prepare.prepare(images.decode(one), calls).array for one in data])}
    cost_ms = {}
    for times in LEAST:
        size = (times * SIDE_PX, times * SIDE_PX)
        seen[times] = np.stack([prepare.prepare(images.decode(one, least=size), calls).array for one in data])
        began = time.process_time()
        for one in data:
            images.decode(one, least=size)
        cost_ms[times] = (time.process_time() - began) / len(data) * 1e3
    learnt = np.arange(len(shot)) < len(shot) * 2 // 3
    keras.utils.set_random_seed(0)
    given_to = keras.Input((SIDE_PX, SIDE_PX, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(given_to)
    for filters in (16, 32, 64, 96):
        x = keras.layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    x = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(given_to, x)
    model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy")
    model.fit(seen[0][learnt], large[learnt], epochs=25, batch_size=16, verbose=0)
    p = {times: np.asarray(model(inputs[~learnt]))[:, 0] for times, inputs in seen.items()}
    right = float(np.mean((p[0] >= 0.5) == large[~learnt]))
    print(f"{int((~learnt).sum())} photos of parts not learnt from, {right:.0%} right when read in full")
    for times in LEAST:
        off = np.abs(p[times] - p[0])
        grey = np.abs(seen[times].astype(int) - seen[0]).mean()
        changed = int(np.sum((p[times] >= 0.5) != (p[0] >= 0.5)))
        print(
            f"least {times} x {SIDE_PX} px: p off by {np.median(off):.5f} at the median, {off.max():.5f} at most, "
            f"{changed} verdicts changed; pixels off by {grey:.2f} grey levels; "
            f"{cost_ms[times]:.2f} CPU ms to decode"
        )


if __name__ == "__main__":
    main()
