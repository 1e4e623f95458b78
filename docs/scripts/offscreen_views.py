"""Pictures of a scene, drawn without a screen by the code that draws the views of 3D Slicer.

Slice and 3D views: Slicer's slice logic and displayable managers, as its own view widgets use them. Charts: VTK's
chart, filled from the plot nodes as Slicer's plot view does (qMRMLPlotView.cxx).
"""

import numpy as np
import slicer
import vtk
from offscreen_scene import OffscreenScene
from vtk.util.numpy_support import vtk_to_numpy

from CardioSAMLib.cine import Array

SLICE_MANAGERS = (
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)
SURFACE_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLViewDisplayableManager",
)


class SliceView:
    """The view of one slice of a volume with everything that lies on it; one per scene."""

    def __init__(self, scene: OffscreenScene, width_px: int, height_px: int) -> None:
        self._window, self._renderer = _window(width_px, height_px)
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(scene.application_logic)
        scene.application_logic.GetSliceLogics().AddItem(self._logic)
        self._logic.SetMRMLScene(scene.scene)
        self.node = self._logic.AddSliceNode("Red")
        self._group = _managers(
            slicer.vtkMRMLSliceViewDisplayableManagerFactory, SLICE_MANAGERS, scene, self._renderer, self.node
        )
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._renderer.AddViewProp(actor)
        self._caption = _caption_of(self._renderer)
        self._logic.ResizeSliceNode(width_px, height_px)
        self.node.SetRulerType(slicer.vtkMRMLAbstractViewNode.RulerTypeThin)

    def resize(self, width_px: int, height_px: int) -> None:
        """Shows the same part of the slice in a window of another size."""
        field_mm, _, depth = self.node.GetFieldOfView()
        self._window.SetSize(width_px, height_px)
        self._logic.ResizeSliceNode(width_px, height_px)
        self.node.SetFieldOfView(field_mm, field_mm * height_px / width_px, depth)

    def magnify(self, factor: float, center_ras: tuple[float, float, float]) -> None:
        """Looks closer at a place of the slice shown."""
        width, height, depth = self.node.GetFieldOfView()
        self.node.SetFieldOfView(width / factor, height / factor, depth)
        self.node.JumpSliceByCentering(*center_ras)

    def picture(self, caption: str) -> Array:
        """uint8 `(rows, columns, 3)`, with a caption in the upper left corner."""
        self._caption.SetText(vtk.vtkCornerAnnotation.UpperLeft, caption)
        self._mapper.SetInputConnection(self._logic.GetImageDataConnection())
        return _pixels_of(self._window)


class SurfaceView:
    """The view of the surfaces of the scene."""

    def __init__(self, scene: OffscreenScene, width_px: int, height_px: int) -> None:
        self._window, self._renderer = _window(width_px, height_px)
        self._renderer.SetUseDepthPeeling(True)
        self._window.SetAlphaBitPlanes(1)
        self._window.SetMultiSamples(0)
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(scene.application_logic)
        logic.SetMRMLScene(scene.scene)
        scene.application_logic.GetViewLogics().AddItem(logic)
        node = logic.AddViewNode("1")
        self._logic = logic
        self._group = _managers(
            slicer.vtkMRMLThreeDViewDisplayableManagerFactory, SURFACE_MANAGERS, scene, self._renderer, node
        )
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        node.SetBackgroundColor(1.0, 1.0, 1.0)
        node.SetBackgroundColor2(1.0, 1.0, 1.0)
        self._caption = _caption_of(self._renderer)
        self._caption.GetTextProperty().SetColor(0.0, 0.0, 0.0)

    def look_along(self, direction_ras: Array, up_ras: Array) -> None:
        """Places the camera so that all surfaces are seen in this direction."""
        camera = self._renderer.GetActiveCamera()
        camera.SetFocalPoint(0.0, 0.0, 0.0)
        camera.SetPosition(*(-direction_ras))
        camera.SetViewUp(*up_ras)
        self._renderer.ResetCamera()
        camera.Zoom(1.3)

    def picture(self, caption: str) -> Array:
        """uint8 `(rows, columns, 3)`, with a caption in the upper left corner."""
        self._caption.SetText(vtk.vtkCornerAnnotation.UpperLeft, caption)
        self._renderer.ResetCameraClippingRange()
        return _pixels_of(self._window)


def chart_picture(chart: slicer.vtkMRMLPlotChartNode, width_px: int, height_px: int) -> Array:
    """uint8 `(rows, columns, 3)` of a chart node with its series."""
    window, _ = _window(width_px, height_px)
    view = vtk.vtkContextView()
    view.SetRenderWindow(window)
    view.GetRenderer().SetBackground(1.0, 1.0, 1.0)
    drawn = vtk.vtkChartXY()
    view.GetScene().AddItem(drawn)
    for number in range(chart.GetNumberOfPlotSeriesNodes()):
        _add_series(drawn, chart.GetNthPlotSeriesNode(number))
    drawn.SetTitle(chart.GetTitle())
    drawn.GetTitleProperties().SetFontSize(16)
    drawn.SetShowLegend(chart.GetLegendVisibility())
    drawn.GetLegend().SetLabelSize(13)
    # Beside the axes, where it hides no point.
    drawn.GetLegend().SetInline(False)
    for axis, title in ((vtk.vtkAxis.BOTTOM, chart.GetXAxisTitle()), (vtk.vtkAxis.LEFT, chart.GetYAxisTitle())):
        drawn.GetAxis(axis).SetTitle(title)
        drawn.GetAxis(axis).GetTitleProperties().SetFontSize(14)
        drawn.GetAxis(axis).GetLabelProperties().SetFontSize(13)
        drawn.GetAxis(axis).SetGridVisible(chart.GetGridVisibility())
        drawn.GetAxis(axis).GetGridPen().SetColorF(0.9, 0.9, 0.9)
    return _pixels_of(window)


def _add_series(drawn: vtk.vtkChartXY, series: slicer.vtkMRMLPlotSeriesNode) -> None:
    with_line = series.GetLineStyle() != slicer.vtkMRMLPlotSeriesNode.LineStyleNone
    plot = drawn.AddPlot(vtk.vtkChart.LINE)
    table = series.GetTableNode().GetTable()
    plot.SetInputData(table, series.GetXColumnName(), series.GetYColumnName())
    plot.SetLabel(series.GetName())
    plot.SetColorF(*series.GetColor())
    plot.GetPen().SetWidth(series.GetLineWidth())
    plot.GetPen().SetLineType(series.GetLineStyle() if with_line else vtk.vtkPen.NO_PEN)
    plot.SetMarkerStyle(series.GetMarkerStyle())
    plot.SetMarkerSize(series.GetMarkerSize())


def _window(width_px: int, height_px: int) -> tuple[vtk.vtkRenderWindow, vtk.vtkRenderer]:
    window, renderer = vtk.vtkRenderWindow(), vtk.vtkRenderer()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(8)
    window.SetSize(width_px, height_px)
    window.AddRenderer(renderer)
    # Markups ask their view for an interactor.
    interactor = vtk.vtkRenderWindowInteractor()
    interactor.SetRenderWindow(window)
    return window, renderer


def _caption_of(renderer: vtk.vtkRenderer) -> vtk.vtkCornerAnnotation:
    caption = vtk.vtkCornerAnnotation()
    caption.SetMaximumFontSize(15)
    renderer.AddViewProp(caption)
    return caption


def _managers(
    factory_class: type[slicer.vtkMRMLDisplayableManagerFactory],
    names: tuple[str, ...],
    scene: OffscreenScene,
    renderer: vtk.vtkRenderer,
    node: slicer.vtkMRMLAbstractViewNode,
) -> slicer.vtkMRMLDisplayableManagerGroup:
    """Slicer's drawers of nodes, in the renderer; they live as long as the group is held."""
    factory = factory_class.GetInstance()
    factory.SetMRMLApplicationLogic(scene.application_logic)
    for name in names:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.Initialize(factory, renderer)
    group.SetMRMLDisplayableNode(node)
    return group


def _pixels_of(window: vtk.vtkRenderWindow) -> Array:
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    columns, rows, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, 3)
    return np.ascontiguousarray(pixels[::-1])
