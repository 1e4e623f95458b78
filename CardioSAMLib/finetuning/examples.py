"""Training examples of slices for a model: embeddings by content, or pixels where the encoder learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.finetuning.asking import asked_in
from CardioSAMLib.finetuning.tunable import TunableModel
from CardioSAMLib.finetuning.views import LabeledSlice, view_of
from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.training.recipe import FineTuningRecipe

if TYPE_CHECKING:
    from CardioSAMLib.training.finetuning import Asked, Example

Encode = Callable[[LabeledSlice, ModelImage], Mapping[str, Array]]
"""The arrays of a view that a network starts from."""


def pixels_only(_view: LabeledSlice, image: ModelImage) -> Mapping[str, Array]:
    """The `Encode` of a network whose encoder learns: the encoder is then a part of every step."""
    return {"pixels": image.pixels}


class SliceExamples:
    """`training.finetuning.Examples` of labeled slices. varied: in random views; else as they are, for validation."""

    def __init__(
        self,
        slices: Sequence[LabeledSlice],
        tuned: TunableModel,
        recipe: FineTuningRecipe,
        encode: Encode,
        varied: bool,
    ) -> None:
        self._slices, self._tuned, self._recipe, self._encode = slices, tuned, recipe, encode
        self._views = recipe.views.per_slice if varied else 0

    def __len__(self) -> int:
        return len(self._slices)

    def at(self, number: int, epoch: int) -> Example:
        """The slice in one of its views: they take turns, so that a frozen encoder sees each of them once."""
        return self._example(number, epoch, 1 + epoch % self._views if self._views else 0)

    def _example(self, number: int, epoch: int, view_number: int) -> Example:
        import torch

        from CardioSAMLib.training.finetuning import Example

        recipe = self._recipe
        view = view_of(self._slices[number], view_number, recipe.views, [recipe.seed, number])
        image = self._tuned.model.image_of(view.planes, view.region, view.pixel_mm)
        wanted = asked_in(view, image, recipe.ask, [recipe.seed, number, epoch])
        if not wanted:  # a view that turned all contours out of sight
            return self._example(number, epoch, 0)
        given = {name: torch.from_numpy(array) for name, array in self._encode(view, image).items()}
        return Example(given, tuple(self._asked(group, image) for group in _alike(wanted)))

    def _asked(self, group: Sequence[tuple[StructurePrompts, Array]], image: ModelImage) -> Asked:
        import torch

        from CardioSAMLib.training.finetuning import Asked

        tokens = self._tuned.tokens([prompts for prompts, _ in group], image)
        return Asked(tokens, torch.from_numpy(np.stack([mask for _, mask in group])))


def _alike(wanted: Sequence[tuple[StructurePrompts, Array]]) -> list[list[tuple[StructurePrompts, Array]]]:
    """Structures with as many points and boxes together: padding tokens would make training differ from use."""
    groups: dict[tuple[int, bool], list[tuple[StructurePrompts, Array]]] = {}
    for prompts, mask in wanted:
        groups.setdefault((len(prompts.points), prompts.box is not None), []).append((prompts, mask))
    return list(groups.values())
