"""The official segment-anything models (ViT-B, L, H) and MedSAM, from checkpoint files that the user has."""

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
from CardioSAMLib.segmentation.sam_checkpoint import SamCheckpoint, fitted_weights, read_checkpoint
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS, sam_image
from CardioSAMLib.segmentation.sam_network import sam_network
from CardioSAMLib.segmentation.sam_prompts import SamPrompts, sam_prompts

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.segmentation.differentiable import PointLogits

DEFAULT_INPUT_SIZE_PX = 1024
_EMBEDDING = "image_embedding"


def load_sam(
    checkpoint: Path | str,
    normalization: str | None = None,
    input_size_px: int = DEFAULT_INPUT_SIZE_PX,
    device: str | None = None,
    notify: Notify = log_warning,
    model_id: str | None = None,
) -> SamModel:
    """The model of a checkpoint file; which of them it is, is seen from the file.

    normalization: "sam" or "medsam"; may be left out where the file says it, or is one that Meta published.
    input_size_px: 224 to 1024 in steps of 16; 1024 is what the official weights were trained for.
    device: "cuda", "mps" or "cpu"; None takes the fastest there is. notify: is told if its memory runs out.
    model_id: what it calls itself; None: normalization, architecture and size.
    Raises UnusableInput with what to do where the file, the size or the device cannot be used.
    """
    if not (isinstance(input_size_px, int) and 224 <= input_size_px <= 1024 and input_size_px % 16 == 0):
        raise UnusableInput(f"An input of {input_size_px} px is not possible; choose 224 to 1024 in steps of 16.")
    try:
        chosen = choose_device(device)
    except ImportError as error:
        raise UnusableInput("torch is not installed; install it with: pip install 'cardiosam[torch]'.") from error
    return SamModel(read_checkpoint(checkpoint, normalization), input_size_px, chosen, notify, model_id)


def sam_of(card: ModelCard) -> SamModel:
    """The model of a catalogue entry whose file is a checkpoint, as fine-tuning makes them.

    Raises UnusableInput as `load_sam`, and where the file is not the one of the catalogue.
    """
    model = load_sam(card.path, input_size_px=card.input_shape_px[0], model_id=card.id)
    if model.sha256 != card.sha256:
        raise UnusableInput(f"The file of the model {card.id} is not the one of the catalogue; make or add it again.")
    return model


class SamModel:
    """A `PromptableModel` made of a SAM checkpoint. It looks at the slice itself, not at its neighbors."""

    def __init__(
        self,
        checkpoint: SamCheckpoint,
        input_size_px: int,
        device: Device,
        notify: Notify = log_warning,
        model_id: str | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._id = model_id or f"{checkpoint.normalization}-{checkpoint.architecture.id}-{input_size_px}"
        self._input_size_px = input_size_px
        self._network = sam_network(checkpoint.architecture, input_size_px)
        self._network.load_state_dict(fitted_weights(checkpoint, input_size_px), assign=True)
        self._network.requires_grad_(False)
        self._placement = Placement(self._network, device, notify)

    @property
    def id(self) -> str:
        return self._id

    @property
    def checkpoint(self) -> SamCheckpoint:
        return self._checkpoint

    @property
    def network(self) -> torch.nn.ModuleDict:
        """`image_encoder`, `prompt_encoder` and `mask_decoder`, with the weights that it draws with."""
        return self._network

    @property
    def sha256(self) -> str:
        return self._checkpoint.sha256

    @property
    def preprocessing(self) -> str:
        return f"{self._checkpoint.normalization}-slice-v1"

    @property
    def precision(self) -> str:
        return self._placement.device.precision

    @property
    def device_title(self) -> str:
        return self._placement.device.title

    def image_of(self, planes: Array, region: HeartBox | None, pixel_mm: tuple[float, float]) -> ModelImage:
        """See `PromptableModel`."""
        normalization = NORMALIZATIONS[self._checkpoint.normalization]
        return sam_image(planes[1], region, pixel_mm, normalization, self._input_size_px)

    def encode(self, image: ModelImage) -> Mapping[str, Array]:
        """One array, `image_embedding`, float32 `(256, size / 16, size / 16)`."""
        import torch

        def encoded() -> Array:
            pixels = self._tensor(image.pixels)[None]
            with torch.no_grad(), self._placement.encoder_precision():
                return self._array(self._network["image_encoder"](pixels)[0])

        return {_EMBEDDING: self._placement.run(encoded)}

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        """One mask (the first of SAM's tokens, `multimask_output=False`); see `sam_prompts` for what is raised."""
        import torch

        taken = sam_prompts(prompts, image)

        def decoded() -> MaskLogits:
            with torch.no_grad():
                return self._decoded(self._tensor(embedding[_EMBEDDING])[None], taken)

        return self._placement.run(decoded)

    def point_logits(self, embedding: Mapping[str, Array], image: ModelImage) -> PointLogits:
        """See `DifferentiableModel`. The answer has a quarter of the input's size."""
        import torch

        prompt_encoder: Any = self._network["prompt_encoder"]
        features = self._tensor(embedding[_EMBEDDING])[None]
        # From the outer edge of the image to where `sam_prompts` counts from.
        less_px = torch.tensor([0.5 / image.crop.step_px[1], 0.5 / image.crop.step_px[0]])

        def logits(shares: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
            points = (shares * self._input_size_px - less_px).to(features.device)
            sparse, dense = prompt_encoder(
                points=(points[None], positive.long().to(features.device)[None]), boxes=None, masks=None
            )
            low, _iou = self._low_resolution(features, sparse, dense)
            return low[0, 0]

        return logits

    def _decoded(self, embedding: torch.Tensor, prompts: SamPrompts) -> MaskLogits:
        from torch.nn import functional

        prompt_encoder: Any = self._network["prompt_encoder"]
        # The prompt encoder adds SAM's padding point itself where there are points and no box.
        sparse, dense = prompt_encoder(
            points=(self._tensor(prompts.points_xy)[None], self._tensor(prompts.labels)[None])
            if len(prompts.labels)
            else None,
            boxes=None if prompts.box_xyxy is None else self._tensor(prompts.box_xyxy)[None],
            masks=None if prompts.mask is None else self._tensor(prompts.mask)[None, None],
        )
        low, iou = self._low_resolution(embedding, sparse, dense)
        size = (self._input_size_px, self._input_size_px)
        full = functional.interpolate(low, size, mode="bilinear", align_corners=False)
        return MaskLogits(self._array(full[0, 0]), self._array(low[0, 0]), float(iou[0, 0]))

    def _low_resolution(
        self, embedding: torch.Tensor, sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        prompt_encoder: Any = self._network["prompt_encoder"]
        low, iou = self._network["mask_decoder"](
            image_embeddings=embedding,
            image_pe=prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        return low, iou

    def _tensor(self, array: Array) -> torch.Tensor:
        import torch

        return torch.as_tensor(np.ascontiguousarray(array), device=self._placement.device.kind)

    def _array(self, tensor: torch.Tensor) -> Array:
        return np.asarray(tensor.float().cpu().numpy())
