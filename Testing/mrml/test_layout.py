"""The arrangement of views that a reader works in."""

import pytest

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml import layout  # noqa: E402

FOUR_UP = 3


@pytest.fixture
def layout_node(scene):
    """That of the application, which makes the views of a layout."""
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    node = logic.GetLayoutNode()
    node.SetViewArrangement(FOUR_UP)
    yield node
    logic.SetMRMLScene(None)


def views(layout_node):
    root = layout_node.GetCurrentLayoutDescription()
    return [part.split('"')[0] for part in root.split('class="vtkMRML')[1:]]


def test_the_views_are_two_slices_the_surfaces_and_the_curve(layout_node, scene):
    assert layout.show_layout() == FOUR_UP
    assert views(layout_node) == ["SliceNode", "SliceNode", "ViewNode", "PlotViewNode"]
    assert {scene.GetNthNodeByClass(n, "vtkMRMLSliceNode").GetLayoutName() for n in range(2)} == {"Red", "Green"}
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotViewNode") == 1


def test_the_layout_of_before_comes_back(layout_node):
    before = layout.show_layout()
    assert layout.show_layout() is None
    layout.give_back(before)
    assert layout_node.GetViewArrangement() == FOUR_UP


def test_a_layout_that_the_user_has_chosen_meanwhile_stays(layout_node):
    before = layout.show_layout()
    layout_node.SetViewArrangement(6)
    layout.give_back(before)
    assert layout_node.GetViewArrangement() == 6


def test_a_chart_is_shown_in_our_layout_and_elsewhere_in_one_with_a_plot_view(layout_node, scene):
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    layout.show_layout()
    layout.show_chart(chart)
    assert layout.is_shown()
    assert scene.GetFirstNodeByClass("vtkMRMLPlotViewNode").GetPlotChartNodeID() == chart.GetID()
    layout_node.SetViewArrangement(FOUR_UP)
    layout.show_chart(chart)
    assert layout_node.GetViewArrangement() not in (FOUR_UP, 0)
    assert not layout.is_shown()


@pytest.fixture
def saved_with_ours(scene):
    """The layout node after a new Slicer has loaded a scene that was saved with our layout."""
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    node = logic.GetLayoutNode()
    node.SetViewArrangement(layout.LAYOUT_ID)
    yield node
    logic.SetMRMLScene(None)


def test_a_scene_that_was_saved_with_our_layout_shows_its_views(saved_with_ours):
    assert not saved_with_ours.GetCurrentLayoutDescription()
    before = layout.show_layout()
    assert views(saved_with_ours) == ["SliceNode", "SliceNode", "ViewNode", "PlotViewNode"]
    layout.give_back(before)
    assert saved_with_ours.GetViewArrangement() == FOUR_UP


def test_a_layout_that_is_known_by_then_is_shown_as_soon_as_the_scene_is_loaded(layout_node):
    layout.register_layout()
    layout_node.SetViewArrangement(layout.LAYOUT_ID)
    assert views(layout_node) == ["SliceNode", "SliceNode", "ViewNode", "PlotViewNode"]
    assert layout.show_layout() is None


@pytest.mark.usefixtures("scene")
def test_without_views_nothing_is_arranged():
    assert layout.show_layout() is None
    assert not layout.is_shown()
