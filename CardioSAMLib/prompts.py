"""What a person, or another model, shows a promptable model: points, a box and a mask for each structure of a slice.

Coordinates are continuous native pixels `(row, column)`: pixel centers lie at whole numbers, so the image covers
-0.5 to rows - 0.5 and -0.5 to columns - 0.5.
"""

from __future__ import annotations

import base64
import json
import math
import operator
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.labels import Structure


@dataclass(frozen=True)
class PointPrompt:
    """A click: "here is the structure" (positive), or "not here". Raises UnusableInput where it is no position."""

    row_px: float
    column_px: float
    positive: bool

    def __post_init__(self) -> None:
        _as_floats(self, "row_px", "column_px")
        object.__setattr__(self, "positive", bool(self.positive))
        if not (math.isfinite(self.row_px) and math.isfinite(self.column_px)):
            raise UnusableInput(f"{self} is no position in an image; give its row and column in pixels.")

    def __str__(self) -> str:
        return f"The point at row {self.row_px:g}, column {self.column_px:g}"

    @property
    def pixel(self) -> tuple[int, int]:
        """Row and column of the pixel that the point lies in."""
        return math.floor(self.row_px + 0.5), math.floor(self.column_px + 0.5)


@dataclass(frozen=True)
class BoxPrompt:
    """A box around a structure. Its sides run through the centers of the outermost pixels that it includes.

    Raises UnusableInput where it has no area or its sides are in the wrong order.
    """

    first_row_px: float
    first_column_px: float
    last_row_px: float
    last_column_px: float

    def __post_init__(self) -> None:
        _as_floats(self, "first_row_px", "first_column_px", "last_row_px", "last_column_px")
        if not all(map(math.isfinite, astuple(self))):
            raise UnusableInput(f"{self} is no box; give the rows and columns of two opposite corners in pixels.")
        if self.first_row_px >= self.last_row_px or self.first_column_px >= self.last_column_px:
            raise UnusableInput(f"{self} has no area; drag it from its upper left to its lower right corner.")

    def __str__(self) -> str:
        rows, columns = (self.first_row_px, self.last_row_px), (self.first_column_px, self.last_column_px)
        return "The box over the rows {:g} to {:g} and the columns {:g} to {:g}".format(*rows, *columns)

    def moved(self, steps_px: Sequence[float], shape: tuple[int, int]) -> BoxPrompt:
        """The box with its sides (first row, first column, last row, last column) moved down or right by `steps_px`.

        It stays inside an image of `shape`. Sides that have passed each other change places, and a box is left at
        least one pixel wide.
        """
        first_row, first_column, last_row, last_column = np.add(astuple(self), steps_px).tolist()
        rows = _inside(first_row, last_row, shape[0])
        columns = _inside(first_column, last_column, shape[1])
        return BoxPrompt(rows[0], columns[0], rows[1], columns[1])


@dataclass(frozen=True, eq=False)
class StructurePrompts:
    """All that is shown of one structure in one slice: any of points, box and mask, but not negative points alone.

    mask: bool `(rows, columns)` on the grid of the image, from a neighbor or an earlier answer; or floating-point
        low-resolution logits, square, as the model itself gave them for the same image.

    Raises UnusableInput where the prompts say nothing or contradict each other.
    """

    structure: Structure
    points: tuple[PointPrompt, ...] = ()
    box: BoxPrompt | None = None
    mask: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(self.points))
        if not isinstance(self.structure, Structure):
            raise UnusableInput(
                f"{self.structure!r} is no structure; give Structure.LV, Structure.MYO or Structure.RV."
            )
        name = self.structure.name
        if not all(isinstance(point, PointPrompt) for point in self.points):
            raise UnusableInput(f"A point for {name} is no PointPrompt; give PointPrompt(row, column).")
        if not isinstance(self.box, BoxPrompt | None):
            raise UnusableInput(
                f"The box for {name} is no BoxPrompt; give BoxPrompt(first row, first column, last row, last column)."
            )
        if self.mask is not None:
            object.__setattr__(self, "mask", np.asarray(self.mask))
            _check_mask(self.mask, name)
        if self.box is None and self.mask is None and not self.positives:
            what = "only negative points" if self.points else "no prompt"
            raise UnusableInput(f"{name} has {what}; add a positive point on it, a box around it, or leave it out.")
        both = {point.pixel for point in self.positives} & {point.pixel for point in self.negatives}
        if both:
            raise UnusableInput(f"{name} has a positive and a negative point in {_pixel(both)}; remove one of them.")

    @property
    def positives(self) -> tuple[PointPrompt, ...]:
        return tuple(point for point in self.points if point.positive)

    @property
    def negatives(self) -> tuple[PointPrompt, ...]:
        return tuple(point for point in self.points if not point.positive)

    def with_points(self, *points: PointPrompt) -> StructurePrompts:
        """These prompts and further points, the newest last."""
        return replace(self, points=(*self.points, *points))

    def check(self, shape: tuple[int, int]) -> None:
        """Raises UnusableInput where a prompt does not fit an image of `shape` (rows, columns)."""
        place = f"the image of {shape[0]} rows and {shape[1]} columns"
        for point in self.points:
            if not all(0 <= index < size for index, size in zip(point.pixel, shape, strict=True)):
                raise UnusableInput(f"{point} for {self.structure.name} is outside {place}; put it on the image.")
        if self.box is not None and not _box_fits(self.box, shape):
            raise UnusableInput(f"{self.box} for {self.structure.name} leaves {place}; draw it inside the image.")
        if self.mask is not None and self.mask.dtype == bool and self.mask.shape != tuple(shape):
            raise UnusableInput(
                f"The mask for {self.structure.name} has the shape {self.mask.shape}, not that of {place}; "
                "give one that was drawn on this image."
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StructurePrompts):
            return NotImplemented
        mine, others = ((p.structure, p.points, p.box, p.mask is None) for p in (self, other))
        return mine == others and (self.mask is None or _same(self.mask, other.mask))

    def __hash__(self) -> int:
        return hash((self.structure, self.points, self.box))


@dataclass(frozen=True)
class SlicePrompts:
    """What is shown of a slice at a frame (both 0-based).

    structures: each at most once; the others are not drawn.
    frozen: structures whose contours must stay as they are ("do not touch RV"). They may have prompts from before:
        these still serve the others as negatives.

    Raises UnusableInput where the prompts say nothing or contradict each other.
    """

    frame: int
    slice_number: int
    structures: tuple[StructurePrompts, ...]
    frozen: frozenset[Structure] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", _several(self.structures, StructurePrompts, "structures"))
        object.__setattr__(self, "frozen", frozenset(_several(self.frozen, Structure, "frozen")))
        object.__setattr__(self, "frame", _whole(self.frame, "frame"))
        object.__setattr__(self, "slice_number", _whole(self.slice_number, "slice number"))
        names = [prompts.structure for prompts in self.structures]
        if not set(names) - self.frozen:
            raise UnusableInput("No structure that may change has a prompt; give a point or a box for one.")
        if len(set(names)) != len(names):
            raise UnusableInput("A structure has prompts twice; put all its points, its box and its mask together.")
        owner: dict[tuple[int, int], str] = {}
        for prompts in self.structures:
            for pixel in {point.pixel for point in prompts.positives}:
                if pixel in owner:
                    both = f"{owner[pixel]} and {prompts.structure.name}"
                    raise UnusableInput(f"{both} both have a positive point in {_pixel({pixel})}; remove one of them.")
                owner[pixel] = prompts.structure.name

    def check(self, cine: Cine) -> None:
        """Raises UnusableInput where the cine has no such frame or slice, or a prompt does not fit its images."""
        frames, slices, rows, columns = cine.pixels.shape
        for name, number, count in (("frame", self.frame, frames), ("slice", self.slice_number, slices)):
            if not 0 <= number < count:
                raise UnusableInput(f"The cine has no {name} {number}; choose one from 0 to {count - 1}.")
        for prompts in self.structures:
            prompts.check((rows, columns))

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back unchanged, masks included."""
        structures = [
            {
                "structure": prompts.structure.name,
                "points": [[point.row_px, point.column_px, point.positive] for point in prompts.points],
                "box": None if prompts.box is None else astuple(prompts.box),
                "mask": None if prompts.mask is None else _packed(prompts.mask),
            }
            for prompts in self.structures
        ]
        frozen = sorted(structure.name for structure in self.frozen)
        return json.dumps({"frame": self.frame, "slice": self.slice_number, "structures": structures, "frozen": frozen})

    @staticmethod
    def from_json(text: str) -> SlicePrompts:
        """Reads what `to_json` wrote. Raises UnusableInput where it is something else."""
        try:
            stored = json.loads(text)
            structures = tuple(map(_structure_prompts, stored["structures"]))
            frozen = frozenset(Structure[name] for name in stored["frozen"])
            return SlicePrompts(stored["frame"], stored["slice"], structures, frozen)
        except UnusableInput:
            raise
        except (ValueError, TypeError, LookupError, zlib.error) as error:
            raise UnusableInput(
                "The text holds no prompts of a slice; give one that CardioSAM has stored, unchanged."
            ) from error


def box_around(mask: Array, margin_px: float = 0.0, past_edge_px: float = 0.0) -> BoxPrompt | None:
    """The box of a bool mask `(rows, columns)`, widened on each side by the margin; None where the mask is empty.

    It is cut off so far past the last row and column of the image (the code of Stein 2023 cuts off at its height and
    width, which is 1). A mask that is one pixel wide gets half a pixel to each side at least, so that its box has an
    area.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    row_reach, column_reach = (max(margin_px, 0.5) if line[0] == line[-1] else margin_px for line in (rows, columns))
    last_row = min(rows[-1] + row_reach, mask.shape[0] - 1 + past_edge_px)
    last_column = min(columns[-1] + column_reach, mask.shape[1] - 1 + past_edge_px)
    return BoxPrompt(max(rows[0] - row_reach, 0.0), max(columns[0] - column_reach, 0.0), last_row, last_column)


def shared_negatives(prompts: SlicePrompts) -> SlicePrompts:
    """The same prompts, with the positive points of each structure as negative points of all the others.

    A pixel where a structure has a negative already gets no second one.
    """
    return replace(prompts, structures=tuple(_with_negatives(own, prompts.structures) for own in prompts.structures))


def _with_negatives(own: StructurePrompts, all_prompts: Sequence[StructurePrompts]) -> StructurePrompts:
    taken = {point.pixel for point in own.negatives}
    shared = []
    for other in all_prompts:
        for point in other.positives if other.structure is not own.structure else ():
            if point.pixel not in taken:
                taken.add(point.pixel)
                shared.append(replace(point, positive=False))
    return own.with_points(*shared)


def _inside(one: float, other: float, size: int) -> tuple[float, float]:
    """Two opposite sides in order, on an image of `size` pixels, and a pixel apart at least."""
    low, high = np.clip(sorted((one, other)), 0.0, size - 1.0).tolist()
    if high - low >= 1.0:
        return low, high
    low = min(max((low + high - 1.0) / 2.0, 0.0), size - 2.0)
    return low, low + 1.0


def _box_fits(box: BoxPrompt, shape: tuple[int, int]) -> bool:
    # One pixel beyond the outermost centers is let through: published boxes are cut off at the width and the height
    # of the image instead of its last row and column (Stein 2023), and such boxes must stay usable.
    return (
        min(box.first_row_px, box.first_column_px) >= -1.0
        and box.last_row_px <= shape[0]
        and box.last_column_px <= shape[1]
    )


def _check_mask(mask: Array, name: str) -> None:
    if mask.ndim != 2 or mask.dtype.kind not in "bf":
        raise UnusableInput(
            f"The mask for {name} has the type {mask.dtype} and the shape {mask.shape}; give a bool array of rows and "
            "columns, or the logits of an earlier answer."
        )
    if mask.dtype != bool and (mask.shape[0] != mask.shape[1] or not np.isfinite(mask).all()):
        raise UnusableInput(
            f"The logits for {name} are not finite numbers on a square grid; give the low-resolution logits of an "
            "earlier answer, or a bool mask on the image."
        )
    if mask.dtype != bool and mask.any() and np.isin(mask, (0, 1)).all():
        raise UnusableInput(f"The mask for {name} holds zeros and ones, which are no logits; give it as bool.")
    # Logits without a pixel above 0 may stand: they are what a model answers that found nothing, before the next click.
    if mask.dtype == bool and not mask.any():
        raise UnusableInput(f"The mask for {name} is empty; give one that shows it, or no mask.")


def _as_floats(prompt: PointPrompt | BoxPrompt, *names: str) -> None:
    """Plain floats whatever kind of number was given, so that equal prompts are stored alike."""
    for name in names:
        given = getattr(prompt, name)
        try:
            object.__setattr__(prompt, name, float(given))
        except (TypeError, ValueError) as error:
            raise UnusableInput(f"{name} of a prompt is {given!r}; give a number of pixels.") from error


def _several(given: object, kind: type, name: str) -> tuple[Any, ...]:
    """What must be a collection of this kind: a word or number in it would protect or prompt nothing."""
    values = tuple(given) if isinstance(given, Iterable) else None
    if values is None or not all(isinstance(value, kind) for value in values):
        raise UnusableInput(f"{name} of prompts is {given!r}; give a tuple of {kind.__name__}.")
    return values


def _whole(value: object, name: str) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise UnusableInput(f"The {name} of prompts is {value!r}; give its number, counted from 0.") from error


def _pixel(pixels: set[tuple[int, int]]) -> str:
    row, column = min(pixels)
    return f"the pixel at row {row}, column {column}"


def _same(mask: Array, other: Array | None) -> bool:
    return other is not None and mask.dtype == other.dtype and np.array_equal(mask, other)


def _packed(mask: Array) -> dict[str, Any]:
    data = np.packbits(mask) if mask.dtype == bool else mask.astype(mask.dtype.newbyteorder("<"))
    text = base64.b64encode(zlib.compress(data.tobytes())).decode("ascii")
    return {"type": mask.dtype.name, "shape": list(mask.shape), "zlib_base64": text}


def _unpacked(stored: dict[str, Any]) -> Array:
    rows, columns = stored["shape"]
    data = zlib.decompress(base64.b64decode(stored["zlib_base64"], validate=True))
    if stored["type"] == "bool":
        # Without count, which would fill up missing bits: the bytes must be as many as the shape needs.
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(math.ceil(rows * columns / 8)))
        return bits[: rows * columns].astype(bool).reshape(rows, columns)
    kind = np.dtype(stored["type"])
    return np.frombuffer(data, kind.newbyteorder("<")).astype(kind).reshape(rows, columns)


def _structure_prompts(stored: dict[str, Any]) -> StructurePrompts:
    points = tuple(PointPrompt(float(row), float(column), bool(sign)) for row, column, sign in stored["points"])
    box = None if stored["box"] is None else BoxPrompt(*map(float, stored["box"]))
    mask = None if stored["mask"] is None else _unpacked(stored["mask"])
    return StructurePrompts(Structure[stored["structure"]], points, box, mask)
