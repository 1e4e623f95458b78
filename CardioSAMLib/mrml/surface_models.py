"""Model nodes of the structures that beat with the browser: always the surfaces of the frame that is shown."""

from __future__ import annotations

import hashlib

import slicer
import slicer.util
import vtk

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.mrml.navigation import shown_frame
from CardioSAMLib.mrml.segmentations import SegmentationNodes, nodes_of_segmentation, read_frame
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.mrml.surfaces import surface_of

# The left ventricle must be seen through its wall.
_OPACITY = {Structure.LV: 1.0, Structure.MYO: 0.35, Structure.RV: 0.6}


class SurfaceModels:
    """The surfaces of a study, made frame by frame as they are shown and kept for the next beat.

    Call `stop` before the scene is closed or the study is removed; the model nodes stay as they are then.
    """

    def __init__(self, study: SceneStudy) -> None:
        self._study = study
        self._browser: slicer.vtkMRMLSequenceBrowserNode | None = None
        self._observer: int | None = None
        self._kept: dict[int, tuple[bytes, dict[Structure, vtk.vtkPolyData]]] = {}

    def start(self) -> None:
        """Shows the surfaces of the frame shown, and from now on those of each frame that is.

        Raises UnusableInput where the study has no contours.
        """
        self.update()
        browser = self._study.browser
        if browser is not None and self._observer is None:
            self._browser = browser
            self._observer = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_browser)

    def stop(self) -> None:
        """No longer follows the browser."""
        if self._browser is not None and self._observer is not None:
            self._browser.RemoveObserver(self._observer)
        self._browser = self._observer = None

    def update(self) -> None:
        """Shows the contours as they are now; to be called where they were changed in the frame shown."""
        nodes = _nodes(self._study)
        frame = shown_frame(self._study)
        for structure, surface in self._surfaces(frame, read_frame(nodes, frame).labels, nodes.ijk_to_ras).items():
            model = model_of(self._study, structure)
            model.SetAndObserveTransformNodeID(nodes.volume.GetTransformNodeID())
            model.SetAndObservePolyData(surface)

    def _on_browser(self, *_: object) -> None:
        # A user may delete the contours while the heart beats; an error per frame would help nobody.
        if self._study.volume is None or self._study.segmentation is None:
            self.stop()
        else:
            self.update()

    def _surfaces(self, frame: int, labels: Array, ijk_to_ras: Array) -> dict[Structure, vtk.vtkPolyData]:
        signature = hashlib.sha256(labels.tobytes() + ijk_to_ras.tobytes()).digest()
        kept = self._kept.get(frame)
        if kept is None or kept[0] != signature:
            surfaces = {s: surface_of(labels == STORAGE.value_of(s), ijk_to_ras) for s in Structure}
            kept = self._kept[frame] = (signature, surfaces)
        return kept[1]


def model_of(study: SceneStudy, structure: Structure) -> slicer.vtkMRMLModelNode:
    """The model node of a structure, made at first use."""
    role = f"surface {structure.name}"
    existing = study.part(role)
    if existing is not None:
        return existing
    model = study.obtain(role, "vtkMRMLModelNode", f"{study.name} {structure.name} surface")
    model.CreateDefaultDisplayNodes()
    model.GetDisplayNode().SetColor([part / 255.0 for part in structure.color_rgb])
    model.GetDisplayNode().SetOpacity(_OPACITY[structure])
    return model


def show_models(study: SceneStudy, on: bool) -> None:
    """Shows or hides the model nodes of a study, as far as there are any."""
    for structure in Structure:
        model = study.part(f"surface {structure.name}")
        if model is not None:
            model.GetDisplayNode().SetVisibility(on)


def _nodes(study: SceneStudy) -> SegmentationNodes:
    if study.volume is None or study.segmentation is None:
        raise UnusableInput(f"{study.name} has no contours yet; segment it first.")
    return nodes_of_segmentation(study.segmentation, study.volume)
