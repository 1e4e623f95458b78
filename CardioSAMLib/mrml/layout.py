"""The arrangement of views that a reader works in: short axis, a cut along it, the surfaces, and the volume curve."""

from __future__ import annotations

import slicer

LAYOUT_ID = 7331
"""Slicer's own end below 500; of modules, each must have another."""
_SLICE = """<view class="vtkMRMLSliceNode" singletontag="{name}">
  <property name="orientation" action="default">{orientation}</property>
  <property name="viewlabel" action="default">{label}</property>
  <property name="viewcolor" action="default">{color}</property>
</view>"""
_OTHER = """<view class="{kind}" singletontag="{name}">
  <property name="viewlabel" action="default">{label}</property>
</view>"""
# Names, labels and colors are those of Slicer's layouts: the same views, arranged in another way.
_RED = _SLICE.format(name="Red", orientation="Axial", label="R", color="#F34A33")
_GREEN = _SLICE.format(name="Green", orientation="Coronal", label="G", color="#6EB04B")
_SURFACES = _OTHER.format(kind="vtkMRMLViewNode", name="1", label="1")
_CURVES = _OTHER.format(kind="vtkMRMLPlotViewNode", name="PlotView1", label="P")
_ROW = '<layout type="horizontal"><item>{}</item><item>{}</item></layout>'
_DESCRIPTION = (
    f'<layout type="vertical"><item>{_ROW.format(_RED, _GREEN)}</item>'
    f"<item>{_ROW.format(_SURFACES, _CURVES)}</item></layout>"
)


def register_layout() -> None:
    """Makes our layout known to Slicer. Scenes keep the number of the layout that they were saved with, and no more."""
    node = _layout_node()
    if node is not None and not node.IsLayoutDescription(LAYOUT_ID):
        node.AddLayoutDescription(LAYOUT_ID, _DESCRIPTION)


def show_layout() -> int | None:
    """Arranges the views; returns the layout that was shown before, None where there are no views or it was ours.

    Where a scene that was saved with our layout came before `register_layout`, nothing is shown: Slicer's usual layout
    then counts as the one before.
    """
    node = _layout_node()
    if node is None:
        return None
    register_layout()
    before = int(node.GetViewArrangement())
    if before == LAYOUT_ID:
        if node.GetCurrentLayoutDescription():
            return None
        before = int(node.SlicerLayoutFourUpView)
    node.SetViewArrangement(LAYOUT_ID)
    return before


def give_back(before: int) -> None:
    """Shows the layout of before again, unless the user has chosen another meanwhile."""
    node = _layout_node()
    if node is not None and is_shown():
        node.SetViewArrangement(before)


def is_shown() -> bool:
    """Whether the views are arranged in our way."""
    node = _layout_node()
    return node is not None and node.GetViewArrangement() == LAYOUT_ID


def show_chart(chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Shows a chart in the plot view; where the layout has none, in one that has."""
    if not is_shown():
        slicer.modules.plots.logic().ShowChartInLayout(chart)
        return
    # Slicer's own function knows its own layouts only, and would leave ours.
    slicer.app.applicationLogic().GetSelectionNode().SetActivePlotChartID(chart.GetID())
    slicer.app.applicationLogic().PropagatePlotChartSelection()


def _layout_node() -> slicer.vtkMRMLLayoutNode | None:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
