"""The networks of segment-anything, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from CardioSAMLib.cine import UnusableInput

if TYPE_CHECKING:
    import torch

PATCH_PX = 16
_PROMPT_WIDTH = 256
_WINDOW = 14


@dataclass(frozen=True)
class SamArchitecture:
    """An image encoder of the SAM paper (Kirillov 2023); prompt encoder and mask decoder are the same in all."""

    id: str
    width: int
    depth: int
    heads: int
    global_blocks: tuple[int, ...]


ARCHITECTURES = (
    SamArchitecture("vit_b", 768, 12, 12, (2, 5, 8, 11)),
    SamArchitecture("vit_l", 1024, 24, 16, (5, 11, 17, 23)),
    SamArchitecture("vit_h", 1280, 32, 16, (7, 15, 23, 31)),
)


def sam_network(architecture: SamArchitecture, size_px: int) -> torch.nn.ModuleDict:
    """`image_encoder`, `prompt_encoder` and `mask_decoder` for an input of `size_px`, on torch's device "meta".

    It is put together from the package's modules, not by its builders: these know one size only, and their names
    differ between the release on PyPI and the official repository.
    Raises UnusableInput if the package is not installed.
    """
    import torch

    try:
        from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer
    except ImportError as error:
        raise UnusableInput(
            "The package segment-anything is not installed; install it with: pip install 'cardiosam[torch]'."
        ) from error

    grid = size_px // PATCH_PX
    with torch.device("meta"):
        encoder = ImageEncoderViT(
            img_size=size_px,
            patch_size=PATCH_PX,
            embed_dim=architecture.width,
            depth=architecture.depth,
            num_heads=architecture.heads,
            mlp_ratio=4,
            out_chans=_PROMPT_WIDTH,
            qkv_bias=True,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=_WINDOW,
            global_attn_indexes=architecture.global_blocks,
        )
        prompt_encoder = PromptEncoder(
            embed_dim=_PROMPT_WIDTH,
            image_embedding_size=(grid, grid),
            input_image_size=(size_px, size_px),
            mask_in_chans=16,
        )
        transformer = TwoWayTransformer(depth=2, embedding_dim=_PROMPT_WIDTH, mlp_dim=2048, num_heads=8)
        decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=transformer,
            transformer_dim=_PROMPT_WIDTH,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )
    parts = {"image_encoder": encoder, "prompt_encoder": prompt_encoder, "mask_decoder": decoder}
    return torch.nn.ModuleDict(parts).eval()
