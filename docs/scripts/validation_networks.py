"""The part of the page on validation that compares networks at equal budget, from docs/networks.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validation_markdown import command, table, wrapped

from CardioSAMLib.evaluation.html_parts import number

TITLES = {
    "cardiosam-unet25d": "2.5D U-Net, the design of the default model",
    "unet31": "U-Net (Ronneberger 2015)",
    "deeplabv3plus": "DeepLabV3+, ResNet-101",
    "deeplabv3-r50": "DeepLabV3, ResNet-50",
    "transunet": "TransUNet",
    "jain-r0": "R0, base decoder",
    "jain-r1": "R1, + attention, multi-scale fusion",
    "jain-r2": "R2, + CSAM",
    "jain-r3": "R3, + boundary refinement",
    "jain-r4": "R4, + composite loss: the full design",
    "linear": "linear head",
}
FROZEN = ("linear", "jain-r0", "jain-r1", "jain-r2", "jain-r3", "jain-r4")
_ON_SAM = "--checkpoint sam_vit_b_01ec64.pth --out OUT"
NOT_TRAINED = (
    ("R0 to R4 on SAM's ViT-B, the paper's encoder", f"cardiosam train jain-r4 --data ACDC {_ON_SAM}"),
    ("SAM with LoRA, rank 16", f"cardiosam train sam-lora --data ACDC {_ON_SAM}"),
    ("SAM with prompt tuning", f"cardiosam train sam-prompt-tuning --data ACDC {_ON_SAM}"),
    ("MedSAM, encoder and decoder tuned", f"cardiosam finetune ACDC --recipe medsam {_ON_SAM}"),
    ("nnU-Net: its data set", "cardiosam nnunet prepare ACDC --protocol cv5 --out OUT"),
    ("nnU-Net: its training", "cardiosam nnunet train OUT --fold 0"),
)
_TEXT = (
    "Each network is trained on {slices} slices of the 80 training patients ({batch} in a step, crops of {crop_px} "
    "pixels at 1.4 mm), with the optimizer, loss and augmentation of its own configuration, and scored on the 20 "
    "validation patients as the default model is, but with the box around the heart placed by the reference. Their "
    "configurations ask for {times} times as many slices or more: the rows say how fast a design learns, and what a "
    "decoder makes of given features, not what it can reach."
)
_SLICES_ASKED_FOR = 2888 * 16
_FROZEN_TEXT = (
    "The encoder is that of `{shipped}`, frozen, which the labels of the same 80 patients have trained: what a linear "
    "head makes of it is the row to compare the others with. The published rows are on SAM's ViT-B, whose weights were "
    "not at hand. Each row is one training with one seed: small differences between rows say nothing."
)
_UNITS_TEXT = (
    "Dice, IoU, HD95, ASSD: 3D, mean of structures, frames and patients; a structure that is missed counts as Dice 0 "
    "and the diagonal of the image. EF: mean absolute error in points; in brackets the patients of whom it is, where "
    "the network missed a ventricle in others: such errors are not comparable. Parameters: of all, in brackets of "
    "those that learn. ms: of a slice on the CPU, the networks taking turns. MB: peak memory of a process that runs "
    "the network once on ten slices. Machines differ: trust the ratios."
)


def networks_section(networks: Mapping[str, Any]) -> str:
    """networks: what `compare_networks.py` writes."""
    alone = [name for name in networks["rows"] if name not in FROZEN]
    frozen = [name for name in FROZEN if name in networks["rows"]]
    head = ("network", "Dice", "IoU", "HD95 (mm)", "ASSD (mm)", "EF, LV / RV", "parameters (M)", "ms", "MB")
    shipped = networks["shipped"]
    reference = (f"`{shipped['id']}`, as it ships", *_scores(shipped), "", "", "")
    rows = {group: [_row(name, networks["rows"][name]) for name in names] for group, names in
            (("alone", alone), ("frozen", frozen))}  # fmt: skip
    return "\n\n".join(
        (
            "## Networks at equal budget",
            command(networks["command"]),
            wrapped(_text(networks)),
            "### From random weights",
            table(head, [*rows["alone"], reference]),
            "### Decoders on a frozen encoder: the rows of the published ablation",
            table(head, rows["frozen"]),
            wrapped(_FROZEN_TEXT.format(shipped=shipped["id"])),
            wrapped(_UNITS_TEXT),
            "### Not trained here",
            "They need a checkpoint file of SAM or MedSAM, or a GPU:",
            table(("what", "command"), [(what, f"`{how}`") for what, how in NOT_TRAINED], text_columns=2),
        )
    )


def _text(networks: Mapping[str, Any]) -> str:
    precisions = sorted({row["precision"] for row in networks["rows"].values()})
    times = round(_SLICES_ASKED_FOR / networks["slices"])
    text = _TEXT.format(**networks, times=times)
    return f"{text} Computed in {', '.join(precisions)}, losses and updates in full precision."


def _row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    parameters = f"{row['parameters'] / 1e6:.2f}"
    if row["parameters_that_learn"] != row["parameters"]:
        learn = row["parameters_that_learn"] / 1e6
        parameters += f" ({learn:.2f})" if learn >= 0.01 else " (< 0.01)"
    memory = "–" if row["peak_rss_mb"] is None else number(row["peak_rss_mb"], 0)
    return (TITLES[name], *_scores(row), parameters, number(row["ms_per_slice"], 1), memory)


def _scores(row: Mapping[str, Any]) -> tuple[str, ...]:
    overlap = (number(row[key], 3) for key in ("dice", "iou"))
    distances = (number(row[key], 2) for key in ("hd95_mm", "assd_mm"))
    return (*overlap, *distances, " / ".join(_error(row, side) for side in ("lv", "rv")))


def _error(row: Mapping[str, Any], side: str) -> str:
    error, of = row[f"{side}_ef_mae_points"], row[f"{side}_ef_patients"]
    if error is None:
        return "–"
    return number(error, 1) + (f" ({of})" if of < row["patients"] else "")
