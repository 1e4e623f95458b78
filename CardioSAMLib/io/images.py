"""NIfTI, NRRD and MetaImage files -> `Cine` and label arrays, read by SimpleITK."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import Array, Cine, Geometry, Patient, QualityNote, UnusableInput
from CardioSAMLib.io.candidates import CineCandidate, CineSource, describe, qualifies
from CardioSAMLib.io.image_headers import check_image_header
from CardioSAMLib.io.paths import existing, natural_order, plain_sentences
from CardioSAMLib.io.timing import frame_interval_ms, no_frame_times, one_frame
from CardioSAMLib.labels import LabelMap

_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_LABEL_NAME = re.compile(r"(?<![a-z])(gt|seg|segmentation|labels?|mask|pred|predictions?)(?![a-z])")
_ES_NAME = re.compile(r"(?<![a-z])es(?![a-z])")
_ED_NAME = re.compile(r"(?<![a-z])ed(?![a-z])")
_FRAME_NUMBER = re.compile(r"\d+(?=\D*$)")
_CHANNEL = re.compile(r"_0000$")
_MOST_LABELS = 5
"""An image that holds nothing but 0, 1 and so on up to so many numbers holds labels."""
_MOST_COLORS = 4
"""Values per pixel that an image in color can have; more are the frames of a sequence saved by 3D Slicer."""


@dataclass(frozen=True)
class _Image:
    """What one file holds. pixels: `(frames, slices, rows, columns)`; dimensions: 4 if it can hold frames, else 3."""

    pixels: Array
    geometry: Geometry
    first_frame_ms: float
    frame_interval_ms: float | None
    dimensions: int


def is_image_file(path: Path) -> bool:
    """Whether a file name is that of a NIfTI, NRRD or MetaImage file."""
    return path.name.lower().endswith(_SUFFIXES)


def is_label_file(path: Path) -> bool:
    """Whether a file name is that of a segmentation (`..._gt.nii.gz`, `...-seg.nrrd`, `..._label.mha`)."""
    return _LABEL_NAME.search(path.name.lower()) is not None


def load_image(path: Path, patient: Patient | None = None) -> Cine:
    """The cine of a 4D file; a 3D file is a cine of one frame.

    Raises UnusableInput where the file is no gray image of 3 or 4 dimensions or is damaged.
    """
    image = _read(path)
    return _cine([image], f"a {image.dimensions}D image file", patient or Patient())


def load_frames(paths: Sequence[Path], patient: Patient | None = None) -> Cine:
    """The cine whose frames are the 3D files, in the order given. Raises UnusableInput if their grids differ."""
    images = [_read(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.dimensions != 3:
            raise UnusableInput(f"{path.name} is no 3D image; give one 3D file per frame, or one 4D file alone.")
        if image.pixels.shape != images[0].pixels.shape or not _same_grid(image.geometry, images[0].geometry):
            raise UnusableInput(
                f"{path.name} and {paths[0].name} have different sizes, spacings or positions; "
                "give frames of one and the same stack."
            )
    return _cine(images, f"{len(images)} 3D image files, one per frame", patient or Patient())


def load_pair(ed_path: Path | str, es_path: Path | str, patient: Patient | None = None) -> Cine:
    """A cine of two frames, end-diastole (0) and end-systole (1), from two 3D files.

    Raises UnusableInput if a file is missing or unusable, or if the two are not of one stack.
    """
    with plain_sentences():
        cine = load_frames([existing(ed_path), existing(es_path)], patient)
    note = QualityNote("ed_es_only", "info", "Only end-diastole and end-systole were given: there is no volume curve.")
    return replace(cine, notes=(*cine.notes, note))


def load_labels(path: Path | str, label_map: LabelMap) -> Array:
    """Labels of a 3D or 4D file in our storage order: uint8 `(frames, slices, rows, columns)`.

    Raises UnusableInput if the file is unusable or holds values that the label map does not have.
    """
    with plain_sentences():
        pixels = _read(existing(path)).pixels
    if not np.array_equal(pixels, np.rint(pixels)):
        raise UnusableInput(f"{Path(path).name} holds values that are not whole numbers; give a label image.")
    try:
        return label_map.to_storage(pixels.astype(np.int64))
    except UnusableInput as error:
        raise UnusableInput(f"{Path(path).name}: {error}") from error


def image_sources(files: Sequence[Path]) -> list[CineSource]:
    """One source for each 4D file, and one for the 3D files together as frames (ED before ES, else by name).

    Where the names of 3D files say that they are of several stacks, as of several patients, each of these is a source.
    Label files among them are left out, unless there is nothing else.
    """
    images = [path for path in files if not is_label_file(path)] or list(files)
    headers = {path: _read_header(path) for path in images}
    stills = sorted((path for path in images if _dimensions(headers[path]) == 3), key=_frame_order)
    sources: list[CineSource] = []
    for path in images:
        if path in stills:
            continue
        header = headers[path]
        frames = header.GetNumberOfComponents() if header.GetDimension() == 3 else header.GetSize()[3]
        sources.append(_source(len(sources) + 1, path, header, frames, [path]))
    for own in _stacks(stills):
        sources.append(_source(len(sources) + 1, own[0], headers[own[0]], len(own), own))
    return sources


def _stacks(stills: Sequence[Path]) -> list[list[Path]]:
    """3D files by the stack that they are frames of."""
    if not stills:
        return []
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in stills:
        by_name[_stack_name(path)].append(path)
    marked = [sum(_frame_order(path)[0] == kind for path in stills) for kind in (0, 2)]
    if max(marked) > 1 or any(len(own) > 1 for own in by_name.values()):
        return list(by_name.values())
    return [list(stills)]


def _stack_name(path: Path) -> str:
    """The name without what tells its frames apart: ED and ES, or else the last number."""
    name = _CHANNEL.sub("", path.name.lower().split(".")[0])
    if _frame_order(path)[0] != 1:
        return _ED_NAME.sub("", _ES_NAME.sub("", name))
    return _FRAME_NUMBER.sub("", name)


def _source(number: int, path: Path, header: sitk.ImageFileReader, frames: int, files: list[Path]) -> CineSource:
    columns, rows, slices = header.GetSize()[:3]
    spacing = header.GetSpacing()
    name = path.name if len(files) == 1 else f"{path.name} and {len(files) - 1} more"
    candidate = CineCandidate(
        key=str(number),
        description=describe(name, slices, frames, (rows, columns), (spacing[1], spacing[0], spacing[2])),
        slices=slices,
        frames=frames,
        is_short_axis_stack=qualifies(name, slices, frames),
    )
    if len(files) == 1:
        return CineSource(candidate, lambda: load_image(path))
    if len(files) == 2 and _frame_order(files[0])[0] < _frame_order(files[1])[0]:
        return CineSource(candidate, lambda: load_pair(files[0], files[1]))
    return CineSource(candidate, lambda: load_frames(files))


def _frame_order(path: Path) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """ED before unmarked files before ES, then by name."""
    name = path.name.lower()
    return (0 if _ED_NAME.search(name) else 2 if _ES_NAME.search(name) else 1), natural_order(path)


def _cine(images: Sequence[_Image], source: str, patient: Patient) -> Cine:
    first = images[0]
    # Few images come as far as to be sorted.
    values = np.unique(first.pixels) if first.pixels.max() < _MOST_LABELS else np.empty(0)
    if len(values) > 1 and np.array_equal(values, np.arange(len(values))):
        raise UnusableInput(
            f"The image has the values {', '.join(f'{value:g}' for value in values)} only, as labels have; give the "
            "images that they were drawn on."
        )
    pixels = first.pixels if len(images) == 1 else np.concatenate([image.pixels for image in images])
    frames, interval = len(pixels), first.frame_interval_ms if len(images) == 1 else None
    times = None if interval is None else tuple(first.first_frame_ms + interval * frame for frame in range(frames))
    notes = (one_frame(),) if frames == 1 else (no_frame_times(),) if times is None else ()
    return Cine(pixels, first.geometry, times, None, patient, source, notes)


@contextmanager
def _quiet_itk() -> Iterator[None]:
    """ITK's warnings (unit-scale sform and the like) off; there is no switch per reader, so the old state returns."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


def _read_header(path: Path) -> sitk.ImageFileReader:
    """A reader that knows the header. Raises UnusableInput where the file is no gray image of 3 or 4 dimensions."""
    check_image_header(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with _quiet_itk():
            reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise UnusableInput(
                f"The axes in the header of {path.name} are not perpendicular; resample it or correct the header."
            ) from error
        raise _not_an_image(path) from error
    if reader.GetDimension() not in (3, 4):
        raise UnusableInput(
            f"{path.name} has {reader.GetDimension()} dimensions; a cine needs 4 (x, y, slice, time). "
            "Give the 4D file, or a folder with one 3D file per frame."
        )
    if reader.GetNumberOfComponents() > 1 and not _is_sequence(reader):
        raise UnusableInput(
            f"{path.name} has {reader.GetNumberOfComponents()} values per pixel (a color image?); give the gray image."
        )
    return reader


def _is_sequence(header: sitk.ImageFileReader) -> bool:
    """Whether the values of each pixel are frames, as in the `.seq.nrrd` files of 3D Slicer."""
    return bool(header.GetDimension() == 3 and header.GetNumberOfComponents() > _MOST_COLORS)


def _dimensions(header: sitk.ImageFileReader) -> int:
    return 4 if _is_sequence(header) else int(header.GetDimension())


def _read(path: Path) -> _Image:
    reader = _read_header(path)
    try:
        with _quiet_itk():
            image = reader.Execute()
    except RuntimeError as error:
        raise _not_an_image(path) from error
    pixels = sitk.GetArrayFromImage(image)
    if _is_sequence(reader):
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    dimensions = image.GetDimension()
    spacing, origin = image.GetSpacing(), image.GetOrigin()
    direction = np.asarray(image.GetDirection()).reshape(dimensions, dimensions)[:3, :3]
    has_time = dimensions == 4
    interval = frame_interval_ms(spacing[3]) if has_time and image.GetSize()[3] > 1 else None
    # The first frame's time is in the unit of the interval.
    first_ms = origin[3] * interval / spacing[3] if has_time and interval is not None else 0.0
    return _Image(
        pixels=pixels if pixels.ndim == 4 else pixels[np.newaxis],
        geometry=Geometry(
            spacing_mm=(spacing[1], spacing[0], spacing[2]),
            origin_mm=(origin[0], origin[1], origin[2]),
            direction=tuple(tuple(row) for row in direction.tolist()),
        ),
        first_frame_ms=first_ms,
        frame_interval_ms=interval,
        dimensions=_dimensions(reader),
    )


def _same_grid(one: Geometry, other: Geometry) -> bool:
    return (
        np.allclose(one.spacing_mm, other.spacing_mm, rtol=1e-3)
        and np.allclose(one.origin_mm, other.origin_mm, atol=0.1)
        and np.allclose(one.direction, other.direction, atol=1e-3)
    )


def _not_an_image(path: Path) -> UnusableInput:
    return UnusableInput(
        f"{path.name} is not a readable image or is cut short; give a DICOM folder or a NIfTI, NRRD or MetaImage file."
    )
