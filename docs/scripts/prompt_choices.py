"""Two questions of `validate_prompts.py`: how structures that overlap are combined, and how many clicks they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from prompt_study import MEANS, Volume, means_of, prompts_for, scores, singly, together

from CardioSAMLib.cine import Array
from CardioSAMLib.evaluation.overlap import dice
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.prompts import PointPrompt, StructurePrompts
from CardioSAMLib.segmentation import Prompter
from CardioSAMLib.segmentation.corrective import MOST_CLICKS, corrections
from CardioSAMLib.segmentation.simulate import STEIN_CORRECTED, PromptCounts, deepest_pixel, depth_px, slices_of_passes

WANTED = 0.90
REACHED_AFTER = (1, 2, 3, 4, 5, 10)
"""Clicks after which the page says what was reached."""

PRIORITY = (Structure.LV, Structure.MYO, Structure.RV)


def combinations(prompter: Prompter, volumes: Sequence[Volume], counts: PromptCounts) -> dict[str, Any]:
    """Rows by way, with the means of `prompt_study.measured`; and the share of drawn pixels that overlap."""
    means: dict[str, list[list[float]]] = {"largest logit": [], "LV, then MYO, then RV": [], "overlaps stay": []}
    drawn_px = overlapping_px = 0
    for volume in volumes:
        rows: dict[str, list[Any]] = {way: [] for way in means}
        for number in labeled_slices(volume):
            prompts = prompts_for(volume, number, STEIN_CORRECTED, counts)
            alone = singly(prompter, volume, number, prompts)
            often = np.stack(list(alone.values())).sum(axis=0)
            drawn_px += int((often > 0).sum())
            overlapping_px += int((often > 1).sum())
            ways = (together(prompter, volume, number, prompts), by_priority(alone), alone)
            for own, drawn in zip(rows.values(), ways, strict=True):
                own += scores(volume, number, drawn)
        for way, own in rows.items():
            means[way].append(means_of(own))
    averaged = [
        {"way": way, **dict(zip(MEANS, np.mean(own, axis=0).tolist(), strict=True))} for way, own in means.items()
    ]
    return {"rows": averaged, "overlap": overlapping_px / drawn_px}


def labeled_slices(volume: Volume) -> tuple[int, ...]:
    [numbers] = slices_of_passes(volume.labels, STEIN_CORRECTED, 0)
    return numbers


def by_priority(masks: dict[Structure, Array]) -> dict[Structure, Array]:
    free = np.ones_like(next(iter(masks.values())))
    kept = {}
    for structure in (one for one in PRIORITY if one in masks):
        kept[structure] = masks[structure] & free
        free = free & ~masks[structure]
    return kept


def clicks_from_nothing(prompter: Prompter, volumes: Sequence[Volume]) -> dict[str, Any]:
    """Of each structure: mean Dice after 1 to 10 clicks, the share of contours that had reached `WANTED` by then, and
    after how many clicks half of them had (None: after none)."""
    rows = []
    contours = 0
    for structure in Structure:
        courses = np.array([course for volume in volumes for course in courses_in(prompter, volume, structure)])
        contours += len(courses)
        reached = np.maximum.accumulate(courses, axis=1) >= WANTED
        half = np.flatnonzero(reached.mean(axis=0) >= 0.5)
        at = [number - 1 for number in REACHED_AFTER]
        rows.append(
            {
                "structure": structure.name,
                "dice": courses.mean(axis=0)[at].tolist(),
                "reached": reached.mean(axis=0)[at].tolist(),
                "median_clicks": int(half[0]) + 1 if half.size else None,
            }
        )
    return {"contours": contours, "rows": rows}


def courses_in(prompter: Prompter, volume: Volume, structure: Structure) -> list[list[float]]:
    """Dice of the structure after each click, in each slice that has it; after the last needed click it stays."""
    courses = []
    for number in labeled_slices(volume):
        wanted = volume.labels[number] == STORAGE.value_of(structure)
        if not wanted.any():
            continue

        def drawn(prompts: StructurePrompts, number: int = number) -> Array:
            return together(prompter, volume, number, (prompts,))[structure]

        first = StructurePrompts(structure, (PointPrompt(*deepest_pixel(depth_px(wanted)), True),))
        course = [dice(wanted, one.mask) for one in corrections(drawn, wanted, first, MOST_CLICKS - 1)]
        courses.append(course + [course[-1]] * (MOST_CLICKS - len(course)))
    return courses
