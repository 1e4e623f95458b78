"""The automatic segmenter: finds the heart, looks at crops of it, and draws on the native grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.crops import (
    Crop,
    crop_around,
    grown_size_px,
    normalize,
    put_back,
    take,
    with_neighbors,
)
from CardioSAMLib.labels import STORAGE, CineSegmentation, Provenance, Structure
from CardioSAMLib.progress import Progress, silent
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.anatomy import sensible_anatomy, without_doubtful_base
from CardioSAMLib.segmentation.locate import HeartBox, locate_heart
from CardioSAMLib.segmentation.noise import noise_share, smoothed, smoothing_px


class CropSegmenter:
    """A `Segmenter` made of a slice network: images `(batch, 3, size, size)` to class probabilities of that size."""

    def __init__(self, network: Callable[[Array], Array], card: ModelCard) -> None:
        self._network = network
        self._card = card

    def segment(
        self, cine: Cine, frames: Sequence[int], progress: Progress = silent, heart: HeartBox | None = None
    ) -> CineSegmentation:
        """See `Segmenter`. heart: where it lies; None has it found in the first of the frames.

        Noisy images are smoothed, which the provenance then says. Raises UnusableInput if no heart is found there, for
        no frame, and for one that the cine does not have.
        """
        progress(0.0, "finding the heart")
        ordered = sorted(set(frames))
        if not ordered or ordered[0] < 0 or ordered[-1] >= cine.frames:
            named = ", ".join(map(str, ordered)) or "none"
            raise UnusableInput(f"The frames to segment are {named}; choose some from 0 to {cine.frames - 1}.")
        first = cine.pixels[ordered[0]]
        sigma_px = smoothing_px(noise_share(first))
        crop = self._crop(cine, heart or self._located(cine, smoothed(first, sigma_px)))
        labels = np.zeros(cine.pixels.shape, dtype=np.uint8)
        for number, frame in enumerate(ordered):
            progress((1 + number) / (1 + len(ordered)), f"segmenting frame {frame + 1} of {cine.frames}")
            labels[frame] = self._segment_frame(smoothed(cine.pixels[frame], sigma_px), crop)
        settings = {"smoothing_px": f"{sigma_px:.2f}"} if sigma_px else {}
        provenance = Provenance(self._card.id, self._card.version, self._card.sha256, settings)
        return CineSegmentation(labels, tuple(ordered), provenance)

    def _located(self, cine: Cine, stack: Array) -> HeartBox:
        pixel_mm, size_px = cine.geometry.spacing_mm[:2], self._card.input_shape_px[0]
        return locate_heart(stack, pixel_mm, self._card.spacing_mm, size_px, self._network)

    def _crop(self, cine: Cine, box: HeartBox) -> Crop:
        """The crop around the heart, grown in steps the network can halve if the heart is larger than usual."""
        grid_mm, size_px = self._card.spacing_mm, self._card.input_shape_px[0]
        size_px = grown_size_px(box.needed_mm, grid_mm, size_px)
        return crop_around(box.center_px, cine.geometry.spacing_mm[:2], grid_mm, size_px)

    def _segment_frame(self, stack: Array, crop: Crop) -> Array:
        crops = normalize(np.stack([take(plane, crop) for plane in stack]))
        probabilities = self._probabilities(with_neighbors(crops))
        labels = np.zeros(stack.shape, dtype=np.uint8)
        right = np.zeros(stack.shape, dtype=np.float32)
        for plane, certainty, values in zip(labels, right, probabilities, strict=True):
            window, native = put_back(values, crop, (stack.shape[1], stack.shape[2]))
            plane[window] = native.argmax(axis=0)
            certainty[window] = native[STORAGE.value_of(Structure.RV)]
        return without_doubtful_base(sensible_anatomy(labels), right)

    def _probabilities(self, images: Array) -> Array:
        """Of the images as they are; where the network knows transposed ones, too, the mean of both views: more of them
        cost time and gained little on validation (docs/decisions/0004, 0014)."""
        probabilities = self._network(images)
        if not self._card.transposable:
            return probabilities
        return np.asarray((probabilities + self._network(images.swapaxes(2, 3)).swapaxes(2, 3)) / 2.0)
