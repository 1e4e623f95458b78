"""Label files that other tools have written for the patients of a data set, found by name and read on its grid.

Understood are nnU-Net's flat folders (`patient101_frame01.nii.gz`), submissions to ACDC (`patient101_ED.nii.gz`), and
patient folders (`patient101/ED_pred.nii.gz`), each with or without an ending such as `_gt` or `_pred`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from CardioSAMLib.cine import Array, Geometry, UnusableInput
from CardioSAMLib.io.image_headers import check_image_header
from CardioSAMLib.io.images import is_image_file, load_labels
from CardioSAMLib.io.paths import existing, files_below, plain_sentences
from CardioSAMLib.labels import LABEL_MAPS, LabelMap, Structure

_NAME = re.compile(
    r"(?:(?P<patient>.+?)[_-])?(?:frame0*(?P<frame>\d+)|(?P<phase>ed|es))(?:[_-](?:gt|pred|prediction|seg|labels?))?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.(?:nii\.gz|nii|nrrd|nhdr|mha|mhd)$", re.IGNORECASE)
_SPACING_TOLERANCE = 0.01
_UNIT_SPACING = (1.0, 1.0, 1.0)
_PLACE_TOLERANCE_MM = 0.5
_DIRECTION_TOLERANCE = 0.1


class UnusablePrediction(UnusableInput):
    """Labels that cannot be scored. code: `missing`, `ambiguous`, `unreadable`, `other_grid` or `unknown_label`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class PredictionFile:
    """A label file whose name says what it is of.

    patient: in lower case. frame: the data set's number of the frame, from 1, where the name has one; else phase,
    `ed` or `es`.
    """

    path: Path
    patient: str
    frame: int | None
    phase: str


def parse_label_map(text: str) -> LabelMap:
    """A label map by its name (`ACDC`, `MNMS`, `UKB`) or as `LV=3,MYO=2,RV=1`. Raises UnusableInput for others."""
    if text.upper() in LABEL_MAPS:
        return LABEL_MAPS[text.upper()]
    values: dict[int, Structure] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name.upper() in Structure.__members__ and number.isdecimal() and int(number) > 0:
            values[int(number)] = Structure[name.upper()]
    complete = len(values) == len(text.split(",")) == len(Structure) and set(values.values()) == set(Structure)
    if not complete:
        raise UnusableInput(
            f"{text!r} is no label map; give {', '.join(LABEL_MAPS)} or the integers of all three, as LV=3,MYO=2,RV=1."
        )
    return LabelMap(text, values)


def list_predictions(folder: Path) -> tuple[PredictionFile, ...]:
    """The label files below a folder that say of which patient and frame they are.

    Raises UnusableInput where there is none.
    """
    with plain_sentences():
        files = files_below(existing(folder))
    found = tuple(prediction for path in files if (prediction := _parsed(path)) is not None)
    if not found:
        raise UnusableInput(
            f"{folder} holds no file named like patient101_frame01.nii.gz or patient101_ED.nii.gz; "
            "give the folder with the predicted labels."
        )
    return found


def find_prediction(files: Sequence[PredictionFile], patient: str, phase: str, frame: int) -> Path:
    """The one file of a patient at a phase, `ED` or `ES`, whose frame has this number, from 1, in the data set.

    Raises UnusablePrediction where there is none or more than one.
    """
    mine = [file for file in files if file.patient == patient.lower()]
    matching = [file for file in mine if file.frame == frame or file.phase == phase.lower()]
    if not matching:
        raise UnusablePrediction(
            "missing",
            f"There is no prediction of {patient} at {phase}; add a file like {patient}_frame{frame:02d}.nii.gz.",
        )
    if len(matching) > 1:
        raise UnusablePrediction(
            "ambiguous",
            f"{patient} has more than one prediction at {phase}: {', '.join(file.path.name for file in matching)}; "
            "keep one of them.",
        )
    return matching[0].path


def load_prediction(path: Path, label_map: LabelMap, shape: tuple[int, ...], geometry: Geometry) -> Array:
    """Labels in the `STORAGE` order, uint8 `(slices, rows, columns)`, of one frame on the grid of a study.

    shape, geometry: those of the study's frame. Shapes must be the same, spacings within 1 %; a header that says 1 mm
    along all axes says nothing, as in ACDC's original files. Axes may not be mirrored or exchanged; an origin or
    direction that the other tool has lost does not matter.
    Raises UnusablePrediction where the file is unreadable, on another grid, or holds unknown labels.
    """
    grid = _grid(path)
    try:
        labels = load_labels(path, label_map)
    except UnusableInput as error:
        raise UnusablePrediction("unknown_label", str(error)) from error
    if labels.shape != (1, *shape):
        raise UnusablePrediction(
            "other_grid",
            f"{path.name} has {_size(labels.shape[1:])} voxels in {_frames(len(labels))}, the images {_size(shape)}; "
            "give the prediction of one frame on the grid of the images.",
        )
    known = not np.allclose(grid.spacing_mm, _UNIT_SPACING)
    if known and not np.allclose(grid.spacing_mm, geometry.spacing_mm, rtol=_SPACING_TOLERANCE, atol=0.0):
        raise UnusablePrediction(
            "other_grid",
            f"{path.name} has voxels of {_plain(grid.spacing_mm)} mm, the reference {_plain(geometry.spacing_mm)} mm; "
            "give the prediction on the grid of the images.",
        )
    if known and _is_turned(grid, geometry, shape):
        raise UnusablePrediction(
            "other_grid",
            f"The axes of {path.name} run otherwise than those of the reference (mirrored or exchanged); "
            "give the prediction on the grid of the images.",
        )
    return np.asarray(labels[0])


def _parsed(path: Path) -> PredictionFile | None:
    if not is_image_file(path):
        return None
    name = _NAME.fullmatch(_SUFFIX.sub("", path.name))
    if name is None:
        return None
    patient = (name["patient"] or path.parent.name).lower()
    return PredictionFile(path, patient, int(name["frame"]) if name["frame"] else None, (name["phase"] or "").lower())


def _is_turned(grid: Geometry, geometry: Geometry, shape: Sequence[int]) -> bool:
    """Whether the same place is stored along other directions. Only then does a direction count: a tool that has lost
    the header writes a default one, with which the stack lies elsewhere."""
    slices, rows, columns = shape
    center = (np.array([rows, columns, slices]) - 1.0) / 2.0
    same_place = np.allclose(grid.world_of(center), geometry.world_of(center), atol=_PLACE_TOLERANCE_MM)
    return bool(same_place and not np.allclose(grid.direction, geometry.direction, atol=_DIRECTION_TOLERANCE))


def _grid(path: Path) -> Geometry:
    """Of a frame, as the header says. Raises UnusablePrediction where there is no such header."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with plain_sentences():
            check_image_header(path)
        reader.ReadImageInformation()
    except UnusableInput as error:
        raise UnusablePrediction("unreadable", str(error)) from error
    except RuntimeError as error:
        raise UnusablePrediction("unreadable", f"{path.name} is not a readable image; write it again.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
    if reader.GetDimension() not in (3, 4):
        raise UnusablePrediction("unreadable", f"{path.name} is no stack of slices; write one 3D file per frame.")
    dimensions = reader.GetDimension()
    column_mm, row_mm, slice_mm = reader.GetSpacing()[:3]
    direction = np.asarray(reader.GetDirection()).reshape(dimensions, dimensions)[:3, :3]
    return Geometry(
        spacing_mm=(row_mm, column_mm, slice_mm),
        origin_mm=reader.GetOrigin()[:3],
        direction=tuple(tuple(row) for row in direction.tolist()),
    )


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _plain(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)
