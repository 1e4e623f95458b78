"""What fine-tuning needs of a promptable model, beyond clicking: weights that can learn, and a file for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from CardioSAMLib.prompts import StructurePrompts
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import PromptableModel

if TYPE_CHECKING:
    from CardioSAMLib.training.finetuning import Named, Tunable


@dataclass(frozen=True)
class BaseCard:
    """What the entry of a tuned model takes from the model that it started from."""

    id: str
    title: str
    license: str
    training_data: str


class TunableModel(Protocol):
    """A promptable model whose weights can learn.

    model: how it looks at slices and encodes them, with the weights started from. network: its torch side.
    sha256: of the weights started from, all of them.
    """

    @property
    def base(self) -> BaseCard: ...

    @property
    def sha256(self) -> str: ...

    @property
    def model(self) -> PromptableModel: ...

    @property
    def network(self) -> Tunable: ...

    def tokens(self, prompts: Sequence[StructurePrompts], image: ModelImage) -> Named:
        """Prompts of several structures, of the same kinds and counts, as the decoder takes them: one row each."""
        ...

    def write(self, name: str, folder: Path) -> dict[str, Any]:
        """Writes the model as it is now; returns what its catalogue entry says of files and preprocessing."""
        ...
