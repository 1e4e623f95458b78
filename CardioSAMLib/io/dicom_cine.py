"""A DICOM folder -> the cines in it, and the pixels of the one that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from CardioSAMLib.cine import Array, Cine, Geometry, QualityNote, UnusableInput
from CardioSAMLib.io.candidates import CineCandidate, CineSource, describe, qualifies
from CardioSAMLib.io.dicom_files import DicomFiles, quiet_pydicom, read_dicom_files
from CardioSAMLib.io.dicom_frames import OrderedStack, order_frames
from CardioSAMLib.io.dicom_groups import Stack, stacks_of
from CardioSAMLib.io.dicom_headers import ImageHeader, all_headers, is_color
from CardioSAMLib.io.dicom_left_out import LeftOut, left_out_of
from CardioSAMLib.io.dicom_patient import patient_of
from CardioSAMLib.io.dicom_pixels import stored_values
from CardioSAMLib.io.timing import heart_rate, no_frame_times, one_frame, rates_differ

_EQUAL_GAPS = 0.01
_SHIFTED_SLICES_PX = 1.0


@dataclass(frozen=True)
class PlacedCine:
    """A cine and where each DICOM image went.

    places: InstanceNumber -> (frame, slice), 0-based; images without a number or with the same one are not in it.
    """

    cine: Cine
    places: dict[int, tuple[int, int]]


def dicom_sources(files: Sequence[Path]) -> list[CineSource]:
    """The cines among the files, numbered by study date, series number and first instance; none if nothing is DICOM.

    Raises UnusableInput where there is DICOM, but no image that can be placed.
    """
    stacks, found = scan_dicom(files)
    return [_source_of(str(number), stack, stacks, found) for number, stack in enumerate(stacks, start=1)]


def scan_dicom(files: Sequence[Path]) -> tuple[list[Stack], DicomFiles]:
    """The stacks among the files, in the order of their keys, and the data sets that hold their pixels.

    Raises UnusableInput where there is DICOM, but no image that can be placed.
    """
    with quiet_pydicom():
        found = read_dicom_files(files)
        stacks = stacks_of(all_headers(found.datasets))
    if not stacks and (found.datasets or found.damaged):
        raise _nothing_usable(found)
    return stacks, found


def load_stack(stack: Stack, found: DicomFiles) -> PlacedCine:
    """Pixels, geometry, times and patient of a stack.

    Raises UnusableInput where images differ in size, cannot be put in order or cannot be decoded.
    """
    _check_same_grid(stack)
    ordered = order_frames(stack)
    geometry, geometry_notes = _geometry(stack)
    with quiet_pydicom():
        pixels = _pixels(ordered, found.datasets)
        patient, patient_notes = patient_of(found.datasets[stack.first.file_number])
    frames = len(ordered.images[0])
    headers = [header for images in ordered.images for header in images]
    rates = (
        _median([header.time.rr_interval_ms for header in headers]),
        _median([header.time.heart_rate_bpm for header in headers]),
    )
    contradiction = rates_differ(*rates)
    time_notes = (one_frame(),) if frames == 1 else () if ordered.times_ms else (no_frame_times(),)
    notes = (
        *stack.notes,
        *ordered.notes,
        *geometry_notes,
        *time_notes,
        *(() if contradiction is None else (contradiction,)),
        *patient_notes,
        *_file_notes(found),
    )
    source = _source(stack, len(ordered.images), frames)
    cine = Cine(pixels, geometry, ordered.times_ms, heart_rate(*rates), patient, source, notes)
    return PlacedCine(cine, _places(ordered))


def _source_of(key: str, stack: Stack, stacks: Sequence[Stack], found: DicomFiles) -> CineSource:
    left_out = left_out_of(stack, stacks)
    doubt = next((part.doubt for part in left_out if part.is_missing), None)
    return CineSource(_candidate(key, stack), partial(_load_cine, stack, found, left_out), doubt)


def _load_cine(stack: Stack, found: DicomFiles, left_out: Sequence[LeftOut]) -> Cine:
    cine = load_stack(stack, found).cine
    return replace(cine, notes=(*cine.notes, *(part.note for part in left_out)))


def _candidate(key: str, stack: Stack) -> CineCandidate:
    header, slices, frames = stack.first, len(stack.slices), stack.frames
    name = stack.name
    interval = float(np.median(np.diff(stack.positions_mm))) if slices > 1 else 0.0
    return CineCandidate(
        key=key,
        description=describe(name, slices, frames, header.size_px, (*header.spacing_mm, interval)),
        slices=slices,
        frames=frames,
        is_short_axis_stack=qualifies(name, slices, frames),
    )


def _source(stack: Stack, slices: int, frames: int) -> str:
    return f"DICOM {stack.name}, {slices} slices and {frames} frames"


def _check_same_grid(stack: Stack) -> None:
    headers = [header for images in stack.slices for header in images]
    sizes = sorted({header.size_px for header in headers})
    if len(sizes) > 1:
        shown = " and ".join(f"{rows} x {columns}" for rows, columns in sizes)
        raise UnusableInput(
            f"The images of {stack.name} have different sizes ({shown} pixels); "
            "export the series again, or take out the images that do not belong to it."
        )
    if not np.allclose([header.spacing_mm for header in headers], headers[0].spacing_mm, rtol=1e-3):
        raise UnusableInput(
            f"The images of {stack.name} have different pixel spacings; "
            "export the series again, or take out the images that do not belong to it."
        )


def _geometry(stack: Stack) -> tuple[Geometry, tuple[QualityNote, ...]]:
    """Geometry from the positions of the slices, which rise along the normal, so that it is right-handed."""
    first = stack.first
    positions = np.asarray(stack.positions_mm) - stack.positions_mm[0]
    gaps = np.diff(positions)
    # The lower median: of two gaps, the longer one is the one with a slice missing.
    usual = float(np.percentile(gaps, 50, method="lower"))
    regular = bool(np.all(np.abs(gaps - usual) <= _EQUAL_GAPS * usual))
    notes = []
    if not regular:
        message = (
            f"The slices are {gaps.min():.1f} to {gaps.max():.1f} mm apart; each counts for half of both its gaps."
        )
        notes.append(QualityNote("irregular_slices", "warning", message))
    corners = np.array([images[0].position_mm for images in stack.slices])
    in_plane = (corners - corners[0]) @ np.stack([first.column_axis, first.row_axis], axis=1)
    shift = float(np.abs(in_plane / np.asarray(first.spacing_mm)).max()) if min(first.spacing_mm) > 0 else 0.0
    if shift > _SHIFTED_SLICES_PX:
        message = (
            f"Slices are shifted in their plane by up to {shift:.0f} pixels; volumes hold, but 3D positions do not."
        )
        notes.append(QualityNote("shifted_slices", "warning", message))
    direction = np.stack([first.row_axis, first.column_axis, first.normal], axis=1)
    geometry = Geometry(
        # The mean of equal gaps is exact to the end of the stack; rounding in the file would add up with one gap.
        spacing_mm=(*first.spacing_mm, float(gaps.mean()) if regular else usual),
        origin_mm=tuple(first.position_mm.tolist()),
        direction=tuple(tuple(row) for row in direction.tolist()),
        slice_positions_mm=None if regular else tuple(positions.tolist()),
    )
    return geometry, tuple(notes)


def _pixels(ordered: OrderedStack, datasets: Sequence[Dataset]) -> Array:
    """Image values `(frames, slices, rows, columns)`: integers as stored, float32 where a rescaling says so."""
    images = ordered.images
    headers = [header for slice_images in images for header in slice_images]
    rescaled = any(header.slope != 1.0 or header.intercept != 0.0 for header in headers)
    values: dict[int, Array] = {}
    planes: list[list[Array]] = []
    for slice_images in images:
        planes.append([])
        for header in slice_images:
            if header.file_number not in values:
                values[header.file_number] = stored_values(datasets[header.file_number])
            planes[-1].append(_image_values(header, values[header.file_number], rescaled))
    return np.ascontiguousarray(np.asarray(planes).swapaxes(0, 1))


def _image_values(header: ImageHeader, stored: Array, rescaled: bool) -> Array:
    if header.index_in_file >= len(stored):
        raise UnusableInput("An enhanced DICOM file holds fewer images than it announces; copy the study again.")
    plane = stored[header.index_in_file]
    return np.asarray(plane * np.float32(header.slope) + np.float32(header.intercept)) if rescaled else plane


def _places(ordered: OrderedStack) -> dict[int, tuple[int, int]]:
    places: dict[int, tuple[int, int]] = {}
    ambiguous = set()
    for slice_number, images in enumerate(ordered.images):
        for frame, header in enumerate(images):
            number = header.time.instance_number
            if number is None or (slice_number, frame) in ordered.filled:
                continue
            if number in places:
                ambiguous.add(number)
            places[number] = (frame, slice_number)
    return {number: place for number, place in places.items() if number not in ambiguous}


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and value > 0]
    return float(np.median(known)) if known else None


def _file_notes(found: DicomFiles) -> tuple[QualityNote, ...]:
    if not found.damaged:
        return ()
    message = f"{len(found.damaged)} damaged DICOM file(s) were passed over; copy the study again."
    return (QualityNote("damaged_files", "warning", message),)


def _nothing_usable(found: DicomFiles) -> UnusableInput:
    if found.damaged:
        return UnusableInput(f"The DICOM file {found.damaged[0].name} is cut short or damaged; copy the study again.")
    if any(is_color(dataset) for dataset in found.datasets):
        return UnusableInput("The DICOM images are in color (screenshots?); give the gray images of the scanner.")
    if not any("PixelData" in dataset for dataset in found.datasets):
        return UnusableInput("The DICOM files hold no images; give the folder of the cine series.")
    return UnusableInput(
        "The DICOM images are no cine: they lack a position, orientation or pixel spacing, or are phase images or "
        "localizers. Give the folder of the short-axis cine series."
    )
