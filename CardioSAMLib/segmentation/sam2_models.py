"""SAM 2 and 2.1 (tiny, small, base-plus, large), from checkpoint files that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.segmentation.checkpoint_model import (
    DEFAULT_INPUT_SIZE_PX,
    CheckpointModel,
    check_input_size,
    torch_device,
)
from CardioSAMLib.segmentation.device import Device, Notify, log_warning
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam2_checkpoint import Sam2Checkpoint, read_sam2_checkpoint
from CardioSAMLib.segmentation.sam2_image import sam2_image
from CardioSAMLib.segmentation.sam2_network import sam2_network
from CardioSAMLib.segmentation.sam_image import full_range
from CardioSAMLib.segmentation.sam_prompts import SamPrompts

if TYPE_CHECKING:
    import torch

_INPUT_SIZE_STEP_PX = 32
"""The windows of the first blocks are 8 patches of 4 pixels, and their positions must fill the image."""

_BOX_CORNERS = (2, 3)
"""Labels of a box's corners among the points: SAM 2 takes boxes so."""


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
    check_input_size(input_size_px, _INPUT_SIZE_STEP_PX)
    chosen = torch_device(device, "sam2")
    return Sam2Model(read_sam2_checkpoint(checkpoint), input_size_px, chosen, notify, model_id)


class Sam2Model(CheckpointModel):
    """A `PromptableModel` made of a SAM 2 checkpoint. It looks at the slice itself, not at its neighbors.

    network: the package's `SAM2Base`, whose memory `sam2_video` uses.
    """

    # From the finest to the coarsest: two maps for the decoder's details, then the embedding.
    embedding_names = ("detail_4px", "detail_8px", "image_embedding")
    # What SAM 2 takes as an earlier answer is limited to this.
    logit_limit = 32.0
    preprocessing = "sam2-slice-v1"

    def __init__(
        self,
        checkpoint: Sam2Checkpoint,
        input_size_px: int,
        device: Device,
        notify: Notify = log_warning,
        model_id: str | None = None,
    ) -> None:
        network = sam2_network(checkpoint.architecture, input_size_px)
        checkpoint.put_into(network)
        named = model_id or f"{checkpoint.architecture.id}-{input_size_px}"
        super().__init__(named, checkpoint.sha256, network, input_size_px, device, notify)

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """See `PromptableModel`."""
        return sam2_image(full_range(np.asarray(planes[1], np.float32)), region, pixel_mm, self.input_size_px)

    @property
    def _prompt_encoder(self) -> Any:
        return self.network.sam_prompt_encoder

    def _encoded(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        maps = list(self.network.forward_image(pixels)["backbone_fpn"])
        # A slice alone is a video without a past: SAM 2 learned an embedding for that.
        maps[-1] = maps[-1] + self.network.no_mem_embed.reshape(1, -1, 1, 1)
        return maps

    def _prompted(self, prompts: SamPrompts) -> tuple[torch.Tensor, torch.Tensor]:
        # SAM 2 takes the corners of a box as the first points.
        points, labels = prompts.points_xy, prompts.labels
        if prompts.box_xyxy is not None:
            points = np.concatenate([prompts.box_xyxy.reshape(2, 2), points])
            labels = np.concatenate([np.array(_BOX_CORNERS, labels.dtype), labels])
        sparse, dense = self._prompt_encoder(
            points=(self._tensor(points)[None], self._tensor(labels)[None]) if len(labels) else None,
            boxes=None,
            masks=None if prompts.mask is None else self._tensor(prompts.mask)[None, None],
        )
        return sparse, dense

    def _decoded(
        self, maps: list[torch.Tensor], sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        low, iou, _, _ = self.network.sam_mask_decoder(
            image_embeddings=maps[-1],
            image_pe=self._prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=maps[:-1],
        )
        return low, iou
