"""From a map of 8 px cells to one answer a patch: pools over the patch, as valid poolings of the map."""

from typing import Any

from keras import layers

from dentline.geometry import PATCH_PX, STRIDE_PX

POOLS = ("mean", "max", "centre")


def pooled(cells: Any, stride_px: int, pools: tuple[str, ...]) -> Any:
    """Pool a map over each patch, one patch every STRIDE_PX.

    Args:
        cells: (N, h, w, c), a cell every `stride_px`, beginning at the first patch's corner.
        pools: ``mean`` and ``max`` over the patch; ``centre``: mean and maximum over the middle
            quarter of its side, where a dent's centre is: over the whole patch the mean drowns it.

    Returns:
        (N, places, places, c * (1, 2 for centre)) in the order of `pools`.
    """
    side, step = PATCH_PX // stride_px, STRIDE_PX // stride_px
    middle = side // 4
    found = []
    for pool in pools:
        if pool == "mean":
            found.append(layers.AveragePooling2D(side, step)(cells))
        elif pool == "max":
            found.append(layers.MaxPooling2D(side, step)(cells))
        else:
            core = layers.Cropping2D((side - middle) // 2)(cells)
            found += [layers.AveragePooling2D(middle, step)(core), layers.MaxPooling2D(middle, step)(core)]
    return layers.Concatenate()(found) if len(found) > 1 else found[0]
