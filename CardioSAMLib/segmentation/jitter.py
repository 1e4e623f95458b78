"""Boxes that are off: the jitters under which models were trained and tested (docs/prompts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from CardioSAMLib.cine import Array
from CardioSAMLib.prompts import BoxPrompt
from CardioSAMLib.segmentation.simulate import Seed


@dataclass(frozen=True)
class SideJitter:
    """How far each side of a box moves, by itself.

    name: as in tables. spread: outward by the amount ("fixed"), outward by a number drawn evenly from 0 to it
    ("uniform_outward"), or outward or inward by one from a normal distribution of that SD ("normal").
    unit: of the amount: millimeters; pixels; or pixels of the whole image after scaling its longer side to 256 or 1024,
    as SAM and its relatives do.
    """

    name: str
    spread: Literal["fixed", "uniform_outward", "normal"]
    amount: float
    unit: Literal["mm", "px", "px@256", "px@1024"]

    def native_px(self, shape: tuple[int, int], pixel_mm: tuple[float, float]) -> tuple[float, float]:
        """The amount in native rows and columns, in an image of `shape` with pixels of `pixel_mm` (row, column)."""
        if self.unit == "mm":
            return self.amount / pixel_mm[0], self.amount / pixel_mm[1]
        scaled = {"px": max(shape), "px@256": 256, "px@1024": 1024}[self.unit]
        return (self.amount * max(shape) / scaled,) * 2


_ENTRIES = (
    SideJitter("out_U(0,20)px@1024", "uniform_outward", 20.0, "px@1024"),
    SideJitter("U(0,5)px@256", "uniform_outward", 5.0, "px@256"),
    SideJitter("fixed5px", "fixed", 5.0, "px"),
    *(SideJitter(f"sym_N(0,{sigma} mm)", "normal", float(sigma), "mm") for sigma in (0, 2, 4, 6)),
)
JITTERS: Mapping[str, SideJitter] = MappingProxyType({jitter.name: jitter for jitter in _ENTRIES})
"""In this order: MedSAM, LiteMedSAM, Stein, and our own, which goes inward, too."""


def jittered_box(
    box: BoxPrompt, jitter: SideJitter, shape: tuple[int, int], pixel_mm: tuple[float, float], seed: Seed
) -> BoxPrompt:
    """A box with its sides moved, inside an image of `shape` (rows, columns) with pixels of `pixel_mm`.

    With the same seed, a larger amount moves the same sides further the same way: a curve over amounts is smooth. So
    that not all boxes are off alike, the seed should name the box, too, as in (seed, patient, frame, slice, structure).
    """
    shares = _shares(jitter, np.random.default_rng(seed))
    rows_px, columns_px = jitter.native_px(shape, pixel_mm)
    outward = np.array([-rows_px, -columns_px, rows_px, columns_px])
    return box.moved((shares * outward).tolist(), shape)


def _shares(jitter: SideJitter, random: np.random.Generator) -> Array:
    """By how many amounts each of the four sides moves outward."""
    if jitter.spread == "fixed":
        return np.ones(4)
    return random.uniform(0.0, 1.0, 4) if jitter.spread == "uniform_outward" else random.standard_normal(4)
