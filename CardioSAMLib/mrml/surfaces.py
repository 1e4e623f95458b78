"""Closed surfaces of the structures in one frame, smooth between the slices, in a volume's own RAS space."""

from __future__ import annotations

import numpy as np
import vtk
from scipy import ndimage
from vtk.util import numpy_support

from CardioSAMLib.cine import Array

# Finer layers cost time and show nothing: in-plane pixels of cines are 1 to 2 mm.
_LAYER_MM = 2.0
_MARGIN_PX = 4
_IN_PLANE_SIGMA_PX = 1.0
_SMOOTHING_PASSES = 12
_PASS_BAND = 0.1


def surface_of(mask: Array, ijk_to_ras: Array) -> vtk.vtkPolyData:
    """The closed surface of a mask as vtkPolyData in RAS mm; without points where the mask is empty.

    mask: bool `(slices, rows, columns)`, one frame. ijk_to_ras: float (4, 4), from (column, row, slice).
    Between slices the outline is interpolated by its signed distance (Raya and Udupa, IEEE Trans Med Imaging
    1990;9:32). A structure ends flat, half an interval beyond its last slice: the surface holds what is measured.
    """
    if not mask.any():
        return vtk.vtkPolyData()
    rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    window = tuple(slice(max(line[0] - _MARGIN_PX, 0), line[-1] + _MARGIN_PX + 1) for line in (rows, columns))
    margins = [(0, 0), *((max(_MARGIN_PX - line[0], 0), _MARGIN_PX) for line in (rows, columns))]
    cropped = np.pad(mask[(slice(None), *window)], margins)
    first_row, first_column = rows[0] - _MARGIN_PX, columns[0] - _MARGIN_PX
    steps_mm = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    layers = max(round(float(steps_mm[2]) / _LAYER_MM), 1)
    field = _distance_layers(cropped, (float(steps_mm[1]), float(steps_mm[0])), layers)
    to_ijk = np.diag([1.0, 1.0, 1.0 / layers, 1.0])
    # The first layer lies outside of the stack; see `_distance_layers`.
    to_ijk[:3, 3] = first_column, first_row, -0.5 - 0.5 / layers
    return _smoothed(_zero_surface(field), ijk_to_ras @ to_ijk)


def _distance_layers(mask: Array, pixel_mm: tuple[float, float], layers: int) -> Array:
    """Signed distance to the outline in mm, negative inside, in thin layers; `(slices * layers + 2, rows, columns)`.

    Layer 0 and the last are outside of the stack.
    """
    distances = np.stack([_signed_distance(plane, pixel_mm) for plane in mask])
    filled = np.asarray(mask.any(axis=(1, 2)))
    result = np.ones((len(mask) * layers + 2, *mask.shape[1:]), np.float32)
    for layer in range(len(mask) * layers):
        place = (layer + 0.5) / layers - 0.5
        nearest = layer // layers
        if not filled[nearest]:
            continue
        neighbor = nearest + (1 if place > nearest else -1)
        share = abs(place - nearest)
        if 0 <= neighbor < len(mask) and filled[neighbor]:
            result[layer + 1] = (1.0 - share) * distances[nearest] + share * distances[neighbor]
        else:
            result[layer + 1] = distances[nearest]
    return _capped(result, np.repeat(filled, layers))


def _capped(field: Array, filled: Array) -> Array:
    """The first layer beyond each end mirrors the last inside: the surface crosses zero half way, and ends flat."""
    inside = np.concatenate([[False], filled, [False]])
    for layer in np.flatnonzero(inside[1:] != inside[:-1]):
        end, beyond = (layer, layer + 1) if inside[layer] else (layer + 1, layer)
        field[beyond] = np.abs(field[end])
    return field


def _signed_distance(plane: Array, pixel_mm: tuple[float, float]) -> Array:
    """In mm, negative inside; without the steps of the pixels."""
    if not plane.any():
        return np.zeros(plane.shape, np.float32)
    outside = ndimage.distance_transform_edt(~plane, sampling=pixel_mm)
    inside = ndimage.distance_transform_edt(plane, sampling=pixel_mm)
    return np.asarray(ndimage.gaussian_filter(outside - inside, _IN_PLANE_SIGMA_PX), np.float32)


def _zero_surface(field: Array) -> vtk.vtkPolyData:
    """Where the field `(layers, rows, columns)` is zero, in (column, row, layer) coordinates."""
    image = vtk.vtkImageData()
    image.SetDimensions(field.shape[::-1])
    values = numpy_support.numpy_to_vtk(np.ascontiguousarray(field).ravel(), deep=True)
    image.GetPointData().SetScalars(values)
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.0)
    edges.ComputeNormalsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return edges.GetOutput()


def _smoothed(surface: vtk.vtkPolyData, to_ras: Array) -> vtk.vtkPolyData:
    transform = vtk.vtkTransform()
    transform.SetMatrix(to_ras.ravel().tolist())
    moved = vtk.vtkTransformPolyDataFilter()
    moved.SetInputData(surface)
    moved.SetTransform(transform)
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(moved.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHING_PASSES)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    last = smooth
    # Triangles face along the rising field, outward, where the axes are left-handed: VTK's rule and ours are opposite.
    if np.linalg.det(to_ras[:3, :3]) > 0.0:
        last = vtk.vtkReverseSense()
        last.SetInputConnection(smooth.GetOutputPort())
        last.ReverseCellsOn()
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(last.GetOutputPort())
    normals.SplittingOff()
    normals.ConsistencyOff()
    normals.Update()
    return normals.GetOutput()
