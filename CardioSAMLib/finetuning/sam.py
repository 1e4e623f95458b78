"""Fine-tuning the official segment-anything models and MedSAM: from a checkpoint file to one of the same layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from CardioSAMLib.finetuning.tunable import BaseCard
from CardioSAMLib.io import write_files
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.resources import CHECKPOINT_SUFFIX, file_entry
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.sam_checkpoint import checkpoint_bytes
from CardioSAMLib.segmentation.sam_image import REGION_MM
from CardioSAMLib.segmentation.sam_models import SamModel
from CardioSAMLib.segmentation.sam_prompts import sam_prompts

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.training.finetuning import Named

_ENCODER, _DECODER = "image_encoder", "mask_decoder"


class SamNetwork:
    """`training.finetuning.Tunable` of the parts of a SAM model. The prompt encoder never learns."""

    def __init__(self, parts: torch.nn.ModuleDict, trains_encoder: bool, size_px: int) -> None:
        from torch import nn

        self.parts, self.trains_encoder = parts, trains_encoder
        self._size_px = size_px
        names = (_ENCODER, _DECODER) if trains_encoder else (_DECODER,)
        self._trained = nn.ModuleDict({name: parts[name] for name in names}).requires_grad_(True)

    @property
    def trained(self) -> torch.nn.Module:
        return self._trained

    @property
    def precision(self) -> str:
        from CardioSAMLib.training.precision import precision_name

        return precision_name(next(self.parts.parameters()).device) if self.trains_encoder else "float32"

    def embedded(self, image: Named) -> Named:
        """`image_embedding` `(1, 256, size / 16, size / 16)`."""
        if not self.trains_encoder:
            return {"image_embedding": self._here(image["image_embedding"])[None]}
        from CardioSAMLib.training.precision import training_precision

        pixels = self._here(image["pixels"])[None]
        with training_precision(pixels.device):
            embedding = self.parts[_ENCODER](pixels)
        return {"image_embedding": embedding.float()}

    def answer(self, embedding: Named, prompts: Named) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Tunable`. One mask (`multimask_output=False`)."""
        from torch.nn import functional

        prompt_encoder: Any = self.parts["prompt_encoder"]
        points = (self._here(prompts["points"]), self._here(prompts["labels"])) if "points" in prompts else None
        boxes = self._here(prompts["boxes"]) if "boxes" in prompts else None
        sparse, dense = prompt_encoder(points=points, boxes=boxes, masks=None)
        low, iou = self.parts[_DECODER](
            image_embeddings=embedding["image_embedding"],
            image_pe=prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        size = (self._size_px, self._size_px)
        return functional.interpolate(low, size, mode="bilinear", align_corners=False)[:, 0], iou[:, 0]

    def _here(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(next(self.parts.parameters()).device)


class TunableSam:
    """A `TunableModel` of a SAM model as `load_sam` gives it, whose weights it changes in place."""

    def __init__(self, model: SamModel, base: BaseCard, input_size_px: int, trains_encoder: bool) -> None:
        self.model, self.base = model, base
        self._size_px = input_size_px
        self.network = SamNetwork(model.network, trains_encoder, input_size_px)

    @property
    def sha256(self) -> str:
        # The size belongs to it: tables of positions are interpolated before anything learns.
        return f"{self.model.sha256}-{self._size_px}"

    def tokens(self, prompts: Sequence[StructurePrompts], image: ModelImage) -> Named:
        """See `TunableModel`."""
        import torch

        taken = [sam_prompts(own, image) for own in prompts]
        tokens = {}
        if len(taken[0].labels):
            tokens["points"] = torch.from_numpy(np.stack([one.points_xy for one in taken]))
            tokens["labels"] = torch.from_numpy(np.stack([one.labels for one in taken]))
        boxes = [one.box_xyxy for one in taken if one.box_xyxy is not None]
        if boxes:
            tokens["boxes"] = torch.from_numpy(np.stack(boxes))
        return tokens

    def write(self, name: str, folder: Path) -> dict[str, Any]:
        """One checkpoint in the official layout, which says its normalization. What did not learn stays bit by bit."""
        checkpoint = self.model.checkpoint
        weights = dict(checkpoint.weights)
        parts = {_ENCODER, _DECODER} if self.network.trains_encoder else {_DECODER}
        for key, weight in self.network.parts.state_dict().items():
            if key.split(".", 1)[0] in parts:
                weights[key] = weight.detach().cpu()
        file = f"{name}{CHECKPOINT_SUFFIX}"
        write_files(folder, {file: checkpoint_bytes(weights, checkpoint.normalization)})
        return {
            "architecture": checkpoint.architecture.id,
            "input_shape_px": [self._size_px, self._size_px],
            "spacing_mm": round(REGION_MM / self._size_px, 4),
            "preprocessing": self.model.preprocessing,
            **file_entry(folder / file),
            "parameters": sum(weight.numel() for weight in weights.values()),
        }
