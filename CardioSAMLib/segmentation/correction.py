"""A click on a drawn slice: the contour gives way around it, and everything else stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.crops import put_back
from CardioSAMLib.labels import STORAGE, CineSegmentation, Structure
from CardioSAMLib.prompts import PointPrompt, SlicePrompts, StructurePrompts, shared_negatives
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.model_image import ModelImage, native_logits
from CardioSAMLib.segmentation.promptable import EncodedSlice, Prompter

_SMOOTHING_PX = 1.0
# An opposite point must keep its sign: a bump is down to 1 % there.
_SHARE_OF_WAY_TO_OPPOSITE = 1.0 / 3.0


@dataclass(frozen=True)
class Reach:
    """How far a click is heard that the model does not follow, and how loud.

    mm, of_way_to_contour, gray: standard deviations of a Gaussian. mm: of the distance from the click.
    of_way_to_contour: the same, as a multiple of the way from the click to the contour; the smaller one counts, as a
    contour that is near needs to move little. gray: of the difference of gray values, in standard deviations of the
    image. surest_logit: the model's logits count up to this, on both sides. clicked_logit: what that of the clicked
    pixel is made, on the side that is clicked. Chosen on training patients: docs/clicks.md.
    """

    mm: float = 20.0
    of_way_to_contour: float = 4.0
    gray: float = 0.5
    surest_logit: float = 3.0
    clicked_logit: float = 4.0


_USUAL_REACH = Reach()


def correction_prompts(
    segmentation: CineSegmentation,
    frame: int,
    slice_number: int,
    clicks: Mapping[Structure, Iterable[PointPrompt]],
    frozen: Collection[Structure] = (),
) -> SlicePrompts:
    """The clicks made so far on a drawn slice, as prompts for `corrected_slice`.

    A structure with negative clicks only is shown with its contour, as these alone say nothing; where it has none (any
    more), its clicks are left out. Raises UnusableInput where nothing is left to do, or clicks contradict each other.
    """
    labels = segmentation.labels[frame, slice_number]
    prompts = []
    for structure, made in clicks.items():
        points = tuple(made)
        contour = labels == STORAGE.value_of(structure)
        if any(point.positive for point in points):
            prompts.append(StructurePrompts(structure, points))
        elif points and contour.any():
            prompts.append(StructurePrompts(structure, points, mask=contour))
    if not prompts:
        raise UnusableInput(
            "Nothing that is drawn on this slice was clicked; click on a structure to add to it, or on a contour that "
            "is too large to take away from it."
        )
    return SlicePrompts(frame, slice_number, tuple(prompts), frozenset(frozen))


def corrected_slice(
    prompter: Prompter,
    cine: Cine,
    segmentation: CineSegmentation,
    prompts: SlicePrompts,
    region: HeartBox | None = None,
    reach: Reach = _USUAL_REACH,
) -> Array:
    """New labels of a drawn slice, uint8 `(rows, columns)`, that do what the points on it ask for.

    Every positive point comes to lie in its structure and every negative one outside of it, whatever the model thinks.
    A point that its contour obeys already changes nothing. For another one, the model is shown all points (with the
    contour where all are negative, that of the nearest slice where there is none); its logits are raised or lowered
    around the point, as far as gray values are alike; and of what comes of it, the connected part that holds it is
    added to the structure, or taken away. What is taken away goes to what lies next to it. A structure with a box from
    the user is drawn anew. Structures that are frozen keep each pixel.

    segmentation: the slice as it is now; after each click give the newest. prompts: all that the user has shown on the
    slice, see `correction_prompts`; the contour of each structure is taken from the segmentation, not from its prompts.
    region: as for `Prompter.predict`.
    Raises UnusableInput where the prompts do not fit the cine, or ask for a pixel of a frozen structure.
    """
    prompts.check(cine)
    segmentation.check_fits(cine)
    stack = segmentation.labels[prompts.frame]
    labels: Array = stack[prompts.slice_number].copy()
    _check_frozen(labels, prompts)
    # The positive points of a structure tell the model where the others are not; only its own ones change it.
    shown = {own.structure: own for own in shared_negatives(prompts).structures}
    encoded = None
    for own in prompts.structures:
        if own.structure in prompts.frozen or not (own.box or _open_points(own, labels)):
            continue
        encoded = encoded or prompter.encoded(cine, prompts.frame, prompts.slice_number, region)
        start = _start(labels, stack, shown[own.structure], prompts.slice_number)
        contour = labels == STORAGE.value_of(own.structure)
        wanted = _logits(prompter, encoded, start, contour, cine.geometry.spacing_mm[:2], reach) > 0
        if own.box is not None:
            labels = _edited(labels, wanted, ~wanted, own.structure, prompts)
        else:
            labels = _adjusted(labels, wanted, own, prompts)
    return labels


def _adjusted(labels: Array, wanted: Array, own: StructurePrompts, prompts: SlicePrompts) -> Array:
    """Labels in which a structure has become as wanted, but only around its points that were disobeyed."""
    contour, nothing = labels == STORAGE.value_of(own.structure), np.zeros(labels.shape, dtype=bool)
    for point in _open_points(own, labels):
        added = _part_with(point, wanted & ~contour) if point.positive else nothing
        removed = nothing if point.positive else _part_with(point, contour & ~wanted)
        labels = _edited(labels, added, removed, own.structure, prompts)
    return labels


def _check_frozen(labels: Array, prompts: SlicePrompts) -> None:
    for own in prompts.structures:
        for point in own.positives if own.structure not in prompts.frozen else ():
            there = STORAGE.structures.get(int(labels[point.pixel]))
            if there in prompts.frozen:
                raise UnusableInput(
                    f"{point} for {own.structure.name} is in {there.name}, which must stay as it is; let it change, or "
                    "click elsewhere."
                )


def _open_points(own: StructurePrompts, labels: Array) -> tuple[PointPrompt, ...]:
    """Those that the labels disobey."""
    inside = labels == STORAGE.value_of(own.structure)
    return tuple(point for point in own.points if bool(inside[point.pixel]) != point.positive)


def _start(labels: Array, stack: Array, own: StructurePrompts, slice_number: int) -> StructurePrompts:
    """What the model is shown: the points and, where the user drew a box, that; else a contour if it needs one."""
    if own.box is not None:
        return StructurePrompts(own.structure, own.points, own.box)
    contour = labels == STORAGE.value_of(own.structure)
    if not contour.any():
        return StructurePrompts(own.structure, own.points, None, _nearest_contour(stack, own.structure, slice_number))
    # Shown the contour that is to change, the model changes it less (docs/clicks.md); but it needs to see something.
    return StructurePrompts(own.structure, own.points, None, None if own.positives else contour)


def _nearest_contour(stack: Array, structure: Structure, slice_number: int) -> Array | None:
    """Of the slice that is nearest in the frame; None where no slice has one."""
    masks = stack == STORAGE.value_of(structure)
    drawn = np.flatnonzero(masks.any(axis=(1, 2)))
    if not drawn.size:
        return None
    return np.asarray(masks[min(drawn.tolist(), key=lambda number: abs(number - slice_number))])


def _logits(
    prompter: Prompter,
    encoded: EncodedSlice,
    prompts: StructurePrompts,
    contour: Array,
    pixel_mm: tuple[float, float],
    reach: Reach,
) -> Array:
    """The model's logits `(rows, columns)`, raised and lowered around the points until each has the right sign."""
    shape = (contour.shape[0], contour.shape[1])
    answer = prompter.model.decode(encoded.embedding, encoded.image, prompts)
    logits = np.clip(native_logits(answer.logits, encoded.image, shape), -reach.surest_logit, reach.surest_logit)
    gray = _gray_values(encoded.image, shape)
    for point in prompts.points:
        sign = 1.0 if point.positive else -1.0
        missing = reach.clicked_logit - sign * float(logits[point.pixel])
        if missing > 0:
            opposite = prompts.negatives if point.positive else prompts.positives
            reach_mm = _reach_mm(point, opposite, contour, pixel_mm, reach)
            logits = logits + sign * missing * _likeness(point.pixel, gray / reach.gray, pixel_mm, reach_mm)
    return np.asarray(logits)


def _reach_mm(
    point: PointPrompt,
    opposite: Collection[PointPrompt],
    contour: Array,
    pixel_mm: tuple[float, float],
    reach: Reach,
) -> float:
    """Less than usual where the contour is near, and where another point says the opposite."""
    row, column = point.pixel
    reaches = [reach.mm]
    if contour.any() and not contour.all():
        same_side = np.asarray(contour == contour[row, column])
        way = float(ndimage.distance_transform_edt(same_side, pixel_mm)[row, column])
        reaches.append(reach.of_way_to_contour * way)
    for other in opposite:
        way = float(np.hypot((row - other.pixel[0]) * pixel_mm[0], (column - other.pixel[1]) * pixel_mm[1]))
        reaches.append(_SHARE_OF_WAY_TO_OPPOSITE * way)
    return min(reaches)


def _likeness(pixel: tuple[int, int], gray: Array, pixel_mm: tuple[float, float], reach_mm: float) -> Array:
    """1 at a pixel, less where it is farther away or the gray value differs (by 1: 0.61); float `(rows, columns)`."""
    rows, columns = np.indices(gray.shape)
    way_mm = np.hypot((rows - pixel[0]) * pixel_mm[0], (columns - pixel[1]) * pixel_mm[1])
    return np.asarray(np.exp(-0.5 * ((way_mm / reach_mm) ** 2 + (gray - gray[pixel]) ** 2)))


def _gray_values(image: ModelImage, shape: tuple[int, int]) -> Array:
    """The slice as the model sees it, smoothed, in standard deviations; float32 `(rows, columns)`."""
    middle = ndimage.gaussian_filter(image.pixels[len(image.pixels) // 2], _SMOOTHING_PX)
    shown = middle[: image.shown_px[0], : image.shown_px[1]]
    gray = np.zeros(shape, np.float32)
    window, values = put_back((middle / max(float(shown.std()), 1e-6))[None], image.crop, shape)
    gray[window] = values[0]
    return gray


def _part_with(point: PointPrompt, changed: Array) -> Array:
    """The connected part (by the sides of pixels) that holds the point."""
    parts, _ = ndimage.label(changed)
    return np.asarray((parts == parts[point.pixel]) & changed)


def _edited(labels: Array, added: Array, removed: Array, structure: Structure, prompts: SlicePrompts) -> Array:
    """Labels with pixels added to a structure, and others taken from it; frozen structures stay as they are."""
    value = STORAGE.value_of(structure)
    frozen = np.isin(labels, [STORAGE.value_of(one) for one in prompts.frozen])
    removed = removed & (labels == value)
    denied = [own.structure for own in prompts.structures if any(removed[point.pixel] for point in own.negatives)]
    heirs = ~np.isin(labels, [STORAGE.value_of(one) for one in {structure, *denied, *prompts.frozen}])
    edited = labels.copy()
    edited[removed] = 0
    if removed.any() and heirs.any():
        nearest = ndimage.distance_transform_edt(~heirs, return_distances=False, return_indices=True)
        edited[removed] = labels[tuple(nearest)][removed]
    edited[added & ~frozen] = value
    return edited
