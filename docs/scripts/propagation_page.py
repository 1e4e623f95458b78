"""The page of what `measure_propagation.py` has measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from CardioSAMLib.segmentation.propagation import DEFAULT_METHOD_ID, PROPAGATION_METHODS

Row = dict[str, Any]

STRUCTURES = ("RV", "MYO", "LV")
_DEFAULT = PROPAGATION_METHODS[DEFAULT_METHOD_ID].title
_TITLES = {
    **{method.id: method.title for method in PROPAGATION_METHODS.values()},
    "frames-first": f"{_DEFAULT}; around the cycle before along the stack",
    "kept": "contours of end-diastole left as they are",
    "automatic": "automatic model, without any contour given",
}


def page(result: Row) -> str:
    rows, model = result["rows"], result["model"]
    cines = [row for row in rows if row["experiment"] == "cine"]
    pairs = [row for row in rows if row["experiment"] == "pair"]
    return f"""# From one drawn slice to the whole cine

Written by `{result["command"]}`, never by hand; the figures are in [propagation.json](propagation.json). Research use
only. The code is `CardioSAMLib/segmentation/propagation/`; the model that is prompted is `{model["id"]}`, version
{model["version"]} ([promptable.md](promptable.md)).

## How it is used

Sources are slices with contours, whoever drew them: a person, clicks, or an automatic model whose result was accepted.
A slice is named by (frame, slice), both counted from 0.

```python
from CardioSAMLib.io import load_cine
from CardioSAMLib.resources import find_model
from CardioSAMLib.segmentation import (
    EmbeddingCache,
    Prompter,
    default_folder,
    heart_box_of,
    promptable_of,
    segmenter_of,
)
from CardioSAMLib.segmentation.propagation import propagate, propagator_of, repropagate

cine = load_cine("study")
drawn = segmenter_of(find_model("cardiosam-unet25d-3")).segment(cine, [0])
prompter = Prompter(promptable_of(find_model("cardiosam-prompt")), EmbeddingCache(default_folder()))
propagator = propagator_of(prompter, heart_box_of(drawn.labels, cine.geometry.spacing_mm[:2]))
result = propagate(cine, drawn, [(0, 2)], [(frame, 2) for frame in range(cine.frames)], propagator)
```

`result.segmentation` is the new segmentation, `result.parents` says which slice was drawn from which. Exactly the
targets change. Sources, and slices that are passed as `locked`, are never overwritten; a locked slice with contours is
what the slices behind it are drawn from, and a locked slice without any says that the heart has ended there.

After a correction, only what depends on the corrected slice is drawn again: what was drawn from it, and of the same
slice the frames for which it is now the next one before or after them. `changed` says which; all others stay as they
are, bit by bit, and what was corrected is never overwritten by a later call.

```python
labels = result.segmentation.labels[3, 2].copy()
labels[:, : labels.shape[1] // 3] = 0
result = repropagate(cine, result.with_slice((3, 2), labels), [(3, 2)], propagator)
print(sorted(result.changed)[:3])  # [(1, 2), (2, 2), (4, 2)]
```

## What it does

1. **Along the stack**, in the frames of the sources, from each slice to its neighbor: the model is prompted for each
   structure that the neighbor has, with its pixel farthest from the edge. A box or the mask holds the model to what the
   neighbor shows, also beyond the ends of the structures. Background that is left between cavity and wall becomes wall.
   A structure has ended, and is not looked for farther out, where less than a tenth of its area is left,
   where the model's guess of its own quality is below 0.4, or where what it found has no pixel in common with the
   neighbor (noticed on a validation patient, patient003, and then held against training patients: it took no right
   LV or RV pixel away). How the others were chosen stands below.
2. **Around the cycle**, slice by slice, from the drawn frames to all others. The ways to choose from, by the name that
   `propagator_of(prompter, region, name)` takes (without a name: `{DEFAULT_METHOD_ID}`):
   - `registration`: each frame is registered to the next one (demons, SimpleITK, 25 mm around the heart), around the
     cycle in both directions. Contours are carried along as distance maps of endocardium, epicardium and RV, and
     averaged with the weight of how near the drawn frame is. Needs no model and follows what was drawn, whatever it is.
   - `prompts`: from the nearest drawn frame on, the mask in each frame is what the model is shown in the next one.
   - `registration-prompts`: what registration finds in a frame is shown to the model there, as a mask.

SAM 2's video memory fits the same slot, for users who have its weights: [promptable.md](promptable.md).

{_verdict(pairs, cines)}

## All slices of end-diastole are drawn

The expert's contours at end-diastole go in, and the result at end-systole is compared with the expert's. Dice and HD95
are 3D ([metrics.md](metrics.md)). EF error: mean of the sizes, and in brackets the mean with its sign, in points.
Seconds: of processor time, one thread, for all target frames, nothing encoded before.

{_count(pairs)} validation patients of ACDC, of whom only these two frames are there, so that registration must bridge
the whole contraction at once:

{_table(pairs, "stack")}

Full cines, cropped around the heart, every frame drawn. {_count(_new(cines))} patients that the model was not trained
on:

{_table(_new(cines), "stack")}

{_count(_seen(cines))} patients **that the model was trained on, at these very frames**: what is prompted here is too
good, and only the registration is comparable. Drawn at end-systole only:

{_table(_seen(cines), "stack")}

## One slice is drawn

The expert's contours of one middle slice at end-diastole go in; the result in all slices at both frames is compared
(mean of the frames, the drawn slice included). Validation patients, two frames:

{_table(pairs, "slice")}

Full cines, not trained on:

{_table(_new(cines), "slice")}

## What was chosen, and from what

On {_count(_chosen(result, "stack"))} patients of the training, none of them of the validation. **The model has seen
them**, which flatters prompts that leave it free: these tables say nothing of how good a choice is; the tables above,
of other patients, say whether it holds. Chosen: bold.

Prompts along the stack: one middle slice of end-diastole to all its slices, compared at end-diastole.

{_choice(result, "stack")}

Stop rules, the same way, with the usual prompts:

{_choice(result, "stop")}

Prompts after registration: all slices of end-diastole to end-systole, two frames. The mask is shown although a point
has higher figures: here registration bridges the whole contraction at once, and the contours that go in are those that
the model knows. The mask carries on what a person has corrected, which a point leaves to the model. How a point does
around a full cycle was not measured.

{_choice(result, "cycle")}

Registration alone, around the full cycle of {_count(_chosen(result, "registration"))} cines of training patients, all
slices of end-diastole to end-systole:

{_choice(result, "registration")}

## What this does not show

The full cines that were not trained on are {_count(_new(cines))}: their table says that the ways work around a whole
cycle, not which is better by a little. The frames between end-diastole and end-systole have no reference. Contours of
the expert went in; worse ones give worse results.
"""


def _verdict(pairs: Sequence[Row], cines: Sequence[Row]) -> str:
    """Which way is the usual one, and whether the figures agree."""
    better = []
    for name, rows in (("the validation patients", pairs), ("the cines not trained on", _new(cines))):
        means = {
            method: _mean_dice([row for row in rows if row["task"] == "stack" and row["method"] == method])
            for method in PROPAGATION_METHODS
        }
        best = max(means, key=lambda method: means[method])
        others = ", ".join(f"{means[method]:.3f} with `{method}`" for method in means if method != best)
        better.append(f"on {name} `{best}` has the highest mean Dice at end-systole ({means[best]:.3f}; {others})")
    text = f"**Which to choose.** The usual one is `{DEFAULT_METHOD_ID}`: {'; '.join(better)}."
    return text + (
        " Choose `registration` where the contours follow another convention than the model's (papillary muscles left "
        "out, another pathology): the model brings its own, registration keeps what was drawn."
    )


def _table(rows: Sequence[Row], task: str) -> str:
    lines = [
        "| | RV | MYO | LV | mean Dice | HD95, mm | LV EF error | RV EF error | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for method, title in _TITLES.items():
        own = [row for row in rows if row["task"] == task and row["method"] == method]
        if not own:
            continue
        dice = " | ".join(f"{_mean(own, f'dice_{name}'):.3f}" for name in STRUCTURES)
        ef = " | ".join(_ef_error(own, name) for name in ("LV", "RV"))
        seconds = "" if method in ("kept", "automatic") else f"{_mean(own, 'seconds'):.1f}"
        lines.append(f"| {title} | {dice} | {_mean_dice(own):.3f} | {_mean_hd95(own):.1f} | {ef} | {seconds} |")
    return "\n".join(lines)


def _choice(result: Row, choice: str) -> str:
    rows = _chosen(result, choice)
    timed = "seconds" in rows[0]
    lines = [
        f"| | RV | MYO | LV | mean Dice | HD95, mm |{' seconds |' if timed else ''}",
        f"|---|---|---|---|---|---|{'---|' if timed else ''}",
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        own = [row for row in rows if row["name"] == name]
        title = f"**{name}**" if own[0]["usual"] else name
        dice = " | ".join(f"{_mean(own, f'dice_{structure}'):.3f}" for structure in STRUCTURES)
        seconds = f" {_mean(own, 'seconds'):.1f} |" if timed else ""
        lines.append(f"| {title} | {dice} | {_mean_dice(own):.3f} | {_mean_hd95(own):.1f} |{seconds}")
    return "\n".join(lines)


def _chosen(result: Row, choice: str) -> list[Row]:
    return [row for row in result["choices"] if row["choice"] == choice]


def _ef_error(rows: Sequence[Row], ventricle: str) -> str:
    errors = np.array([row[f"ef_error_{ventricle}"] for row in rows])
    return f"{np.abs(errors).mean():.1f} ({errors.mean():+.1f})"


def _mean(rows: Sequence[Row], key: str) -> float:
    return float(np.mean([row[key] for row in rows]))


def _mean_dice(rows: Sequence[Row]) -> float:
    return float(np.mean([_mean(rows, f"dice_{structure}") for structure in STRUCTURES]))


def _mean_hd95(rows: Sequence[Row]) -> float:
    return float(np.mean([_mean(rows, f"hd95_mm_{structure}") for structure in STRUCTURES]))


def _new(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if not row["trained_on"]]


def _seen(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["trained_on"]]


def _count(rows: Sequence[Row]) -> int:
    return len({row["patient"] for row in rows})
