"""A scene of 3D Slicer without the application, for views without a screen: that of the tests, made ready for views."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import slicer
import vtk

CONFTEST = Path(__file__).resolve().parents[2] / "Testing" / "conftest.py"


@dataclass(frozen=True)
class OffscreenScene:
    """The scene, and the logic that stands for the application in its views."""

    scene: slicer.vtkMRMLScene
    application_logic: slicer.vtkSlicerApplicationLogic


@contextmanager
def open_scene() -> Iterator[OffscreenScene]:
    """An empty scene as `slicer.mrmlScene`, with what CardioSAMLib needs of `slicer.modules` and `slicer.app`."""
    specification = importlib.util.spec_from_file_location("offscreen_conftest", CONFTEST)
    assert specification is not None
    assert specification.loader is not None
    tests = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tests)
    with pytest.MonkeyPatch.context() as patch, tests.application_scene(patch) as scene:
        application_logic = slicer.app.applicationLogic()
        application_logic.SetSliceLogics(vtk.vtkCollection())
        application_logic.SetViewLogics(vtk.vtkCollection())
        # Patients lie with their right on the left of the screen, as in radiology.
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        yield OffscreenScene(scene, application_logic)
