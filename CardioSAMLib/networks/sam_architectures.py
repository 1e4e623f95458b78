"""What is known of the networks of the SAM paper without building one; this file needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

PATCH_PX = 16
EMBEDDING_WIDTH = 256

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_DEVIATION = (58.395, 57.12, 57.375)
"""Of red, green and blue in 0 to 255: what Meta's weights expect their images to be normalized by."""


@dataclass(frozen=True)
class SamArchitecture:
    """An image encoder of the SAM paper (Kirillov 2023); prompt encoder and mask decoder are the same in all.

    global_blocks: numbers of the blocks whose attention spans the whole image; that of the others, a window.
    """

    id: str
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]


ARCHITECTURES = (
    SamArchitecture("vit_b", 768, 12, 12, (2, 5, 8, 11)),
    SamArchitecture("vit_l", 1024, 24, 16, (5, 11, 17, 23)),
    SamArchitecture("vit_h", 1280, 32, 16, (7, 15, 23, 31)),
)
