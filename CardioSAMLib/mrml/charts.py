"""Volumes over the heart's cycle as a chart of the scene, with end-diastole and end-systole as points of their own."""

from __future__ import annotations

import slicer

from CardioSAMLib.function import CardiacFunction, VolumeCurves
from CardioSAMLib.labels import Structure
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.mrml.tables import fill

_CHART = "chart"
_FRAME = "Frame"
_VOLUME = "Volume (mL)"
_SMOOTH = "Smooth volume (mL)"
_KEY_FRAME_COLORS = {"ED": (0.10, 0.12, 0.16), "ES": (0.55, 0.58, 0.63)}
_KEY_FRAME_SIZE = 14.0


def show_curves(study: SceneStudy, function: CardiacFunction) -> slicer.vtkMRMLPlotChartNode:
    """The chart node: points and a line for each ventricle that was found, and the points of ED and ES.

    Frames in which a ventricle was not found are left out of its course. The line is the periodic fit; where there is
    none, it joins the points.
    """
    curves = function.curves
    chart = study.obtain(_CHART, "vtkMRMLPlotChartNode", f"{study.name} volumes")
    modifying = chart.StartModify()
    chart.RemoveAllPlotSeriesNodeIDs()
    for structure, volumes_ml, smooth_ml in (
        (Structure.LV, curves.lv_ml, curves.lv_smooth_ml),
        (Structure.RV, curves.rv_ml, curves.rv_smooth_ml),
    ):
        for series in _course(study, structure, curves, volumes_ml, smooth_ml):
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
    for name, frame in (("ED", function.ed_frame), ("ES", function.es_frame)):
        points = _key_frame(study, name, frame, curves)
        if points is not None:
            chart.AddAndObservePlotSeriesNodeID(points.GetID())
    chart.SetTitle("Volume over the cardiac cycle")
    chart.SetXAxisTitle(_time_title(curves))
    chart.SetYAxisTitle(_VOLUME)
    chart.EndModify(modifying)
    return chart


def _course(
    study: SceneStudy,
    structure: Structure,
    curves: VolumeCurves,
    volumes_ml: tuple[float, ...],
    smooth_ml: tuple[float, ...] | None,
) -> tuple[slicer.vtkMRMLPlotSeriesNode, ...]:
    """Line and points of a ventricle, the line first so that the points lie on it; nothing where it was not found."""
    name = structure.name
    found = [place for place, volume in enumerate(volumes_ml) if volume > 0.0]
    if not found:
        for role in (f"line {name}", f"points {name}", f"curve {name}"):
            study.remove(role)
        return ()
    smooth = volumes_ml if smooth_ml is None else smooth_ml
    table = study.obtain(f"curve {name}", "vtkMRMLTableNode", f"{study.name} {name} volumes")
    fill(
        table,
        {
            _FRAME: [float(curves.frames[place]) for place in found],
            _time_title(curves): [_times(curves)[place] for place in found],
            _VOLUME: [volumes_ml[place] for place in found],
            _SMOOTH: [smooth[place] for place in found],
        },
    )
    styles = slicer.vtkMRMLPlotSeriesNode
    line = _series(study, f"line {name}", f"{name} joined" if smooth_ml is None else f"{name} fit", table, _SMOOTH)
    line.SetMarkerStyle(styles.MarkerStyleNone)
    line.SetLineStyle(styles.LineStyleDot if smooth_ml is None else styles.LineStyleSolid)
    points = _series(study, f"points {name}", name, table, _VOLUME)
    points.SetMarkerStyle(styles.MarkerStyleCircle if structure is Structure.LV else styles.MarkerStyleSquare)
    points.SetLineStyle(styles.LineStyleNone)
    for series in (line, points):
        series.SetColor([part / 255.0 for part in structure.color_rgb])
    return line, points


def _key_frame(
    study: SceneStudy, name: str, frame: int | None, curves: VolumeCurves
) -> slicer.vtkMRMLPlotSeriesNode | None:
    """The volumes at ED or ES as larger points; None where there is no such frame or nothing was found in it."""
    place = curves.frames.index(frame) if frame in curves.frames else None
    volumes = () if place is None else tuple(course[place] for course in (curves.lv_ml, curves.rv_ml))
    found = [volume for volume in volumes if volume > 0.0]
    if frame is None or place is None or not found:
        for role in (f"points {name}", f"curve {name}"):
            study.remove(role)
        return None
    table = study.obtain(f"curve {name}", "vtkMRMLTableNode", f"{study.name} {name}")
    columns = {_FRAME: float(frame), _time_title(curves): _times(curves)[place]}
    fill(table, {**{title: [value] * len(found) for title, value in columns.items()}, _VOLUME: found})
    points = _series(study, f"points {name}", name, table, _VOLUME)
    points.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleNone)
    points.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleDiamond)
    points.SetMarkerSize(_KEY_FRAME_SIZE)
    points.SetColor(_KEY_FRAME_COLORS[name])
    return points


def _series(
    study: SceneStudy, role: str, name: str, table: slicer.vtkMRMLTableNode, y_column: str
) -> slicer.vtkMRMLPlotSeriesNode:
    series = study.obtain(role, "vtkMRMLPlotSeriesNode", name)
    series.SetName(name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetXColumnName(str(table.GetColumnName(1)))
    series.SetYColumnName(y_column)
    return series


def _time_title(curves: VolumeCurves) -> str:
    return "Frame number" if curves.times_ms is None else "Time after the R wave (ms)"


def _times(curves: VolumeCurves) -> tuple[float, ...]:
    return tuple(map(float, curves.frames)) if curves.times_ms is None else curves.times_ms
