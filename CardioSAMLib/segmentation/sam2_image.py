"""What SAM 2 sees of a slice: the heart's region, gray levels, and the normalization of its weights.

The steps are those of the package's `SAM2ImagePredictor`: unlike SAM's, the image is stretched to a square, not padded.
"""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam_image import crop_of_window, shown_window

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def sam2_image(gray: Array, region: HeartBox | None, pixel_mm: tuple[float, float], size_px: int) -> ModelImage:
    """The image of one slice, gray levels uint8 `(rows, columns)`: of the region around the heart, or of all of it.

    Needs torch, as the predictor scales with it; its results are not those of Pillow.
    """
    import torch
    from torch.nn import functional

    first, window = shown_window((gray.shape[0], gray.shape[1]), pixel_mm, region)
    shown = np.ascontiguousarray(gray[first[0] : first[0] + window[0], first[1] : first[1] + window[1]])
    scaled = functional.interpolate(
        torch.from_numpy(shown.astype(np.float32) / np.float32(255))[None, None],
        (size_px, size_px),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    pixels = (scaled[0, 0].numpy()[None] - _MEAN[:, None, None]) / _STD[:, None, None]
    square = (size_px, size_px)
    return ModelImage(np.asarray(pixels, dtype=np.float32), crop_of_window(first, window, square, size_px), square)
