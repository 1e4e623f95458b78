"""The contour side of a study: structures of the heart, the integers data sets give them, and a segmented cine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput


class Structure(Enum):
    """A part of the heart with its terminology. Members: name, meaning, SNOMED CT code, color."""

    RV = ("Right ventricle", "53085002", (78, 121, 214))
    MYO = ("Left ventricular myocardium", "49848007", (92, 184, 92))
    LV = ("Left ventricle", "87878005", (214, 69, 65))

    def __init__(self, meaning: str, snomed_code: str, color_rgb: tuple[int, int, int]) -> None:
        self.meaning = meaning
        self.snomed_code = snomed_code
        self.color_rgb = color_rgb

    @property
    def hex_color(self) -> str:
        """#rrggbb, which matplotlib and HTML both take."""
        return "#" + bytes(self.color_rgb).hex()


@dataclass(frozen=True)
class LabelMap:
    """Which integer stands for which structure in the label files of a data set; 0 is background in all of them."""

    name: str
    structures: Mapping[int, Structure]

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", MappingProxyType(dict(self.structures)))

    def value_of(self, structure: Structure) -> int:
        """The integer of a structure. Raises KeyError if the data set does not have it."""
        for value, candidate in self.structures.items():
            if candidate is structure:
                return value
        raise KeyError(f"{self.name} has no label for {structure.name}")

    def to_storage(self, labels: Array) -> Array:
        """Labels of this data set in our storage order, uint8, same shape. Raises UnusableInput on other integers."""
        values = np.unique(labels)
        unknown = [value for value in values.tolist() if value != 0 and value not in self.structures]
        if unknown:
            known = ", ".join(f"{value} {structure.name}" for value, structure in self.structures.items())
            raise UnusableInput(
                f"The labels hold the values {unknown}, which {self.name} does not have ({known}); "
                "choose the label map that fits the data."
            )
        stored = np.zeros(np.shape(labels), dtype=np.uint8)
        for value, structure in self.structures.items():
            stored[labels == value] = STORAGE.value_of(structure)
        return stored

    def from_storage(self, stored: Array) -> Array:
        """Our storage order in the integers of this data set, uint8, same shape."""
        labels = np.zeros(stored.shape, dtype=np.uint8)
        for structure in Structure:
            labels[stored == STORAGE.value_of(structure)] = self.value_of(structure)
        return labels


ACDC = LabelMap("ACDC", {1: Structure.RV, 2: Structure.MYO, 3: Structure.LV})
MNMS = LabelMap("MNMS", {1: Structure.LV, 2: Structure.MYO, 3: Structure.RV})
UKB = LabelMap("UKB", {1: Structure.LV, 2: Structure.MYO, 3: Structure.RV})
LABEL_MAPS = MappingProxyType({label_map.name: label_map for label_map in (ACDC, MNMS, UKB)})

STORAGE = ACDC
"""The order of our own label arrays and files."""


def base_to_apex(labels: Array) -> tuple[int, ...]:
    """The slices from the first to the last with LV, from base to apex; empty without LV.

    labels: `(slices, rows, columns)` in the `STORAGE` order, one frame. Stacks run either way: the base is the end
    where the ventricles are wider, judged on the outer halves of those slices.
    """
    slices = np.flatnonzero((labels == STORAGE.value_of(Structure.LV)).any(axis=(1, 2)))
    if not slices.size:
        return ()
    inside = range(int(slices[0]), int(slices[-1]) + 1)
    heart = np.count_nonzero(labels[inside.start : inside.stop], axis=(1, 2))
    half = len(heart) // 2
    first_is_base = half == 0 or heart[:half].sum() >= heart[-half:].sum()
    return tuple(inside) if first_is_base else tuple(reversed(inside))


@dataclass(frozen=True)
class Provenance:
    """Who drew the contours: a model by id, version and sha256 (of all its files), or a person ("expert")."""

    model_id: str
    model_version: str = ""
    model_sha256: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def as_settings(self, key: str) -> dict[str, str]:
        """Id, version and sha256, as settings of the provenance of contours on which this model worked, too."""
        named = {key: self.model_id, f"{key}_version": self.model_version, f"{key}_sha256": self.model_sha256}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class CineSegmentation:
    """Structures of a cine, one label per voxel, so that they exclude each other.

    labels: uint8 `(frames, slices, rows, columns)` in the `STORAGE` order, 0 background; the grid of the cine.
    segmented_frames: 0-based frames that were looked at; the others are all background and mean "not known".
    confidence: float32 of the same shape in 0..1, or None.

    Raises UnusableInput where the values cannot be a segmentation.
    """

    labels: Array
    segmented_frames: tuple[int, ...]
    provenance: Provenance
    confidence: Array | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim != 4 or self.labels.dtype != np.uint8:
            raise UnusableInput(
                f"Labels of type {self.labels.dtype} and shape {self.labels.shape} are no segmentation of a cine; "
                "it needs uint8 (frames, slices, rows, columns)."
            )
        if self.labels.size and int(self.labels.max()) > max(STORAGE.structures):
            raise UnusableInput(f"The labels hold the value {int(self.labels.max())}; use a LabelMap to convert them.")
        frames = tuple(int(frame) for frame in self.segmented_frames)
        if not frames or sorted(set(frames)) != list(frames) or frames[0] < 0 or frames[-1] >= len(self.labels):
            raise UnusableInput(
                f"The segmented frames {frames} must be distinct, in order, and among the cine's {len(self.labels)}."
            )
        object.__setattr__(self, "segmented_frames", frames)
        if self.confidence is not None and self.confidence.shape != self.labels.shape:
            raise UnusableInput(
                f"The confidence has the shape {self.confidence.shape}, not that of the labels, {self.labels.shape}."
            )

    def check_fits(self, cine: Cine) -> None:
        """Raises UnusableInput where the segmentation has another grid than the cine."""
        if self.labels.shape != cine.pixels.shape:
            raise UnusableInput(
                f"The segmentation has the shape {self.labels.shape}, the cine {cine.pixels.shape}; "
                "give the segmentation that was made on this cine."
            )

    def mask(self, structure: Structure) -> Array:
        """bool `(frames, slices, rows, columns)`, true where the structure is."""
        return np.asarray(self.labels == STORAGE.value_of(structure))
