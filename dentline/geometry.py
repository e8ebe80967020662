"""The sizes a patch has, in pixels, wherever it is cut, varied, trained on or scanned.

::

    |<------------------ CONTEXT_PX 160 ------------------>|   kept on disk: any rotation of the
    |      |<------------ FIELD_PX 112 ----------->|       |   field still finds real pixels
    |      |   HALO_PX 24  |<- PATCH_PX 64 ->|  24 |       |   what a network sees
"""

PATCH_PX = 64
"""Side of the patch a person sees and that is labelled."""

HALO_PX = 24
"""Real surroundings a network sees on each side of a patch.

VGG16 up to ``block3_pool`` reaches 18 px beyond a cell; 24 is the next multiple of STRIDE_PX. With
it, the score of a patch is the same whether cut alone or met in a scan of the whole photo.
"""

FIELD_PX = PATCH_PX + 2 * HALO_PX
"""Side of the square a network takes for one patch."""

STRIDE_PX = 8
"""Distance between two neighbouring places of a scan: the stride of ``block3_pool``."""

CONTEXT_PX = 160
"""Side of the square kept for each patch: FIELD_PX times the square root of 2 is 158.4."""
