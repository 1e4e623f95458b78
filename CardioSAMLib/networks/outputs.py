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

    def in_full(self) -> Outputs:
        """The same in full precision, which losses need: in half of it sums over pixels lose their digits."""
        boundary = None if self.boundary is None else self.boundary.float()
        return Outputs(tuple(logits.float() for logits in self.logits), boundary)
