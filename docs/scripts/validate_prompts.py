"""Writes docs/prompt-validation.json and .md: the shipped promptable model under simulated prompts.

    python docs/scripts/validate_prompts.py DATA

DATA: the folder that holds `acdc`, of which the validation patients are used. Prompts are drawn from the reference
contours (prompt source `reference`), so no figure here may be set beside an automatic one. The box of the heart is that
of the automatic contours.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prompt_choices import REACHED_AFTER, WANTED, clicks_from_nothing, combinations
from prompt_study import SEED, SPLIT, measured, outward, read_volumes

from CardioSAMLib.io import write_files
from CardioSAMLib.resources import DEFAULT_PROMPTABLE_ID, find_model, resources_dir
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, promptable_of
from CardioSAMLib.segmentation.simulate import STEIN_CORRECTED, STEIN_LITERAL, THESIS_GRID, PromptCounts

DOCS = Path(__file__).resolve().parents[1]
COMMAND = "python docs/scripts/validate_prompts.py ../shared/data"
USUAL = PromptCounts(positives=2, negatives=1, box=True)
JITTERS_PX = (0.0, 5.0, 10.0, 15.0, 20.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    volumes = read_volumes(parser.parse_args().data / "acdc")
    card = find_model(DEFAULT_PROMPTABLE_ID)
    with tempfile.TemporaryDirectory() as folder:
        prompter = Prompter(promptable_of(card), EmbeddingCache(Path(folder)))
        result = {
            "command": COMMAND,
            "model": {"id": card.id, "version": card.version, "sha256": card.sha256},
            "patients": len(volumes) // 2,
            "seed": SEED,
            "usual": measured(prompter, volumes, STEIN_CORRECTED, USUAL),
            "jitter": [
                {"px": px, **measured(prompter, volumes, STEIN_CORRECTED, USUAL, outward(px))} for px in JITTERS_PX
            ],
            "grid": [
                {
                    "mode": mode.name,
                    "positives": counts.positives,
                    "negatives": counts.negatives,
                    "box": counts.box,
                    **measured(prompter, volumes, mode, counts),
                }
                for mode in (STEIN_CORRECTED, STEIN_LITERAL)
                for counts in THESIS_GRID
            ],
            "combinations": combinations(prompter, volumes, USUAL),
            "clicks": clicks_from_nothing(prompter, volumes),
        }
    content = (json.dumps(result, indent=1) + "\n").encode()
    write_files(DOCS, {"prompt-validation.json": content, "prompt-validation.md": page(result).encode()})
    write_accuracy(card.id, result)


def page(result: dict[str, Any]) -> str:
    corrected = [row for row in result["grid"] if row["mode"] == STEIN_CORRECTED.name]
    literal = [row for row in result["grid"] if row["mode"] == STEIN_LITERAL.name]
    usual, model = result["usual"], result["model"]
    return f"""# The promptable model under simulated prompts

Written by `{result["command"]}`, never by hand; the figures are in
[prompt-validation.json](prompt-validation.json). Model `{model["id"]}`, version {model["version"]}, on the
{result["patients"]} validation patients of ACDC that it was not trained on. Research use only.

**These figures say how well the model follows a person who knows the answer**: points and boxes are drawn from the
reference contours (prompt source `reference`). They may not be set beside those of automatic contours
([validation.md](validation.md)). Metrics per slice, rules of [metrics.md](metrics.md); means over the
structures of all slices of a volume, then over volumes. 3D Dice: of all prompted slices of a structure together, as
automatic contours are scored, but that these must find out by themselves in which slices a structure lies. Modes and
prompts: [prompts.md](prompts.md).

## Box, two points on the structure, one on each of the others

Every slice with contours ({usual["slices"]}): 3D Dice **{usual["volume_dice"]:.3f}**; per slice, mean Dice
**{usual["dice"]:.3f}**, HD95 {usual["hd95_mm"]:.2f} mm, ASSD {usual["assd_mm"]:.2f} mm.

With each side of the box (which has a margin of {USUAL.box_margin_px:g} px) up to so many pixels of the original image
farther out:

| pixels | 3D Dice | Dice | HD95, mm | ASSD, mm |
|---|---|---|---|---|
{rows_of(result["jitter"], lambda row: f"{row['px']:g}")}

## The thesis' grid

Stein 2023 prompts each structure with 2, 3 or 5 points on it, 0, 1 or 2 on each of the others, with or without a box.
Corrected mode: every slice with contours ({corrected[0]["slices"]}), structures exclude each other.

| points, negatives, box | 3D Dice | Dice | HD95, mm | ASSD, mm |
|---|---|---|---|---|
{rows_of(corrected, combination)}

Literal mode, as published: one random slice with all structures per volume in each of 5 passes
({literal[0]["slices"]}), each structure by itself. The background, which the thesis prompts for as a fourth class, is
not drawn: its mask entered no figure.

| points, negatives, box | Dice | HD95, mm | ASSD, mm |
|---|---|---|---|
{rows_of(literal, combination, volumes=False)}

The thesis gives for SAM ViT-H on ACDC: without fine-tuning at best 0.71 (5 points, 2 negatives, no box), and with its
decoder fine-tuned on 160 volumes 0.84 (2 points, 1 negative, box). Those are another model, another training and other
patients, and its embeddings were mixed up by a fault of its cache: they show the order of size, no more.

## Structures together

Box, two points, one on each of the others; every slice with contours. Each structure is drawn by itself, and then: the
largest logit decides (what CardioSAM does), the LV goes over the myocardium and that over the RV, or overlaps stay. Of
all pixels that are in a mask, **{100.0 * result["combinations"]["overlap"]:.1f} %** are in two or three.

| | 3D Dice | Dice | HD95, mm | ASSD, mm |
|---|---|---|---|---|
{rows_of(result["combinations"]["rows"], lambda row: row["way"])}

## Clicks alone

No box and no other structure: the first click goes to the pixel farthest from the structure's edge, each other one into
the middle of the largest error, and the answer is the model's own. Dice per slice, mean
of {result["clicks"]["contours"]} contours, and the share of contours that had a Dice of {WANTED:.2f} by then:

| clicks | {" | ".join(str(number) for number in REACHED_AFTER)} |
|---|{"---|" * len(REACHED_AFTER)}
{clicks_rows(result["clicks"])}

Clicks until half of the contours are there: {median_clicks(result["clicks"])}.
"""


def clicks_rows(clicks: dict[str, Any]) -> str:
    rows = []
    for row in clicks["rows"]:
        rows.append(f"| {row['structure']}, Dice | " + " | ".join(f"{value:.3f}" for value in row["dice"]) + " |")
        shares = (f"{100.0 * value:.0f} %" for value in row["reached"])
        rows.append(f"| {row['structure']}, at {WANTED:.2f} or better | " + " | ".join(shares) + " |")
    return "\n".join(rows)


def median_clicks(clicks: dict[str, Any]) -> str:
    """In words."""
    return ", ".join(f"{row['structure']} {row['median_clicks'] or 'more than 10'}" for row in clicks["rows"])


def combination(row: dict[str, Any]) -> str:
    return f"{row['positives']}, {row['negatives']}, {'box' if row['box'] else 'no box'}"


def rows_of(rows: Sequence[dict[str, Any]], name: Any, volumes: bool = True) -> str:
    """volumes: with the 3D Dice, which slices drawn at random do not have."""

    def volume(row: dict[str, Any]) -> str:
        return f" {row['volume_dice']:.3f} |"

    return "\n".join(
        f"| {name(row)} |{volume(row) if volumes else ''} {row['dice']:.3f} | {row['hd95_mm']:.2f} | "
        f"{row['assd_mm']:.2f} |"
        for row in rows
    )


def write_accuracy(model_id: str, result: dict[str, Any]) -> None:
    path = resources_dir() / "Models" / "models.json"
    catalogue = json.loads(path.read_text(encoding="utf-8"))
    for entry in catalogue["models"]:
        if entry["id"] == model_id:
            entry["accuracy"] = {
                "measured_on": f"{result['patients']} ACDC patients not trained on, prompts from the reference",
                "split": SPLIT,
                "command": COMMAND,
                "slice_dice_box_2_points": round(result["usual"]["dice"], 4),
                "volume_dice_box_2_points": round(result["usual"]["volume_dice"], 4),
            }
    write_files(path.parent, {path.name: (json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n").encode()})


if __name__ == "__main__":
    main()
