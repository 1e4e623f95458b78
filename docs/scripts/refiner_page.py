"""The page of what `measure_refiner.py` has measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Row = dict[str, Any]
_NAMES = {"none": "no negatives", "random": "random", "nppr": "NPPR"}


def page(result: Row) -> str:
    rows, model = result["settings"], result["model"]
    training = result["coarse_training"]
    budget = f"{training['steps']} steps of {training['batch']} slices, seed {training['seed']}"
    return f"""# The refiner

Written by `{result["command"]}`, never by hand; the figures are in [refiner.json](refiner.json). Research use only.

The refiner (Cohen Indelman 2024) puts points on a coarse contour (k-medoids) and beside it (none, random ones of the
surroundings, or such as are optimized through the model: NPPR), and has a promptable model draw anew:
[promptable.md](promptable.md). Here that model is `{model["id"]}`, version {model["version"]}. Coarse contours come
from small U-Nets (widths {"-".join(map(str, training["widths"]))}, {budget}) trained on a part of the 80 training
patients of ACDC, smaller parts inside larger ones, and from the model `{result["shipped"]}` ("shipped"). The small ones
stop so early that more patients do not make them better: they are bad contours of several kinds. All are scored
on the {result["patients"]} validation patients. The points come from the coarse contours alone (prompt source
`coarse`), so the figures may be set beside automatic ones.

**What this does not show**: `{model["id"]}` itself was trained on all 80 training patients, and its encoder began as
that of `{result["shipped"]}`. Refining a model of 4 patients thus brings back what was learned from 80. It says what a
good promptable model does for a bad contour; it does not say that labels can be saved.

## Use

```python
from CardioSAMLib.io import load_cine
from CardioSAMLib.resources import find_model
from CardioSAMLib.segmentation import EmbeddingCache, Prompter, default_folder, promptable_of, segmenter_of
from CardioSAMLib.segmentation.refiner import REFINER_MODES, Negatives, RefinerOptions, refine

cine = load_cine("study")
coarse = segmenter_of(find_model("cardiosam-unet25d-3")).segment(cine, [0])
prompter = Prompter(promptable_of(find_model("cardiosam-prompt")), EmbeddingCache(default_folder()))
refined = refine(cine, coarse, prompter)
literal = refine(cine, coarse, prompter, RefinerOptions(REFINER_MODES["literal"], Negatives.none))
```

Contours may come from anywhere; where they have a confidence, points come only from where it is high. Structures
exclude each other, and one that is absent in a slice stays absent. Negatives are random ones unless `Negatives.nppr`
(optimized) or `Negatives.none` is asked for. NPPR needs torch: for the model that ships
`pip install '.[train]'`, for official SAM models `pip install '.[torch]'`; the other two need neither.
`REFINER_MODES["literal"]` repeats the publication, `"corrected"`, the default, does what was meant; the differences
stand in `CardioSAMLib/segmentation/refiner/mode.py`.

## Whole volumes

Corrected mode, random negatives, every slice with a coarse contour. 3D Dice, mean over structures, frames and patients;
interval of the gain: 95 %, bootstrap over patients. RV, MYO, LV: before → after.

| trained on | patients | before | after | gain | RV | MYO | LV |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{_volumes(result)}

{_verdict(rows)}

## Modes and negatives

One slice of each frame, in turn from the basal, middle and apical third: 2D Dice, mean as above, over
{max(row["objects"] for row in rows if row["slices"] == "one")} objects or fewer for each model (what a model did not
draw cannot be refined, and counts as 0 before and after).

| trained on | before | {" | ".join(f"{mode}, {_NAMES[kind]}" for mode in _MODES for kind in _NAMES)} |
| --- | ---: |{" ---: |" * 6}
{_grid(rows, lambda row: f"{row['after']:.3f}")}

Negatives from the expert contours around the structure instead of the coarse ones (a leak, as in the publication; an
upper bound), corrected, NPPR: {_oracle(rows)}.

{_seeds(result)}

## What the optimization does

Means over the objects of the model trained on {result["seeds_at"]} %.

| mode | steps | loss before | after | points moved, px | outside of the surroundings, px |
| --- | ---: | ---: | ---: | ---: | ---: |
{_movement(result)}

The literal mode takes the published learning rate in pixels of a frame of 1024, where a step is 0.004 pixels: its
points stay, and its NPPR is its random. In the corrected mode a step is 0.4 % of the image, and points that left the
surroundings are brought back to them.

## Seconds for an object

Processor time on one core, the slice being encoded already; mean over the models and objects above.

| | {" | ".join(_NAMES.values())} |
| --- | ---: | ---: | ---: |
{_times(rows)}
"""


_MODES = ("literal", "corrected")


def _of(rows: list[Row], **wanted: Any) -> Row:
    wanted = {"context": "predicted", "seed": 0, "slices": "one", **wanted}
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def _coarse(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(row["coarse"] for row in rows))


def _title(coarse: str) -> str:
    return f"{coarse} %" if coarse.isdigit() else "shipped"


def _volumes(result: Row) -> str:
    lines = []
    for coarse in _coarse(result["settings"]):
        row = _of(result["settings"], coarse=coarse, mode="corrected", negatives="random", slices="all")
        low, high = row["gain_interval"]
        parts = " | ".join("{:.3f} → {:.3f}".format(*row["structures"][name]) for name in ("RV", "MYO", "LV"))
        patients = result["coarse_patients"].get(coarse, 80)
        lines.append(
            f"| {_title(coarse)} | {patients} | {row['before']:.3f} | {row['after']:.3f} | "
            f"{row['gain']:+.3f} ({low:+.3f} to {high:+.3f}) | {parts} |"
        )
    return "\n".join(lines)


def _verdict(rows: list[Row]) -> str:
    """What the intervals of the gain say, in words."""
    words: dict[str, list[str]] = {"better": [], "worse": [], "neither": []}
    for coarse in _coarse(rows):
        low, high = _of(rows, coarse=coarse, mode="corrected", negatives="random", slices="all")["gain_interval"]
        words["better" if low > 0 else "worse" if high < 0 else "neither"].append(_title(coarse))
    shipped = _of(rows, coarse="default", mode="corrected", negatives="random", slices="all")["before"]
    said = {
        "better": "It makes the contours better of the models trained on",
        "worse": "It makes those worse of",
        "neither": "No difference is shown for",
    }
    found = " ".join(f"{said[key]}: {', '.join(titles)}." for key, titles in words.items() if titles)
    return f"{found} The model that ships has {shipped:.3f} without any refining."


def _grid(rows: list[Row], cell: Callable[[Row], str]) -> str:
    lines = []
    for coarse in _coarse(rows):
        chosen = [_of(rows, coarse=coarse, mode=mode, negatives=kind) for mode in _MODES for kind in _NAMES]
        lines.append(f"| {_title(coarse)} | {chosen[0]['before']:.3f} | {' | '.join(map(cell, chosen))} |")
    return "\n".join(lines)


def _oracle(rows: list[Row]) -> str:
    chosen = [row for row in rows if row["context"] == "oracle"]
    predicted = [_of(rows, coarse=row["coarse"], mode="corrected", negatives="nppr") for row in chosen]
    return ", ".join(
        f"{row['after']:.3f} instead of {own['after']:.3f} at {_title(row['coarse'])}"
        for row, own in zip(chosen, predicted, strict=True)
    )


def _seeds(result: Row) -> str:
    said = []
    for kind in ("random", "nppr"):
        values = [
            row["after"]
            for row in result["settings"]
            if (row["coarse"], row["mode"], row["negatives"], row["context"], row["slices"])
            == (result["seeds_at"], "corrected", kind, "predicted", "one")
        ]
        said.append(f"{_NAMES[kind]} {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} (SD of {len(values)} seeds)")
    return f"Other clusters and other starts of the negatives, at {result['seeds_at']} %, corrected: {', '.join(said)}."


def _movement(result: Row) -> str:
    return "\n".join(
        f"| {mode} | {one['steps']:.1f} | {one['loss_first']:.4f} | {one['loss_last']:.4f} | "
        f"{one['moved_px']:.2f} | {one['drift_px']:.2f} |"
        for mode, one in result["movement"].items()
    )


def _times(rows: list[Row]) -> str:
    lines = []
    for mode in _MODES:
        cells = []
        for kind in _NAMES:
            chosen = [_of(rows, coarse=one, mode=mode, negatives=kind) for one in _coarse(rows)]
            weights = [row["objects"] for row in chosen]
            cells.append(f"{np.average([row['seconds_per_object'] for row in chosen], weights=weights):.2f}")
        lines.append(f"| {mode} | {' | '.join(cells)} |")
    return "\n".join(lines)
