import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure
from CardioSAMLib.phantom import PhantomOptions, make_phantom

# (column, row, slice) -> RAS; the second is left-handed, oblique and stands elsewhere.
STRAIGHT = np.diag([1.4, 1.4, 10.0, 1.0])
OBLIQUE = np.array([[-1.2, 0.5, 3.0, 12.0], [0.4, 1.3, -1.0, -5.0], [0.35, -0.2, 9.0, 30.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomOptions(rows=120, columns=120, frames=4))


def triangles_of(surface):
    """Corners of each triangle, float `(triangles, 3, 3)`, in the order that says where it faces."""
    from vtk.util.numpy_support import vtk_to_numpy

    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    return points[vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)]


def volume_ml(surface):
    """Volume inside of a closed surface by the divergence theorem; negative where it is inside out."""
    a, b, c = triangles_of(surface).transpose(1, 0, 2)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6000.0


def holes_in(surface):
    """Edges that belong to one triangle only."""
    import vtk

    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.ManifoldEdgesOff()
    edges.NonManifoldEdgesOff()
    edges.Update()
    return edges.GetOutput().GetNumberOfCells()


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("ijk_to_ras", [STRAIGHT, OBLIQUE], ids=["straight", "oblique and left-handed"])
@pytest.mark.parametrize("structure", Structure)
def test_a_surface_holds_the_volume_of_its_voxels(phantom, structure, ijk_to_ras):
    from CardioSAMLib.mrml.surfaces import surface_of

    for frame in (0, 2):
        mask = phantom.segmentation.mask(structure)[frame]
        voxels_ml = np.count_nonzero(mask) * abs(np.linalg.det(ijk_to_ras[:3, :3])) / 1000.0
        surface = surface_of(mask, ijk_to_ras)
        assert volume_ml(surface) == pytest.approx(voxels_ml, rel=0.04)
        assert holes_in(surface) == 0


@pytest.mark.usefixtures("scene")
def test_a_stack_filled_to_its_borders_is_a_box_with_flat_ends():
    from CardioSAMLib.mrml.surfaces import surface_of

    surface = surface_of(np.ones((3, 20, 30), bool), STRAIGHT)
    assert holes_in(surface) == 0
    edges = (-0.7, 29.5 * 1.4, -0.7, 19.5 * 1.4, -5.0, 25.0)
    assert surface.GetBounds() == pytest.approx(edges, abs=0.3)
    assert volume_ml(surface) == pytest.approx(42.0 * 28.0 * 30.0 / 1000.0, rel=0.02)


@pytest.mark.usefixtures("scene")
def test_between_two_slices_the_outline_passes_evenly():
    """From a disk of 20 px to one of 10 px: a frustum of radii 20 and 10 between the slices, and half a disk beyond."""
    from CardioSAMLib.mrml.surfaces import surface_of

    rows, columns = np.mgrid[-25:26, -25:26]
    mask = np.stack([np.hypot(rows, columns) < radius for radius in (20.0, 10.0)])
    surface = surface_of(mask, np.diag([1.0, 1.0, 10.0, 1.0]))
    frustum = np.pi * 10.0 / 3.0 * (20.0**2 + 20.0 * 10.0 + 10.0**2)
    ends = np.pi * 5.0 * (20.0**2 + 10.0**2)
    assert volume_ml(surface) == pytest.approx((frustum + ends) / 1000.0, rel=0.03)


@pytest.mark.usefixtures("scene")
def test_a_structure_with_a_missing_slice_is_two_closed_parts():
    from CardioSAMLib.mrml.surfaces import surface_of

    rows, columns = np.mgrid[-15:16, -15:16]
    mask = np.zeros((5, 31, 31), bool)
    mask[[0, 1, 3]] = np.hypot(rows, columns) < 10.0
    surface = surface_of(mask, STRAIGHT)
    assert holes_in(surface) == 0
    assert volume_ml(surface) == pytest.approx(np.count_nonzero(mask) * 0.0196, rel=0.03)


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("rows", [1, 2])
def test_a_single_voxel_is_a_closed_surface_or_none(rows):
    from CardioSAMLib.mrml.surfaces import surface_of

    mask = np.zeros((1, 5, 5), bool)
    mask[0, 2 : 2 + rows, 2] = True
    surface = surface_of(mask, STRAIGHT)
    assert holes_in(surface) == 0
    assert surface.GetNumberOfPoints() == 0 or volume_ml(surface) > 0.0


@pytest.mark.usefixtures("scene")
def test_an_empty_mask_has_no_surface():
    from CardioSAMLib.mrml.surfaces import surface_of

    assert surface_of(np.zeros((3, 5, 5), bool), STRAIGHT).GetNumberOfPoints() == 0


@pytest.fixture
def study(scene, phantom):
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.segmentations import segmentation_nodes
    from CardioSAMLib.mrml.studies import SceneStudy

    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    nodes = cine_nodes(phantom.cine, "heart")
    nodes.volume.SetAndObserveTransformNodeID(transform.GetID())
    study = SceneStudy.of(nodes.volume)
    study.segmentation = segmentation_nodes(nodes.volume, phantom.segmentation).segmentation
    return study


def lv_ml_of(study):
    from CardioSAMLib.mrml.surface_models import model_of

    return volume_ml(model_of(study, Structure.LV).GetPolyData())


def voxels_ml(phantom, frame):
    return np.count_nonzero(phantom.segmentation.mask(Structure.LV)[frame]) * phantom.cine.geometry.voxel_volume_ml


def test_the_models_beat_with_the_browser(study, phantom):
    from CardioSAMLib.mrml.navigation import show_frame
    from CardioSAMLib.mrml.surface_models import SurfaceModels, model_of

    models = SurfaceModels(study)
    models.start()
    for frame in (0, 2, 1, 0):
        show_frame(study, frame)
        assert lv_ml_of(study) == pytest.approx(voxels_ml(phantom, frame), rel=0.04)
    models.stop()
    show_frame(study, 2)
    assert lv_ml_of(study) == pytest.approx(voxels_ml(phantom, 0), rel=0.04)
    assert model_of(study, Structure.LV).GetTransformNodeID() == study.volume.GetTransformNodeID()


def test_contours_that_are_deleted_while_the_heart_beats_leave_the_models_as_they_are(study, phantom, scene):
    from CardioSAMLib.mrml.navigation import show_frame
    from CardioSAMLib.mrml.surface_models import SurfaceModels

    SurfaceModels(study).start()
    scene.RemoveNode(study.segmentation)
    show_frame(study, 2)
    assert lv_ml_of(study) == pytest.approx(voxels_ml(phantom, 0), rel=0.04)


def test_a_correction_changes_the_models_and_a_deleted_structure_empties_its_own(study, phantom):
    from CardioSAMLib.mrml.segmentations import nodes_of_segmentation, write_frames
    from CardioSAMLib.mrml.surface_models import SurfaceModels, model_of

    models = SurfaceModels(study)
    models.start()
    labels = phantom.segmentation.labels[0].copy()
    labels[labels == STORAGE.value_of(Structure.LV)] = 0
    write_frames(nodes_of_segmentation(study.segmentation, study.volume), {0: labels})
    models.update()
    assert model_of(study, Structure.LV).GetPolyData().GetNumberOfPoints() == 0
    assert model_of(study, Structure.RV).GetPolyData().GetNumberOfPoints() > 0
    models.stop()


def test_a_study_without_contours_has_no_surfaces_and_says_so(scene, phantom):
    from CardioSAMLib.mrml.cines import cine_nodes
    from CardioSAMLib.mrml.studies import SceneStudy
    from CardioSAMLib.mrml.surface_models import SurfaceModels

    study = SceneStudy.of(cine_nodes(phantom.cine, "heart").volume)
    with pytest.raises(UnusableInput, match="heart has no contours yet; segment it first"):
        SurfaceModels(study).start()
    assert scene.GetNumberOfNodesByClass("vtkMRMLModelNode") == 0
