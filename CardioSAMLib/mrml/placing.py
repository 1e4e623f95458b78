"""Placing markups by clicks in the views, as the buttons of Slicer's own toolbar do."""

from __future__ import annotations

import slicer


def interaction_node() -> slicer.vtkMRMLInteractionNode:
    """The node that says what a click in a view does; it tells of changes by its `InteractionModeChangedEvent`."""
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def start_placing(node: slicer.vtkMRMLMarkupsNode, several: bool) -> None:
    """The next click in a view puts a control point of this node there; several: each one from now on."""
    logic = slicer.modules.markups.logic()
    logic.SetActiveList(node)
    logic.StartPlaceMode(several)


def stop_placing() -> None:
    """Clicks turn and move the views again."""
    interaction = interaction_node()
    if interaction is not None:
        interaction.SwitchToViewTransformMode()


def placed_node() -> slicer.vtkMRMLMarkupsNode | None:
    """The node that clicks go to now; None where they place nothing."""
    interaction = interaction_node()
    if interaction is None or interaction.GetCurrentInteractionMode() != interaction.Place:
        return None
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    return slicer.mrmlScene.GetNodeByID(selection.GetActivePlaceNodeID() or "")
