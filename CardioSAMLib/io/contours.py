"""Expert contours of the Sunnybrook data set (Radau et al. 2009, MIDAS Journal) -> labels on the grid of the cine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from CardioSAMLib.cine import Array, Cine, UnusableInput
from CardioSAMLib.io.dicom_cine import PlacedCine, load_stack, scan_dicom
from CardioSAMLib.io.paths import existing, files_below, plain_sentences
from CardioSAMLib.labels import STORAGE, Structure

_FILE_NAME = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt", re.IGNORECASE)

FIRST_PIXEL_CENTER = 1.0
"""x and y of the center of the first pixel. The data set does not say; moving the endocardial contours of
SCD0000101, 301 and 401 over their images, the contrast across them is largest at column = x - 1 and row = y - 1
(bootstrap over the 56 contours: -0.95 +- 0.12 and -0.99 +- 0.07 pixels)."""

_OFF_THE_EDGE_PX = (1e-4, 2e-4)

Place = tuple[int, int]


@dataclass(frozen=True)
class ExpertContours:
    """A cine and what an expert drew on it.

    labels: uint8 `(frames, slices, rows, columns)` in the storage order: LV inside the endocardium, MYO between the
        contours where both were drawn.
    endocardium, epicardium: (frame, slice), 0-based and sorted, where each was drawn; elsewhere 0 means "not known".
    """

    cine: Cine
    labels: Array
    endocardium: tuple[Place, ...]
    epicardium: tuple[Place, ...]


def load_sunnybrook_contours(patient_folder: Path | str) -> ExpertContours:
    """The cine of a patient folder (with `dicom`, `i-contours` and `o-contours` in it) and its contours as labels.

    The number in a contour's file name is the InstanceNumber of the image it was drawn on.
    Raises UnusableInput where a part is missing, or a contour is no polygon or belongs to no image.
    """
    with plain_sentences():
        folder = existing(patient_folder)
        placed = _load_largest_cine(existing(folder / "dicom"))
        endocardium = _read_contours(existing(folder / "i-contours"), "i", placed)
        epicardium = _read_contours(existing(folder / "o-contours"), "o", placed)
    labels = np.zeros(placed.cine.pixels.shape, dtype=np.uint8)
    _, _, rows, columns = placed.cine.pixels.shape
    for place, polygon_rc_px in epicardium.items():
        # Without the endocardium the wall cannot be told from the blood.
        if place in endocardium:
            labels[place][fill_polygon(polygon_rc_px, (rows, columns))] = STORAGE.value_of(Structure.MYO)
    for place, polygon_rc_px in endocardium.items():
        labels[place][fill_polygon(polygon_rc_px, (rows, columns))] = STORAGE.value_of(Structure.LV)
    return ExpertContours(placed.cine, labels, tuple(sorted(endocardium)), tuple(sorted(epicardium)))


def fill_polygon(polygon_rc_px: Array, size_px: tuple[int, int]) -> Array:
    """Mask of the pixels whose center lies inside a polygon, bool `(rows, columns)`.

    polygon_rc_px: corners `(n, 2)` as (row, column), the center of the first pixel being (0, 0); closed by itself.
    Of the centers on its edge those at the upper left count and those at the lower right do not: contours drawn on a
    grid of half pixels have many, and leaving all of them out makes areas 1.5 % too small (Sunnybrook).
    """
    from matplotlib.path import Path as Polygon  # a third of a second to import, needed for contours only

    rows, columns = np.mgrid[: size_px[0], : size_px[1]]
    centers = np.stack([rows.ravel(), columns.ravel()], axis=1) + _OFF_THE_EDGE_PX
    return np.asarray(Polygon(polygon_rc_px).contains_points(centers)).reshape(size_px)


def _load_largest_cine(folder: Path) -> PlacedCine:
    stacks, found = scan_dicom(files_below(folder))
    if not stacks:
        raise UnusableInput(f"There is no DICOM image in {folder}; put the images of the patient there.")
    return load_stack(max(stacks, key=lambda stack: len(stack.slices) * stack.frames), found)


def _read_contours(folder: Path, kind: str, placed: PlacedCine) -> dict[Place, Array]:
    """Polygons `(n, 2)` as (row, column) by the (frame, slice) they were drawn on."""
    polygons = {}
    for path in sorted(folder.iterdir()):
        found = _FILE_NAME.fullmatch(path.name)
        if not found or found.group(2).lower() != kind:
            continue
        number = int(found.group(1))
        if number not in placed.places:
            raise UnusableInput(f"{path.name} was drawn on image {number}, which is not there; add that image.")
        polygons[placed.places[number]] = _read_polygon(path)
    if not polygons:
        raise UnusableInput(
            f"There is no contour in {folder}; expected files like IM-0001-0048-{kind}contour-manual.txt."
        )
    return polygons


def _read_polygon(path: Path) -> Array:
    try:
        x_y: Array = np.array(
            [[float(word) for word in line.split()] for line in path.read_text().splitlines() if line.strip()]
        )
    except ValueError as error:
        raise UnusableInput(f"{path.name} is no list of x y pairs; get the file again.") from error
    if x_y.ndim != 2 or x_y.shape[0] < 3 or x_y.shape[1] != 2:
        raise UnusableInput(f"{path.name} is no contour (at least three lines of x and y); get the file again.")
    return x_y[:, ::-1] - FIRST_PIXEL_CENTER
