"""What a promptable model offers beyond answers: how they change as points move. It needs torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from CardioSAMLib.cine import Array
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import PromptableModel

if TYPE_CHECKING:
    from torch import Tensor

PointLogits = Callable[["Tensor", "Tensor"], "Tensor"]
"""From points to the logits that the model answers, float `(size, size)`, of any size, over the whole image.

Points: float `(points, 2)`, (column, row) as shares of the image's sides, the outer edges of its pixels being 0 and 1.
Which of them are positive: bool `(points,)`. Gradients flow from the logits to the points; the weights have none.
"""


@runtime_checkable
class DifferentiableModel(PromptableModel, Protocol):
    """A promptable model whose answers can be followed back to where the points lie."""

    def point_logits(self, embedding: Mapping[str, Array], image: ModelImage) -> PointLogits:
        """For one encoded slice, with points alone as prompts and no structure named.

        Raises UnusableInput where a package that this needs is missing.
        """
        ...
