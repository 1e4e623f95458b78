"""What tests of several folders need: a scene with the logics of the application, and the place of the real data."""

import os
import types
from contextlib import contextmanager
from pathlib import Path

import pytest

MODULE_LOGICS = {
    "Markups": "vtkSlicerMarkupsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}


@pytest.fixture
def scene(monkeypatch):
    """An empty scene, see `application_scene`."""
    with application_scene(monkeypatch) as scene:
        yield scene


@contextmanager
def application_scene(monkeypatch):
    """An empty scene, also as `slicer.mrmlScene`, with `slicer.modules` and `slicer.app` as far as the code needs."""
    # Inside the fixture: at the top of this file a missing package would end the whole run.
    slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
    if not hasattr(slicer, "vtkMRMLScene"):
        pytest.skip("MRML tests need slicer-core; another module named slicer was found")
    import slicer.util
    import vtk

    scene, application_logic = slicer.vtkMRMLScene(), slicer.vtkSlicerApplicationLogic()
    application_logic.SetMRMLScene(scene)
    colors = application_logic.GetColorLogic()
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    # The Volumes logic asks for it by this name; without it every new volume logs an error.
    application_logic.SetModuleLogic("Colors", colors)
    modules = types.SimpleNamespace()
    for name, class_name in MODULE_LOGICS.items():
        logic = getattr(slicer, class_name)()
        # Slicer's own terminology files belong to the application: their absence is an error message, nothing more.
        vtk.vtkObject.SetGlobalWarningDisplay(name != "Terminologies")
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        vtk.vtkObject.GlobalWarningDisplayOn()
        application_logic.SetModuleLogic(name, logic)
        setattr(modules, name.lower(), types.SimpleNamespace(logic=lambda logic=logic: logic))
    app = types.SimpleNamespace(
        testingEnabled=lambda: True,
        processEvents=lambda: None,
        pauseRender=lambda: None,
        resumeRender=lambda: None,
        applicationLogic=lambda: application_logic,
    )
    for name, value in {"mrmlScene": scene, "modules": modules, "app": app}.items():
        monkeypatch.setattr(slicer, name, value, raising=False)
    yield scene
    scene.Clear(1)


@pytest.fixture
def loaded_again(scene, tmp_path):
    """Call it to save the scene as .mrb, close it, and load it."""
    slicer = pytest.importorskip("slicer")

    def reload():
        cache, manager = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
        cache.SetRemoteCacheDirectory(str(tmp_path / "cache"))
        manager.SetCacheManager(cache)
        scene.SetCacheManager(cache)
        scene.SetDataIOManager(manager)
        file = str(tmp_path / "scene.mrb")
        assert scene.WriteToMRB(file)
        scene.Clear(1)
        assert scene.ReadFromMRB(file)

    return reload


@pytest.fixture(scope="session")
def data_dir() -> Path:
    folder = Path(os.environ.get("CARDIOSAM_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "acdc").is_dir():
        pytest.skip(f"no real data at {folder}; set CARDIOSAM_DATA to the folder that holds acdc and sunnybrook")
    return folder
