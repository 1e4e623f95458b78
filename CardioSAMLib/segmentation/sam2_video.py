"""A slice around the cycle with SAM 2's memory, as a `FramePropagator`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit

from CardioSAMLib.cine import Array, Cine
from CardioSAMLib.crops import take
from CardioSAMLib.labels import STORAGE, Provenance
from CardioSAMLib.progress import Progress, part_of
from CardioSAMLib.segmentation.locate import heart_box_of
from CardioSAMLib.segmentation.model_image import ModelImage, native_logits
from CardioSAMLib.segmentation.promptable import provenance_of
from CardioSAMLib.segmentation.propagation.plan import between
from CardioSAMLib.segmentation.sam2_image import sam2_image
from CardioSAMLib.segmentation.sam2_memory import encoded_frames, walk
from CardioSAMLib.segmentation.sam2_models import Sam2Model
from CardioSAMLib.segmentation.sam_image import full_range

# Where SAM 2 takes a structure to be absent it answers -1024. Limited as its own earlier answers are, so that
# interpolation does not spread that.
_LOGIT_LIMIT = 32.0

_ENCODING_SHARE = 0.5


class MemoryPropagator:
    """Follows the structures of a slice through the frames between two drawn ones, from both ends.

    From each end a walk begins with what is drawn there as mask prompts. A frame between gets the probabilities of
    both walks, weighted by how near it is to each end (linear); the likeliest structure is drawn where it is above 0.5,
    so that structures exclude each other. Structures that an end does not show have the probability 0 from there. With
    one drawn frame the two walks are those around the cycle, forward and backward.
    """

    def __init__(self, model: Sam2Model) -> None:
        self._model = model

    @property
    def method(self) -> str:
        return f"memory of {self._model.id}"

    @property
    def drawn_by(self) -> Provenance:
        return provenance_of(self._model)

    def through_frames(
        self, cine: Cine, slice_number: int, drawn: Mapping[int, Array], targets: Sequence[int], progress: Progress
    ) -> Mapping[int, Array]:
        """See `FramePropagator`. The gray levels of all frames are scaled alike."""
        gray = full_range(np.asarray(cine.pixels[:, slice_number], dtype=np.float32))
        inside: dict[tuple[int, int], list[int]] = {}
        for target in targets:
            inside.setdefault(between(target, drawn, cine.frames), []).append(target)
        labels: dict[int, Array] = {}
        for number, (ends, frames) in enumerate(inside.items()):
            part = part_of(progress, number / len(inside), (number + 1) / len(inside))
            own = {end: drawn[end] for end in ends}
            labels.update(self._between(gray, ends, own, frames, cine.geometry.spacing_mm[:2], part))
        return labels

    def _between(
        self,
        gray: Array,
        ends: tuple[int, int],
        drawn: Mapping[int, Array],
        targets: Sequence[int],
        pixel_mm: tuple[float, float],
        progress: Progress,
    ) -> dict[int, Array]:
        """Labels of the targets, which lie between the two ends. gray: uint8 `(frames, rows, columns)`."""
        if not any(labels.any() for labels in drawn.values()):
            return {target: np.zeros(gray.shape[1:], np.uint8) for target in targets}
        count = len(gray)
        length = (ends[1] - ends[0]) % count or count
        walks = []
        for end, direction in zip(ends, (1, -1), strict=True):
            if drawn[end].any():
                farthest = max((target - end) * direction % count for target in targets)
                walks.append([(end + direction * step) % count for step in range(farthest + 1)])
        region = heart_box_of(np.stack(list(drawn.values())), pixel_mm)
        seen = sorted({frame for order in walks for frame in order})
        images = {frame: sam2_image(gray[frame], region, pixel_mm, self._model.input_size_px) for frame in seen}

        def walked() -> dict[int, Array]:
            return self._walked(images, walks, drawn, count, length, progress)

        probabilities = self._model.placement.run(walked)
        # Background wins where no structure is above 0.5.
        background = np.full((1, *gray.shape[1:]), 0.5, np.float32)
        return {
            target: np.concatenate([background, probabilities[target]]).argmax(axis=0).astype(np.uint8)
            for target in targets
        }

    def _walked(
        self,
        images: Mapping[int, ModelImage],
        walks: Sequence[Sequence[int]],
        drawn: Mapping[int, Array],
        count: int,
        length: int,
        progress: Progress,
    ) -> dict[int, Array]:
        """Probabilities of each frame, float32 `(structures, rows, columns)`, structures in the `STORAGE` order.

        walks: frames from an end on, in their order. count: frames of the cycle; length: frames from end to end.
        """
        shape = next(iter(drawn.values())).shape
        values = sorted(STORAGE.structures)
        features = encoded_frames(self._model, images, part_of(progress, 0.0, _ENCODING_SHARE))
        probabilities = {frame: np.zeros((len(values), *shape), np.float32) for frame in images}
        done, total = 0, sum(map(len, walks))
        for order in walks:
            shown = [value for value in values if (drawn[order[0]] == value).any()]
            masks = np.stack([take(drawn[order[0]] == value, images[order[0]].crop) >= 0.5 for value in shown])
            places = [values.index(value) for value in shown]
            for step, logits in enumerate(walk(self._model, [features[frame] for frame in order], masks, count)):
                progress(_ENCODING_SHARE + (1.0 - _ENCODING_SHARE) * done / total, "following the contours")
                done += 1
                near = 1.0 - step / length
                probabilities[order[step]][places] += near * _native(logits, images[order[step]], shape)
        return probabilities


def _native(logits: Array, image: ModelImage, shape: tuple[int, ...]) -> Array:
    """Probabilities on the slice, float32 `(masks, rows, columns)`, of logits `(masks, size / 4, size / 4)`."""
    import torch
    from torch.nn import functional

    size = (image.crop.size_px, image.crop.size_px)
    limited = torch.as_tensor(np.clip(logits, -_LOGIT_LIMIT, _LOGIT_LIMIT))[None]
    full = functional.interpolate(limited, size, mode="bilinear", align_corners=False)[0].numpy()
    native = [native_logits(own, image, (shape[0], shape[1])) for own in full]
    return np.asarray(expit(np.stack(native)), dtype=np.float32)
