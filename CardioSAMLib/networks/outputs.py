"""What an automatic network returns while it is trained; in evaluation mode it returns the finest logits alone."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Outputs:
    """logits: `(batch, classes, rows, columns)`, the input's size first, coarser ones (deep supervision) after it.

    boundary: logits of the map of label boundaries `(batch, 1, rows', columns')`, None of a network that draws none.
    """

    logits: tuple[Tensor, ...]
    boundary: Tensor | None = None
