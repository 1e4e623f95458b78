"""Writes docs/network-speed.json and .md: time, memory and size of encoders and networks on the CPU, in one run.

    python docs/scripts/measure_encoders.py

All have random weights, which take as long as trained ones. It needs no data, 4 GB of memory and some minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from metrics_table import table
from torch import nn

from CardioSAMLib.bench_networks import NetworkTimings, TimedNetwork, as_json, measure_networks
from CardioSAMLib.io import write_files
from CardioSAMLib.networks import baselines
from CardioSAMLib.networks.cardiosam_decoder import ABLATION_ROWS, CardioSAMDecoder, DecoderOptions
from CardioSAMLib.networks.frozen import EncoderNetwork
from CardioSAMLib.networks.sam_adapters import add_lora, add_prefix_tokens
from CardioSAMLib.networks.sam_architectures import ARCHITECTURES
from CardioSAMLib.networks.sam_encoder import SamEncoder
from CardioSAMLib.networks.small_encoder import WIDTHS, SmallEncoder
from CardioSAMLib.networks.stack_unet import StackUNet
from CardioSAMLib.networks.unet import UNet25D

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/measure_encoders.py"
CROP_PX = 128
STACK, ALONE = 10, 1


def main() -> None:
    timings = measure_networks(networks(), lambda share, what: print(f"{share:4.0%} {what}", file=sys.stderr))
    write_files(DOCS, {"network-speed.json": as_json(timings).encode(), "network-speed.md": page(timings).encode()})


def networks() -> list[TimedNetwork]:
    full = ABLATION_ROWS["R4"]
    rows: list[tuple[str, Callable[[], nn.Module], int]] = [
        ("UNet25D of cardiosam-unet25d", partial(UNet25D, WIDTHS), STACK),
        ("StackUNet", StackUNet, STACK),
        ("cardiosam-small, R0", partial(on_small, ABLATION_ROWS["R0"]), STACK),
        ("cardiosam-small, R4", partial(on_small, full), STACK),
        ("cardiosam-small, R4 with early features", partial(on_small, DecoderOptions(early=True)), STACK),
        *((f"ViT-B at 224, {row}", partial(on_sam, "vit_b", 224, options), STACK) for row, options in decoders()),
        ("ViT-B at 512, R4", partial(on_sam, "vit_b", 512, full), ALONE),
        ("ViT-L at 224, R4", partial(on_sam, "vit_l", 224, full), ALONE),
        ("ViT-H at 224, R4", partial(on_sam, "vit_h", 224, full), ALONE),
        ("ViT-B at 224 with LoRA, R0", partial(on_lora, 224), STACK),
        ("ViT-B at 224 with prefix tokens, R0", partial(on_prefix, 224), STACK),
        ("U-Net (31 M)", baselines.unet31, STACK),
        ("DeepLabV3+ ResNet-101", baselines.deeplabv3plus, STACK),
        ("DeepLabV3 ResNet-50", baselines.deeplabv3_r50, STACK),
        ("TransUNet", baselines.transunet, STACK),
    ]
    return [TimedNetwork(name, make, CROP_PX, slices) for name, make, slices in rows]


def decoders() -> list[tuple[str, DecoderOptions]]:
    """R4 has the decoder of R3."""
    return [(row, options) for row, options in ABLATION_ROWS.items() if row != "R3"]


def on_small(options: DecoderOptions) -> nn.Module:
    return with_decoder(SmallEncoder(), options)


def on_sam(architecture_id: str, size_px: int, options: DecoderOptions) -> nn.Module:
    return with_decoder(sam(architecture_id, size_px), options)


def on_lora(size_px: int) -> nn.Module:
    encoder = sam("vit_b", size_px)
    add_lora(encoder)
    return with_decoder(encoder, ABLATION_ROWS["R0"])


def on_prefix(size_px: int) -> nn.Module:
    encoder = sam("vit_b", size_px)
    add_prefix_tokens(encoder)
    return with_decoder(encoder, ABLATION_ROWS["R0"])


def sam(architecture_id: str, size_px: int) -> SamEncoder:
    (architecture,) = (one for one in ARCHITECTURES if one.id == architecture_id)
    return SamEncoder(architecture, size_px, "medsam")


def with_decoder(encoder: SamEncoder | SmallEncoder, options: DecoderOptions) -> nn.Module:
    return EncoderNetwork(encoder, CardioSAMDecoder(encoder.channels, options))


def page(timings: NetworkTimings) -> str:
    head = ("Network", "Parameters, M", "Slices", "ms per slice", "encoder", "decoder", "Times as fast", "Memory, MB")
    rows = [
        (
            name,
            f"{one.parameters / 1e6:.2f}",
            f"{one.slices}",
            f"{one.ms_per_slice:.1f} ({one.rounds})",
            or_dash(one.encoder_ms, 1),
            or_dash(one.decoder_ms, 1),
            f"{one.ratio_to_vit_b_1024:.1f}",
            or_dash(one.peak_rss_mb, 0),
        )
        for name, one in timings.networks.items()
    ]
    return f"""# The speed of the networks

Written by `{COMMAND}`, never by hand; the figures are in [network-speed.json](network-speed.json).

One run on the CPU ({timings.machine}, {timings.threads} threads of torch), the networks taking turns, with random
weights, which take as long as trained ones. Crops of {CROP_PX} x {CROP_PX} pixels, so many slices at once; SAM's
encoders scale them to the size that is named. ms per slice: median (of so many rounds) of a forward pass. Times as
fast: as SAM's ViT-B image encoder at 1024 pixels, the last row. Memory: the highest of a process that makes this
network alone and runs it once; torch itself is in it. Machines differ and are noisy: trust the ratios.

{table(head, rows)}

R0 to R4: the decoders of the rows of the published ablation, from the base decoder to the full one.
"""


def or_dash(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
