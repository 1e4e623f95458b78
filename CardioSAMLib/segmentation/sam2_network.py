"""The networks of SAM 2 and 2.1, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint

if TYPE_CHECKING:
    import torch

_DECODER_SETTINGS = {
    # What the package's own `build_sam2` adds: where the single mask is not stable, the best of three is taken.
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}


@dataclass(frozen=True)
class Sam2Architecture:
    """One of the models that Meta published (Ravi 2024), told from the others by three facts.

    width, blocks: of the first stage and in all stages of its image encoder. has_occlusion_memory: 2.1 learned what to
    remember of frames without the object, 2.0 did not. configuration: file of the package that describes it.
    """

    id: str
    width: int
    blocks: int
    has_occlusion_memory: bool
    configuration: str


ARCHITECTURES = tuple(
    Sam2Architecture(
        f"{version}-{size}", width, blocks, version == "sam2.1", f"configs/{version}/{version}_{file}.yaml"
    )
    for version in ("sam2.1", "sam2")
    for size, width, blocks, file in (
        ("tiny", 96, 12, "hiera_t"),
        ("small", 96, 16, "hiera_s"),
        ("base-plus", 112, 24, "hiera_b+"),
        ("large", 144, 48, "hiera_l"),
    )
)


def sam2_network(architecture: Sam2Architecture, size_px: int) -> torch.nn.Module:
    """The package's `SAM2Base` for an input of `size_px`, in evaluation mode, with random weights.

    It is made of the package's configuration file without its builders: these go through hydra's global state, which
    another part of the program may use.
    Raises UnusableInput if the package is not installed.
    """
    try:
        import sam2
        from hydra.utils import instantiate
        from omegaconf import OmegaConf
    except ImportError as error:
        raise UnusableInput(f"The package sam2 is not installed; install it with: {install_hint('sam2')}.") from error

    described = OmegaConf.load(Path(next(iter(sam2.__path__))) / architecture.configuration).model
    settings = {"image_size": size_px, "sam_mask_decoder_extra_args": _DECODER_SETTINGS}
    network: Any = instantiate(OmegaConf.merge(described, settings))
    return network.eval()  # type: ignore[no-any-return]
