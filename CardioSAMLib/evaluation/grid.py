"""The grid that two masks share: checking it, its size in millimeters, and the part of it that is not empty."""

from __future__ import annotations

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput


def check_one_grid(a: Array, b: Array) -> None:
    """Raises UnusableInput unless the masks have one shape."""
    if a.shape != b.shape:
        raise UnusableInput(f"The masks have the shapes {a.shape} and {b.shape}; they must lie on one grid.")


def check_spacing(mask: Array, spacing_mm: tuple[float, ...]) -> None:
    """Raises UnusableInput unless there is one positive spacing for each axis of the mask."""
    spacing = np.asarray(spacing_mm, dtype=float)
    if spacing.shape != (mask.ndim,) or not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
        raise UnusableInput(
            f"Masks of the shape {mask.shape} with the spacing {tuple(spacing_mm)} mm are not on one grid; "
            "give one positive spacing for each axis."
        )


def diagonal_mm(shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> float:
    """From corner to corner of the grid, outer edges of the voxels: longer than any distance within it."""
    return float(np.linalg.norm(np.asarray(shape) * np.asarray(spacing_mm)))


def cropped(a: Array, b: Array) -> tuple[Array, Array]:
    """Both masks within the smallest box that holds both; unchanged where both are empty.

    Distances and surfaces are the same in the box as on the whole grid, at a fraction of the time.
    """
    union = a | b
    if not union.any():
        return a, b
    window = []
    for axis in range(union.ndim):
        others = tuple(other for other in range(union.ndim) if other != axis)
        filled = np.flatnonzero(union.any(axis=others))
        window.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return a[tuple(window)], b[tuple(window)]
