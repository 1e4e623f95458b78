"""Checkpoint files of the SAM family: opened safely, recognized by what they hold, fitted to an input size."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES, PATCH_PX, SamArchitecture
from CardioSAMLib.resources import sha256_of
from CardioSAMLib.segmentation.sam_image import NORMALIZATIONS
from CardioSAMLib.segmentation.weight_files import layout_problem, opened_file, weights_in

if TYPE_CHECKING:
    import torch

_PATCH_KEY = "image_encoder.patch_embed.proj.weight"
_POSITIONS_KEY = "image_encoder.pos_embed"


@dataclass(frozen=True)
class PublishedFile:
    """A checkpoint that anybody can load down, recognized by its sha256. All are Apache-2.0."""

    file: str
    url: str
    sha256: str
    normalization: str


PUBLISHED = tuple(
    PublishedFile(file, f"https://dl.fbaipublicfiles.com/segment_anything/{file}", sha256, "sam")
    for file, sha256 in (
        ("sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
        ("sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
        ("sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
    )
)


@dataclass(frozen=True, eq=False)
class SamCheckpoint:
    """weights: by the official names. normalization: an id of `NORMALIZATIONS`. sha256: of the file."""

    architecture: SamArchitecture
    weights: Mapping[str, torch.Tensor]
    normalization: str
    sha256: str


def read_checkpoint(path: Path | str, normalization: str | None = None) -> SamCheckpoint:
    """A checkpoint in the layout of segment-anything: a state dict, or `{"model": state dict, "normalization": id}`.

    normalization: "sam" or "medsam"; may be left out where the file says it, or is one of `PUBLISHED`.
    Raises UnusableInput where the file is not such a checkpoint, or its normalization is not known.
    """
    path = Path(path)
    stored = opened_file(path, "sam_vit_b_01ec64.pth")
    named = None
    if "model" in stored:
        stored, named = stored["model"], stored.get("normalization")
    weights = weights_in(stored, path, "SAM or MedSAM")
    sha256 = sha256_of(path)
    if named is None:
        named = next((known.normalization for known in PUBLISHED if known.sha256 == sha256), None)
    return SamCheckpoint(_architecture_of(weights, path), weights, _agreed(normalization, named, path), sha256)


def checkpoint_bytes(weights: Mapping[str, torch.Tensor], normalization: str) -> bytes:
    """The content of a checkpoint file that says its normalization itself. Raises UnusableInput for an unknown one."""
    import torch

    content = io.BytesIO()
    torch.save({"model": dict(weights), "normalization": _known(normalization)}, content)
    return content.getvalue()


def fitted_weights(checkpoint: SamCheckpoint, size_px: int) -> dict[str, torch.Tensor]:
    """The weights in float32 for an input of `size_px`, with the encoder's positions interpolated where it differs.

    Absolute positions bicubic; relative positions of the blocks with global attention linear, those of the windows
    stay.
    """
    from torch.nn import functional

    grid = size_px // PATCH_PX
    fitted = {name: weight.float() for name, weight in checkpoint.weights.items()}
    positions = fitted[_POSITIONS_KEY]
    if positions.shape[1:3] != (grid, grid):
        scaled = functional.interpolate(positions.permute(0, 3, 1, 2), (grid, grid), mode="bicubic")
        fitted[_POSITIONS_KEY] = scaled.permute(0, 2, 3, 1).contiguous()
    for block in checkpoint.architecture.global_blocks:
        for side in ("h", "w"):
            name = f"image_encoder.blocks.{block}.attn.rel_pos_{side}"
            if len(fitted[name]) != 2 * grid - 1:
                scaled = functional.interpolate(fitted[name].T[None], 2 * grid - 1, mode="linear")
                fitted[name] = scaled[0].T.contiguous()
    return fitted


def _architecture_of(weights: Mapping[str, torch.Tensor], path: Path) -> SamArchitecture:
    """The architecture by its width and depth; all of its names and shapes must be there."""
    width = weights[_PATCH_KEY].shape[0] if _PATCH_KEY in weights else None
    depth = len({name.split(".")[2] for name in weights if name.startswith("image_encoder.blocks.")})
    for architecture in ARCHITECTURES:
        if (architecture.width, architecture.depth) == (width, depth):
            break
    else:
        known = ", ".join(architecture.id for architecture in ARCHITECTURES)
        raise UnusableInput(f"{path.name} is not a SAM model of the official layout; give a checkpoint of: {known}.")
    if problem := _layout_problem(architecture, weights):
        raise UnusableInput(f"{path.name} is not a whole {architecture.id} of SAM: {problem}. Load it down again.")
    return architecture


def _layout_problem(architecture: SamArchitecture, weights: Mapping[str, torch.Tensor]) -> str | None:
    from CardioSAMLib.networks.sam import sam_network

    positions = weights.get(_POSITIONS_KEY)
    if positions is None or positions.ndim != 4 or positions.shape[1] != positions.shape[2]:
        return f"{_POSITIONS_KEY} is missing or not a square table"
    expected = sam_network(architecture, positions.shape[1] * PATCH_PX).state_dict()
    return layout_problem(weights, expected)


def _agreed(asked: str | None, named: str | None, path: Path) -> str:
    if asked is None and named is None:
        raise UnusableInput(
            f"{path.name} does not say how its images were normalized; name it: normalization='sam' for weights of "
            "Meta and those trained from them with their mean and deviation, 'medsam' for those of MedSAM."
        )
    if asked is not None and named is not None and asked != named:
        raise UnusableInput(f"{path.name} was trained with the normalization {named!r}, not {asked!r}; leave it out.")
    return _known(asked or named)


def _known(normalization: object) -> str:
    if isinstance(normalization, str) and normalization in NORMALIZATIONS:
        return normalization
    raise UnusableInput(f"There is no normalization {normalization!r}; choose one of: {', '.join(NORMALIZATIONS)}.")
