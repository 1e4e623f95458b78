"""Prints the parameters of the CardioSAM paper's network, row by row of its ablations, beside the figure it states.

python docs/scripts/count_parameters.py
"""

from __future__ import annotations

import torch
from metrics_table import table

from CardioSAMLib.networks.cardiosam_decoder import ABLATION_ROWS, CardioSAMDecoder
from CardioSAMLib.networks.sam import sam_image_encoder
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES, EMBEDDING_WIDTH

STATED_M = 98.2
SIZES_PX = (224, 1024)


def main() -> None:
    vit_b = next(one for one in ARCHITECTURES if one.id == "vit_b")
    with torch.device("meta"):
        encoders_m = [millions(sam_image_encoder(vit_b, size)) for size in SIZES_PX]
        decoders_m = {row: millions(CardioSAMDecoder((EMBEDDING_WIDTH,), to)) for row, to in ABLATION_ROWS.items()}
    head = ("Row", "Trained, M", *(f"With ViT-B at {size} px, M" for size in SIZES_PX), "Stated, M")
    rows = [
        (row, f"{count:.2f}", *(f"{encoder + count:.1f}" for encoder in encoders_m), f"{STATED_M}" * (row == "R4"))
        for row, count in decoders_m.items()
    ]
    print(table(head, rows))


def millions(module: torch.nn.Module) -> float:
    return sum(weight.numel() for weight in module.parameters()) / 1e6


if __name__ == "__main__":
    main()
