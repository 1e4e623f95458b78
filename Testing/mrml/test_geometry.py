import numpy as np
import pytest

from CardioSAMLib.cine import Geometry, UnusableInput

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.geometry import (  # noqa: E402
    geometry_of_matrix,
    local_matrix,
    matrix_of,
    ras_position,
    set_geometry,
    slice_position,
    world_matrix,
)

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
VOXEL = (3.25, 7.5, 11.0)  # slice, row, column


@pytest.fixture
def volume(scene, skewed_geometry):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(node, np.zeros((5, 20, 24), np.int16))
    set_geometry(node, skewed_geometry)
    return node


def world_of(geometry, voxel):
    """RAS by the library's own way."""
    slice_number, row, column = voxel
    return geometry.world_of([row, column, slice_number]) * LPS_TO_RAS


def test_a_click_on_an_oblique_left_handed_volume_is_in_the_voxel_under_it(volume, skewed_geometry):
    assert slice_position(volume, world_of(skewed_geometry, VOXEL)) == pytest.approx(VOXEL)


def test_a_click_follows_the_volume_under_two_transforms(volume, skewed_geometry, put_under, turned):
    transform = put_under(volume, turned)
    put_under(transform, turned)
    moved = turned @ turned @ [*world_of(skewed_geometry, VOXEL), 1.0]
    assert slice_position(volume, moved[:3]) == pytest.approx(VOXEL)


def test_a_voxel_goes_to_the_world_and_back(volume, put_under, turned):
    put_under(volume, turned)
    assert slice_position(volume, ras_position(volume, VOXEL)) == pytest.approx(VOXEL)


def test_the_matrix_is_that_of_the_views_with_the_parent_and_that_of_the_voxels_without(volume, put_under, turned):
    before = local_matrix(volume)
    put_under(volume, turned)
    assert local_matrix(volume) == pytest.approx(before)
    assert world_matrix(volume) == pytest.approx(turned @ before)


def test_a_geometry_comes_back_from_its_matrix(skewed_geometry):
    back = geometry_of_matrix(matrix_of(skewed_geometry))
    assert back.spacing_mm == pytest.approx(skewed_geometry.spacing_mm)
    assert back.origin_mm == pytest.approx(skewed_geometry.origin_mm)
    assert np.asarray(back.direction) == pytest.approx(np.asarray(skewed_geometry.direction))


def test_the_first_voxel_of_an_lps_geometry_is_mirrored_into_ras(scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    slicer.util.updateVolumeFromArray(node, np.zeros((2, 3, 4), np.int16))
    set_geometry(node, Geometry((2.0, 3.0, 8.0), (10.0, 20.0, 30.0)))
    assert ras_position(node, (0, 0, 0)) == pytest.approx((-10.0, -20.0, 30.0))
    # Rows grow to the back, columns to the left of the patient.
    assert ras_position(node, (1, 1, 1)) == pytest.approx((-13.0, -22.0, 38.0))


def test_a_transform_that_doubles_lengths_doubles_the_spacing(volume, put_under):
    put_under(volume, np.diag([2.0, 2.0, 2.0, 1.0]))
    assert geometry_of_matrix(world_matrix(volume)).spacing_mm == pytest.approx((3.0, 2.4, 18.0))


def test_a_skewing_transform_is_refused(volume, put_under):
    skew = np.eye(4)
    skew[0, 1] = 0.3
    put_under(volume, skew)
    with pytest.raises(UnusableInput, match="skews"):
        geometry_of_matrix(world_matrix(volume))


def test_a_bending_transform_is_refused_by_name(scene, volume):
    bend = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    import vtk

    thin_plates = vtk.vtkThinPlateSplineTransform()
    bend.SetAndObserveTransformToParent(thin_plates)
    volume.SetName("SAX")
    volume.SetAndObserveTransformNodeID(bend.GetID())
    with pytest.raises(UnusableInput, match="SAX is under a transform that bends it"):
        slice_position(volume, (0.0, 0.0, 0.0))
