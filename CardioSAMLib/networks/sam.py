"""The networks of segment-anything, without weights.

They are put together from the package's modules, not by its builders: these know one size only, and their names differ
between the release on PyPI and the official repository.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType

import torch
from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.networks.sam_architectures import EMBEDDING_WIDTH, PATCH_PX, SamArchitecture

_WINDOW = 14


def sam_network(architecture: SamArchitecture, size_px: int) -> nn.ModuleDict:
    """`image_encoder`, `prompt_encoder` and `mask_decoder` for an input of `size_px`, on torch's device "meta".

    Raises UnusableInput if the package is not installed.
    """
    modules = _modeling()
    grid = size_px // PATCH_PX
    with torch.device("meta"):
        prompt_encoder = modules.PromptEncoder(
            embed_dim=EMBEDDING_WIDTH,
            image_embedding_size=(grid, grid),
            input_image_size=(size_px, size_px),
            mask_in_chans=16,
        )
        decoder = modules.MaskDecoder(
            num_multimask_outputs=3,
            transformer=modules.TwoWayTransformer(depth=2, embedding_dim=EMBEDDING_WIDTH, mlp_dim=2048, num_heads=8),
            transformer_dim=EMBEDDING_WIDTH,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )
        encoder = sam_image_encoder(architecture, size_px)
    parts = {"image_encoder": encoder, "prompt_encoder": prompt_encoder, "mask_decoder": decoder}
    return nn.ModuleDict(parts).eval()


def sam_image_encoder(architecture: SamArchitecture, size_px: int) -> nn.Module:
    """The image encoder alone, on torch's current device, with the package's own random weights.

    Images `(batch, 3, size_px, size_px)` to `(batch, 256, size_px / 16, size_px / 16)`.
    Raises UnusableInput if the package is not installed.
    """
    encoder: nn.Module = _modeling().ImageEncoderViT(
        img_size=size_px,
        patch_size=PATCH_PX,
        embed_dim=architecture.width,
        depth=architecture.depth,
        num_heads=architecture.heads,
        mlp_ratio=4,
        out_chans=EMBEDDING_WIDTH,
        qkv_bias=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=_WINDOW,
        global_attn_indexes=architecture.global_blocks,
    )
    return encoder


def _modeling() -> ModuleType:
    try:
        from segment_anything import modeling
    except ImportError as error:
        raise UnusableInput(
            f"The package segment-anything is not installed; install it with: {install_hint('torch')}."
        ) from error
    return modeling  # type: ignore[no-any-return]
