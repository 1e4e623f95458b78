"""SAM 2 and 2.1 (tiny, small, base-plus, large), from checkpoint files that the user has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.device import Device, Notify, Placement, choose_device, log_warning
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import MaskLogits
from CardioSAMLib.segmentation.sam2_checkpoint import Sam2Checkpoint, read_sam2_checkpoint
from CardioSAMLib.segmentation.sam2_image import sam2_image
from CardioSAMLib.segmentation.sam2_network import sam2_network
from CardioSAMLib.segmentation.sam_image import full_range
from CardioSAMLib.segmentation.sam_prompts import SamPrompts, sam_prompts

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.segmentation.differentiable import PointLogits

DEFAULT_INPUT_SIZE_PX = 1024

# From the finest to the coarsest, as the encoder gives them: two maps for the decoder's details, then the embedding.
_FEATURES = ("detail_4px", "detail_8px", "image_embedding")

_BOX_CORNERS = (2, 3)
"""Labels of a box's corners among the points: SAM 2 takes boxes so."""

_LOGIT_LIMIT = 32.0
"""What SAM 2 takes as an earlier answer is limited to this on both sides."""


def load_sam2(
    checkpoint: Path | str,
    input_size_px: int = DEFAULT_INPUT_SIZE_PX,
    device: str | None = None,
    notify: Notify = log_warning,
    model_id: str | None = None,
) -> Sam2Model:
    """The model of a checkpoint file; which of them it is, is seen from the file.

    input_size_px: 224 to 1024 in steps of 32; 1024 is what the official weights were trained for.
    device: "cuda", "mps" or "cpu"; None takes the fastest there is. notify: is told if its memory runs out.
    model_id: what it calls itself; None: architecture and size.
    Raises UnusableInput with what to do where the file, the size or the device cannot be used.
    """
    # Steps of 32: the windows of the first blocks are 8 patches of 4 pixels, and their positions must fill the image.
    if not (isinstance(input_size_px, int) and 224 <= input_size_px <= 1024 and input_size_px % 32 == 0):
        raise UnusableInput(f"An input of {input_size_px} px is not possible; choose 224 to 1024 in steps of 32.")
    try:
        chosen = choose_device(device)
    except ImportError as error:
        raise UnusableInput("torch is not installed; install it with: pip install 'cardiosam[sam2]'.") from error
    return Sam2Model(read_sam2_checkpoint(checkpoint), input_size_px, chosen, notify, model_id)


def sam2_of(card: ModelCard) -> Sam2Model:
    """The model of a catalogue entry whose architecture is one of SAM 2 or 2.1.

    Raises UnusableInput as `load_sam2`, and where the file is not the one of the catalogue.
    """
    model = load_sam2(card.path, input_size_px=card.input_shape_px[0], model_id=card.id)
    if model.sha256 != card.sha256:
        raise UnusableInput(f"The file of the model {card.id} is not the one of the catalogue; make or add it again.")
    return model


class Sam2Model:
    """A `PromptableModel` made of a SAM 2 checkpoint. It looks at the slice itself, not at its neighbors.

    network: the package's `SAM2Base`, whose memory `sam2_video` uses. placement: where it computes.
    """

    def __init__(
        self,
        checkpoint: Sam2Checkpoint,
        input_size_px: int,
        device: Device,
        notify: Notify = log_warning,
        model_id: str | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._id = model_id or f"{checkpoint.architecture.id}-{input_size_px}"
        self._input_size_px = input_size_px
        # The package is not typed.
        self.network: Any = sam2_network(checkpoint.architecture, input_size_px)
        checkpoint.put_into(self.network)
        self.network.requires_grad_(False)
        self.placement = Placement(self.network, device, notify)

    @property
    def id(self) -> str:
        return self._id

    @property
    def sha256(self) -> str:
        return self._checkpoint.sha256

    @property
    def preprocessing(self) -> str:
        return "sam2-slice-v1"

    @property
    def precision(self) -> str:
        return self.placement.device.precision

    @property
    def device_title(self) -> str:
        return self.placement.device.title

    @property
    def input_size_px(self) -> int:
        return self._input_size_px

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """See `PromptableModel`."""
        return sam2_image(full_range(np.asarray(planes[1], np.float32)), region, pixel_mm, self._input_size_px)

    def encode(self, image: ModelImage) -> Mapping[str, Array]:
        """`image_embedding` float32 `(256, size / 16, size / 16)`, and two finer maps that SAM 2's decoder takes."""
        import torch

        def encoded() -> Mapping[str, Array]:
            with torch.no_grad(), self.placement.encoder_precision():
                maps = list(self.network.forward_image(self._tensor(image.pixels)[None])["backbone_fpn"])
                # A slice alone is a video without a past: SAM 2 learned an embedding for that.
                maps[-1] = maps[-1] + self.network.no_mem_embed.reshape(1, -1, 1, 1)
            return {name: self._array(feature[0]) for name, feature in zip(_FEATURES, maps, strict=True)}

        return self.placement.run(encoded)

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        """One mask, as `SAM2ImagePredictor` with `multimask_output=False`; see `sam_prompts` for what is raised."""
        import torch

        taken = sam_prompts(prompts, image)

        def decoded() -> MaskLogits:
            with torch.no_grad():
                return self._decoded([self._tensor(embedding[name])[None] for name in _FEATURES], taken)

        return self.placement.run(decoded)

    def point_logits(self, embedding: Mapping[str, Array], image: ModelImage) -> PointLogits:
        """See `DifferentiableModel`. The answer has a quarter of the input's size."""
        import torch

        features = [self._tensor(embedding[name])[None] for name in _FEATURES]
        # From the outer edge of the image to where `sam_prompts` counts from.
        less_px = torch.tensor([0.5 / image.crop.step_px[1], 0.5 / image.crop.step_px[0]])

        def logits(shares: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
            device = features[-1].device
            points = (shares * self._input_size_px - less_px).to(device)
            given = (points[None], positive.long().to(device)[None])
            sparse, dense = self.network.sam_prompt_encoder(points=given, boxes=None, masks=None)
            low, _iou = self._low_resolution(features, sparse, dense)
            return low[0, 0]

        return logits

    def _decoded(self, features: list[torch.Tensor], prompts: SamPrompts) -> MaskLogits:
        from torch.nn import functional

        prompt_encoder = self.network.sam_prompt_encoder
        # SAM 2 takes the corners of a box as the first points.
        points, labels = prompts.points_xy, prompts.labels
        if prompts.box_xyxy is not None:
            points = np.concatenate([prompts.box_xyxy.reshape(2, 2), points])
            labels = np.concatenate([np.array(_BOX_CORNERS, labels.dtype), labels])
        sparse, dense = prompt_encoder(
            points=(self._tensor(points)[None], self._tensor(labels)[None]) if len(labels) else None,
            boxes=None,
            masks=None if prompts.mask is None else self._tensor(prompts.mask)[None, None],
        )
        low, iou = self._low_resolution(features, sparse, dense)
        size = (self._input_size_px, self._input_size_px)
        full = functional.interpolate(low, size, mode="bilinear", align_corners=False)
        limited = low.clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT)
        return MaskLogits(self._array(full[0, 0]), self._array(limited[0, 0]), float(iou[0, 0]))

    def _low_resolution(
        self, features: list[torch.Tensor], sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        low, iou, _, _ = self.network.sam_mask_decoder(
            image_embeddings=features[-1],
            image_pe=self.network.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=features[:-1],
        )
        return low, iou

    def _tensor(self, array: Array) -> torch.Tensor:
        import torch

        return torch.as_tensor(np.ascontiguousarray(array), device=self.placement.device.kind)

    def _array(self, tensor: torch.Tensor) -> Array:
        return np.asarray(tensor.float().cpu().numpy())
