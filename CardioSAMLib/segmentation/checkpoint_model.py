"""What is the same in all promptable models that torch runs from checkpoint files: SAM and SAM 2."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.resources import ModelCard
from CardioSAMLib.segmentation.device import Device, Notify, Placement, choose_device
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import MaskLogits
from CardioSAMLib.segmentation.sam_prompts import SamPrompts, sam_prompts

if TYPE_CHECKING:
    import torch

    from CardioSAMLib.segmentation.differentiable import PointLogits

DEFAULT_INPUT_SIZE_PX = 1024
"""What the official weights were trained for."""


class CheckpointModel(ABC):
    """The part of a `DifferentiableModel` that does not depend on the network.

    network: with its weights, which do not learn here. sha256: of their file. placement: where it computes.
    preprocessing: names how an image is made of a slice.
    """

    preprocessing: str

    embedding_names: tuple[str, ...]
    """The maps that the encoder makes, in the order in which the decoder takes them; the last is the coarsest."""

    logit_limit = math.inf
    """Of the answer that is given back as the mask of the next click, on both sides."""

    def __init__(
        self, model_id: str, sha256: str, network: Any, input_size_px: int, device: Device, notify: Notify
    ) -> None:
        self.id, self.sha256, self.input_size_px = model_id, sha256, input_size_px
        # The packages are not typed.
        self.network: Any = network.requires_grad_(False)
        self.placement = Placement(self.network, device, notify)

    @property
    def precision(self) -> str:
        return self.placement.device.precision

    @property
    def device_title(self) -> str:
        return self.placement.device.title

    def encode(self, image: ModelImage) -> Mapping[str, Array]:
        """The maps of `embedding_names`, float32; the coarsest is `(256, size / 16, size / 16)`."""
        import torch

        def encoded() -> Mapping[str, Array]:
            with torch.no_grad(), self.placement.encoder_precision():
                maps = self._encoded(self._tensor(image.pixels)[None])
            return {name: self._array(own[0]) for name, own in zip(self.embedding_names, maps, strict=True)}

        return self.placement.run(encoded)

    def decode(self, embedding: Mapping[str, Array], image: ModelImage, prompts: StructurePrompts) -> MaskLogits:
        """One mask (the first of SAM's tokens, `multimask_output=False`); see `sam_prompts` for what is raised."""
        import torch
        from torch.nn import functional

        taken = sam_prompts(prompts, image)
        size = (self.input_size_px, self.input_size_px)

        def decoded() -> MaskLogits:
            with torch.no_grad():
                low, iou = self._decoded(self._maps(embedding), *self._prompted(taken))
                full = functional.interpolate(low, size, mode="bilinear", align_corners=False)
                limited = low.clamp(-self.logit_limit, self.logit_limit)
                return MaskLogits(self._array(full[0, 0]), self._array(limited[0, 0]), float(iou[0, 0]))

        return self.placement.run(decoded)

    def point_logits(self, embedding: Mapping[str, Array], image: ModelImage) -> PointLogits:
        """See `DifferentiableModel`. The answer has a quarter of the input's size."""
        import torch

        # From the outer edge of the image to where `sam_prompts` counts from.
        less_px = torch.tensor([0.5 / image.crop.step_px[1], 0.5 / image.crop.step_px[0]])

        def logits(shares: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
            def decoded() -> torch.Tensor:
                device = self.placement.device.kind
                points = (shares * self.input_size_px - less_px).to(device)
                given = (points[None], positive.long().to(device)[None])
                tokens = self._prompt_encoder(points=given, boxes=None, masks=None)
                low, _iou = self._decoded(self._maps(embedding), *tokens)
                return low[0, 0]

            return self.placement.run(decoded)

        return logits

    @property
    @abstractmethod
    def _prompt_encoder(self) -> Any:
        """From points, boxes and masks to the tokens and the map that the decoder takes."""

    @abstractmethod
    def _encoded(self, pixels: torch.Tensor) -> Sequence[torch.Tensor]:
        """The maps of images `(batch, 3, size, size)`."""

    @abstractmethod
    def _prompted(self, prompts: SamPrompts) -> tuple[torch.Tensor, torch.Tensor]:
        """What the prompt encoder makes of prompts."""

    @abstractmethod
    def _decoded(
        self, maps: list[torch.Tensor], sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits `(batch, 1, size / 4, size / 4)` and the quality that the network expects of them `(batch, 1)`."""

    def _maps(self, embedding: Mapping[str, Array]) -> list[torch.Tensor]:
        return [self._tensor(embedding[name])[None] for name in self.embedding_names]

    def _tensor(self, array: Array) -> torch.Tensor:
        import torch

        return torch.as_tensor(np.ascontiguousarray(array), device=self.placement.device.kind)

    def _array(self, tensor: torch.Tensor) -> Array:
        return np.asarray(tensor.float().cpu().numpy())


Model = TypeVar("Model", bound=CheckpointModel)


def check_input_size(size_px: int, step_px: int) -> None:
    """Raises UnusableInput where a network cannot be made for images of this size."""
    if not (isinstance(size_px, int) and 224 <= size_px <= 1024 and size_px % step_px == 0):
        raise UnusableInput(f"An input of {size_px} px is not possible; choose 224 to 1024 in steps of {step_px}.")


def torch_device(kind: str | None, extra: str) -> Device:
    """As `choose_device`; raises UnusableInput, naming the extra to install, also where torch is not there."""
    try:
        return choose_device(kind)
    except ImportError as error:
        raise UnusableInput(f"torch is not installed; install it with: {install_hint(extra)}.") from error


def model_of_card(card: ModelCard, load: Callable[..., Model]) -> Model:
    """What `load` (`load_sam` or `load_sam2`) makes of a catalogue entry whose file is a checkpoint.

    Raises UnusableInput as `load`, and where the file is not the one of the catalogue.
    """
    model = load(card.path, input_size_px=card.input_shape_px[0], model_id=card.id)
    check_is_of_card(model.sha256, card)
    return model


def check_is_of_card(sha256: str, card: ModelCard) -> None:
    """Raises UnusableInput where a file that was read is not the one of the catalogue."""
    if sha256 != card.sha256:
        raise UnusableInput(f"The file of the model {card.id} is not the one of the catalogue; make or add it again.")
