"""The promptable models that can be timed on this machine, and the official predictor beside them (floor 4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.prompts import SlicePrompts
from CardioSAMLib.resources import CHECKPOINT_SUFFIX, DEFAULT_PROMPTABLE_ID, PROMPTABLE, find_model, load_catalogue
from CardioSAMLib.segmentation import EmbeddingCache, HeartBox, Prompter, promptable_of

if TYPE_CHECKING:
    from CardioSAMLib.segmentation.promptable import PromptableModel

OFFICIAL_ID = "SamPredictor-vit_b-1024"
"""What the others are compared with: segment-anything's own predictor."""

_SAM_ID = re.compile(r"(vit_[blh])(?:@(\d+))?")
_OFFICIAL_PX = 1024
_SMALLER_PX = 256


class TimedModel(Protocol):
    """A model under test, with a cine to work on."""

    def forget(self) -> None:
        """Drops what it keeps of slices, so that the next one is encoded whichever it is."""
        ...

    def encode(self, slice_number: int) -> None:
        """From the pixels of a slice to its embedding: what is to be waited for before the first click."""
        ...

    def click(self, prompts: SlicePrompts) -> None:
        """From prompts on the slice that was encoded last to masks on its own pixels: what follows every click."""
        ...


@dataclass(frozen=True)
class Contender:
    """A model by its id in the results. runtime: the package that computes. made: gives it a cine (frame 0), a region
    and a folder for its embeddings."""

    id: str
    runtime: str
    made: Callable[[Cine, HeartBox, Path], TimedModel]


def contenders(names: str | None) -> tuple[Contender, ...]:
    """The models of a list as "cardiosam-prompt,vit_b,vit_l@512", and the official predictor where it is installed.

    A SAM architecture has 1024 pixels unless others are named. None: the promptable models of the catalogue and, where
    torch and segment-anything are installed, ViT-B at 1024 and 256. ViT-L and ViT-H take minutes per slice on a CPU,
    and are timed only when named.
    Raises UnusableInput for a name that is none of these, or a package that is missing.
    """
    if names is not None:
        chosen = [_named(name.strip()) for name in names.split(",") if name.strip()]
    else:
        chosen = [_of_catalogue(card.id) for card in load_catalogue() if card.kind == PROMPTABLE]
        if _has_sam():
            chosen += [_sam("vit_b", _OFFICIAL_PX), _sam("vit_b", _SMALLER_PX)]
    if _has_sam():
        chosen.append(Contender(OFFICIAL_ID, "torch", lambda cine, _region, _folder: _Official(cine)))
    return tuple({contender.id: contender for contender in chosen}.values())


def _named(name: str) -> Contender:
    sam = _SAM_ID.fullmatch(name)
    if sam is None:
        return _of_catalogue(name)
    if not _has_sam():
        raise UnusableInput(f"{name} needs torch and segment-anything; install them: {install_hint('torch')}.")
    return _sam(sam[1], int(sam[2] or _OFFICIAL_PX))


def _of_catalogue(model_id: str) -> Contender:
    card = find_model(model_id)
    if card.kind != PROMPTABLE:
        raise UnusableInput(f"{card.id} takes no prompts; name {DEFAULT_PROMPTABLE_ID}, vit_b, vit_l or vit_h.")
    runtime = "torch" if card.file.endswith(CHECKPOINT_SUFFIX) else "onnxruntime"
    return Contender(
        card.id, runtime, lambda cine, region, folder: _Prompted(promptable_of(card), cine, region, folder)
    )


def _sam(architecture_id: str, size_px: int) -> Contender:
    if not (224 <= size_px <= 1024 and size_px % 16 == 0):
        raise UnusableInput(f"An input of {size_px} px is not possible; choose 224 to 1024 in steps of 16.")
    return Contender(
        f"sam-{architecture_id}-{size_px}",
        "torch",
        lambda cine, region, folder: _Prompted(_random_sam(architecture_id, size_px), cine, region, folder),
    )


def _has_sam() -> bool:
    return find_spec("torch") is not None and find_spec("segment_anything") is not None


class _Prompted:
    """One of our `PromptableModel`, used as the panel uses it: through the prompter and its cache."""

    def __init__(self, model: PromptableModel, cine: Cine, region: HeartBox, folder: Path) -> None:
        self._cine, self._region = cine, region
        self._cache = EmbeddingCache(folder)
        self._prompter = Prompter(model, self._cache)

    def forget(self) -> None:
        self._cache.clear()

    def encode(self, slice_number: int) -> None:
        self._prompter.prepare(self._cine, 0, slice_number, self._region)

    def click(self, prompts: SlicePrompts) -> None:
        self._prompter.predict(self._cine, prompts, self._region)


class _Official:
    """segment-anything's `SamPredictor` on the whole slice, with a ViT-B of random weights: these serve for speed."""

    def __init__(self, cine: Cine) -> None:
        from segment_anything import SamPredictor, sam_model_registry

        self._cine = cine
        self._predictor = SamPredictor(sam_model_registry["vit_b"]().eval())

    def forget(self) -> None:
        self._predictor.reset_image()

    def encode(self, slice_number: int) -> None:
        from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS

        gray = NORMALIZATIONS["sam"].gray_levels(np.asarray(self._cine.pixels[0, slice_number], np.float32))
        self._predictor.set_image(np.repeat(gray[..., None], 3, axis=-1))

    def click(self, prompts: SlicePrompts) -> None:
        for own in prompts.structures:
            points_xy = np.array([(point.column_px, point.row_px) for point in own.points])
            kinds = np.array([int(point.positive) for point in own.points])
            self._predictor.predict(points_xy, kinds, multimask_output=False)


def _random_sam(architecture_id: str, size_px: int) -> PromptableModel:
    """A SAM model of random weights, which take as long as trained ones, on the CPU as all others."""
    import torch

    from CardioSAMLib.networks.sam import sam_network
    from CardioSAMLib.networks.sam_architectures import ARCHITECTURES
    from CardioSAMLib.segmentation.device import choose_device
    from CardioSAMLib.segmentation.sam_checkpoint import SamCheckpoint
    from CardioSAMLib.segmentation.sam_models import SamModel

    (architecture,) = (one for one in ARCHITECTURES if one.id == architecture_id)
    generator = torch.Generator().manual_seed(0)
    # Made in place: a second copy of ViT-H is 2.5 GB.
    weights = {
        name: torch.empty(weight.shape).normal_(0.0, 0.02, generator=generator)
        for name, weight in sam_network(architecture, size_px).state_dict().items()
    }
    return SamModel(SamCheckpoint(architecture, weights, "sam", "0" * 64), size_px, choose_device("cpu"))
