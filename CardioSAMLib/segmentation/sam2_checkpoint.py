"""Checkpoint files of SAM 2 and 2.1, recognized by what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.resources import sha256_of
from CardioSAMLib.segmentation.sam2_network import ARCHITECTURES, Sam2Architecture
from CardioSAMLib.segmentation.weight_files import layout_problem, opened_file, weights_in

if TYPE_CHECKING:
    import torch

_PATCH_KEY = "image_encoder.trunk.patch_embed.proj.weight"
_BLOCKS_PREFIX = "image_encoder.trunk.blocks."
_OCCLUSION_KEY = "no_obj_embed_spatial"


@dataclass(frozen=True, eq=False)
class Sam2Checkpoint:
    """weights: by the official names. sha256, file: of the file they are from."""

    architecture: Sam2Architecture
    weights: Mapping[str, torch.Tensor]
    sha256: str
    file: str

    def put_into(self, network: torch.nn.Module) -> None:
        """Gives the network these weights in float32. Raises UnusableInput where some are missing or do not fit."""
        if problem := layout_problem(self.weights, network.state_dict()):
            raise UnusableInput(
                f"{self.file} is not a whole {self.architecture.id} model: {problem}. Load it down again."
            )
        network.load_state_dict({name: weight.float() for name, weight in self.weights.items()}, assign=True)


def read_sam2_checkpoint(path: Path | str) -> Sam2Checkpoint:
    """A checkpoint as Meta published them, `{"model": state dict}`, or the state dict alone.

    Raises UnusableInput where the file is no such checkpoint.
    """
    path = Path(path)
    stored = opened_file(path, "sam2.1_hiera_tiny.pt")
    weights = weights_in(stored.get("model", stored), path, "SAM 2 or 2.1")
    return Sam2Checkpoint(_architecture_of(weights, path), weights, sha256_of(path), path.name)


def _architecture_of(weights: Mapping[str, torch.Tensor], path: Path) -> Sam2Architecture:
    width = weights[_PATCH_KEY].shape[0] if _PATCH_KEY in weights else None
    blocks = len({name[len(_BLOCKS_PREFIX) :].split(".")[0] for name in weights if name.startswith(_BLOCKS_PREFIX)})
    for architecture in ARCHITECTURES:
        facts = (architecture.width, architecture.blocks, architecture.has_occlusion_memory)
        if facts == (width, blocks, _OCCLUSION_KEY in weights):
            return architecture
    known = ", ".join(architecture.id for architecture in ARCHITECTURES)
    raise UnusableInput(f"{path.name} is not a SAM 2 model of the official layout; give a checkpoint of: {known}.")
