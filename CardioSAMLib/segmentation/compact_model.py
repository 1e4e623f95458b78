"""The promptable model that ships: a U-Net's features and a small decoder of SAM's kind, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.crops import Crop, crop_around, grown_size_px, normalize, take
from CardioSAMLib.labels import STORAGE
from CardioSAMLib.prompts import BoxPrompt, PointPrompt, StructurePrompts
from CardioSAMLib.resources import PROMPTABLE, ModelCard
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.onnx_session import check_preprocessing, opened
from CardioSAMLib.segmentation.promptable import MaskLogits

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.networks.prompted import PromptedDecoder
    from CardioSAMLib.segmentation.differentiable import PointLogits

_SUREST_LOGIT = 10.0

# Kinds of prompt tokens, as the decoder was trained with them; padding is what an answer without points gets.
_PAD, _NEGATIVE, _POSITIVE, _FIRST_CORNER, _LAST_CORNER = range(5)


class CompactModel:
    """A `PromptableModel` of the catalogue. Needs onnxruntime only; may be called from several threads.

    threads: that one call computes with; 0 takes one per core.
    Raises UnusableInput if the entry is not a promptable one, a file is missing or is not the one of the catalogue.
    """

    precision = "float32"
    device_title = "the CPU"

    def __init__(self, card: ModelCard, threads: int = 0) -> None:
        if card.kind != PROMPTABLE or card.decoder is None:
            raise UnusableInput(f"{card.id} draws by itself and takes no prompts; choose a promptable model.")
        check_preprocessing(card)
        self._card = card
        self._encoder = opened(card.path, card.sha256, card, threads)
        self._decoder_path = card.path.with_name(card.decoder["file"])
        self._decoder = opened(self._decoder_path, card.decoder["sha256"], card, threads)

    @property
    def id(self) -> str:
        return self._card.id

    @property
    def sha256(self) -> str:
        """Of the encoder, which alone decides an embedding."""
        return self._card.sha256

    @property
    def version(self) -> str:
        return self._card.version

    @property
    def files_sha256(self) -> str:
        return self._card.files_sha256

    @property
    def preprocessing(self) -> str:
        return self._card.preprocessing

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """See `PromptableModel`. The crop is that of the training, grown in steps where the region is larger."""
        shape = (planes.shape[1], planes.shape[2])
        if region is None:
            extent_mm = (shape[0] * pixel_mm[0], shape[1] * pixel_mm[1])
            region = HeartBox(((shape[0] - 1) / 2.0, (shape[1] - 1) / 2.0), extent_mm)
            needed_mm = max(extent_mm)
        else:
            needed_mm = region.needed_mm
        size_px = grown_size_px(needed_mm, self._card.spacing_mm, self._card.input_shape_px[0])
        crop = crop_around(region.center_px, pixel_mm, self._card.spacing_mm, size_px)
        return ModelImage(normalize(np.stack([take(plane, crop) for plane in planes])), crop, (size_px, size_px))

    def encode(self, image: ModelImage) -> Mapping[str, Array]:
        coarse, fine = self._encoder.run(None, {"images": image.pixels[None]})
        return {"coarse": coarse[0], "fine": fine[0]}

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        places, kinds = prompt_tokens(prompts, image)
        size = image.crop.size_px
        mask = np.zeros((size, size), np.float32) if prompts.mask is None else _mask_logits(prompts, image)
        logits, quality = self._decoder.run(
            None,
            {
                "coarse": np.asarray(embedding["coarse"], np.float32)[None],
                "fine": np.asarray(embedding["fine"], np.float32)[None],
                "points": places[None],
                "kinds": kinds[None],
                "structure": np.array([STORAGE.value_of(prompts.structure)], np.int64),
                "mask": mask[None, None],
                "has_mask": np.array([prompts.mask is not None], np.float32),
            },
        )
        return MaskLogits(logits[0, 0], logits[0, 0], float(quality[0]))

    def point_logits(self, embedding: Mapping[str, Array], image: ModelImage) -> PointLogits:
        """See `DifferentiableModel`. It runs in torch, on the CPU, with the weights of the file."""
        decoder = self._decoder_in_torch
        import torch

        size = image.crop.size_px
        coarse, fine = (torch.from_numpy(np.asarray(embedding[name], np.float32))[None] for name in ("coarse", "fine"))
        mask = torch.zeros(1, 1, size, size)

        def logits(shares: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
            # With padding at the end, as in `prompt_tokens`.
            kinds = torch.nn.functional.pad(torch.where(positive, _POSITIVE, _NEGATIVE), (0, 1), value=_PAD)[None]
            places = torch.nn.functional.pad(shares, (0, 0, 0, 1))[None]
            unnamed = torch.zeros(1, dtype=torch.long)
            answer: torch.Tensor = decoder(coarse, fine, places, kinds, unnamed, mask, torch.zeros(1))[0]
            return answer[0, 0]

        return logits

    @cached_property
    def _decoder_in_torch(self) -> PromptedDecoder:
        from CardioSAMLib.segmentation.exported_decoder import read_decoder

        return read_decoder(self._decoder_path)


def prompt_tokens(prompts: StructurePrompts, image: ModelImage) -> tuple[Array, Array]:
    """Places float32 `(tokens, 2)`, (column, row) as shares of the image's size, and kinds int64 `(tokens,)`.

    The last one is always padding: the decoder was trained with samples that nearly all had some. How much of it there
    is does not matter.
    """
    native: list[tuple[float, float, int]] = []
    if prompts.box is not None:
        native += _corners(prompts.box, prompts, image)
    native += [
        (point.row_px, point.column_px, _POSITIVE if point.positive else _NEGATIVE)
        for point in prompts.points
        if _is_shown(point, prompts, image.crop)
    ]
    places = [(_share(column, 1, image.crop), _share(row, 0, image.crop)) for row, column, _ in native]
    return np.array([*places, (0.0, 0.0)], np.float32), np.array([*(kind for _, _, kind in native), _PAD], np.int64)


def _share(native_px: float, axis: int, crop: Crop) -> float:
    """A native row (axis 0) or column (axis 1) as a share of the crop's side, its pixels' outer edges being 0 and 1."""
    pixel = (native_px - float(crop.coordinates_px(axis)[0])) / crop.step_px[axis]
    return (pixel + 0.5) / crop.size_px


def _is_shown(point: PointPrompt, prompts: StructurePrompts, crop: Crop) -> bool:
    inside = all(0.0 <= _share(px, axis, crop) <= 1.0 for axis, px in enumerate((point.row_px, point.column_px)))
    if not inside and point.positive:
        raise UnusableInput(
            f"{point} for {prompts.structure.name} is outside of the region that the model looks at; put it on the "
            "heart, or give another region."
        )
    return inside


def _corners(box: BoxPrompt, prompts: StructurePrompts, image: ModelImage) -> list[tuple[float, float, int]]:
    """The box's corners, moved to the edge of the crop where they lie beyond it."""
    crop = image.crop
    corners = []
    for axis, ends in enumerate(((box.first_row_px, box.last_row_px), (box.first_column_px, box.last_column_px))):
        covered = crop.coordinates_px(axis)
        if ends[1] < covered[0] or ends[0] > covered[-1]:
            raise UnusableInput(
                f"{box} for {prompts.structure.name} is outside of the region that the model looks at; draw it around "
                "the heart, or give another region."
            )
        corners.append(np.clip(ends, covered[0], covered[-1]))
    (first_row, last_row), (first_column, last_column) = corners
    return [(first_row, first_column, _FIRST_CORNER), (last_row, last_column, _LAST_CORNER)]


def _mask_logits(prompts: StructurePrompts, image: ModelImage) -> Array:
    """The mask as logits on the crop: an earlier answer's as they are; of a drawn mask, the distance to its rim."""
    mask, size = prompts.mask, image.crop.size_px
    if mask is None:
        raise ValueError("no mask is prompted")
    if mask.dtype != bool:
        if mask.shape != (size, size):
            raise UnusableInput(
                f"The logits for {prompts.structure.name} have the shape {mask.shape}, and this model takes "
                f"{(size, size)}; give those of its own earlier answer, or a bool mask on the image."
            )
        return np.asarray(mask, np.float32)
    shares = take(mask.astype(np.float32), image.crop)
    if not shares.any():
        raise UnusableInput(
            f"The mask for {prompts.structure.name} is outside of the region that the model looks at; give one on the "
            "heart, or give another region."
        )
    # What is thinner than the crop's pixels would else vanish.
    inside = shares > min(0.5, 0.99 * float(shares.max()))
    distance_px = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    return np.asarray(np.clip(distance_px, -_SUREST_LOGIT, _SUREST_LOGIT), np.float32)
