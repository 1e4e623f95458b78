import itertools
import json

import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.labels import STORAGE, Structure

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
import vtk  # noqa: E402

from CardioSAMLib.mrml.geometry import matrix_of  # noqa: E402
from CardioSAMLib.mrml.segments import (  # noqa: E402
    BINARY_LABELMAP,
    LabelmapImporter,
    add_segments,
    load_terminology,
    read_labels,
    segment_id,
    terminology_entry,
    terminology_file,
)

SHAPE = (4, 12, 15)
LV, MYO, RV = (STORAGE.value_of(structure) for structure in (Structure.LV, Structure.MYO, Structure.RV))


@pytest.fixture
def grid(scene, skewed_geometry):  # noqa: ARG001
    return matrix_of(skewed_geometry)


def labels_with(values):
    """A bar of each value, of its own size, in its own slice."""
    labels = np.zeros(SHAPE, np.uint8)
    for value in values:
        labels[value, value : 2 * value + 3, 2:9] = value
    return labels


def image_of(array, ijk_to_ras, first=(0, 0, 0)):
    """A labelmap as an editor may leave it, `array` (slices, rows, columns) beginning at the voxel `first`."""
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    slicer.util.updateVTKMatrixFromArray(matrix, ijk_to_ras)
    s, r, c = first
    slices, rows, columns = array.shape
    image.SetExtent(c, c + columns - 1, r, r + rows - 1, s, s + slices - 1)
    image.SetImageToWorldMatrix(matrix)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = array.ravel()
    return image


def segmentation_with(structure, image):
    segmentation = slicer.vtkSegmentation()
    add_segments(segmentation)
    segment = segmentation.GetSegment(segment_id(structure))
    segment.SetLabelValue(1)
    segment.AddRepresentation(BINARY_LABELMAP, image)
    return segmentation


@pytest.mark.parametrize("values", [v for n in range(4) for v in itertools.combinations((LV, MYO, RV), n)])
def test_labels_come_back_whichever_structures_are_present(grid, values):
    segmentation = slicer.vtkSegmentation()
    LabelmapImporter(grid).replace(segmentation, labels_with(values))
    read = read_labels(segmentation, grid, SHAPE)
    assert np.array_equal(read.labels, labels_with(values))
    assert (read.overlap_voxels, read.missing, read.unknown) == (0, (), ())


def test_all_structures_lie_in_one_layer_so_that_they_cannot_overlap(grid):
    segmentation = slicer.vtkSegmentation()
    importer = LabelmapImporter(grid)
    for values in ((LV, MYO, RV), (MYO,), (LV, RV)):
        importer.replace(segmentation, labels_with(values))
        assert segmentation.GetNumberOfLayers() == 1
    assert segmentation.GetNumberOfSegments() == 3


def test_writing_again_leaves_nothing_of_the_former_contours(grid):
    segmentation = slicer.vtkSegmentation()
    importer = LabelmapImporter(grid)
    importer.replace(segmentation, labels_with((LV, MYO, RV)))
    importer.replace(segmentation, labels_with((MYO,)))
    assert np.array_equal(read_labels(segmentation, grid, SHAPE).labels, labels_with((MYO,)))


def test_writing_keeps_the_segments_of_the_user(grid):
    segmentation = slicer.vtkSegmentation()
    segmentation.AddEmptySegment("mine", "Scar")
    LabelmapImporter(grid).replace(segmentation, labels_with((LV,)))
    assert segmentation.GetSegment("mine").GetName() == "Scar"
    assert read_labels(segmentation, grid, SHAPE).unknown == ("Scar",)


def test_a_voxel_that_all_claim_is_lv_and_one_without_lv_is_myocardium(grid):
    masks = {Structure.LV: np.s_[1, 2:5, 3], Structure.MYO: np.s_[1, 4:8, 3], Structure.RV: np.s_[1, 2:10, 3]}
    segmentation = slicer.vtkSegmentation()
    add_segments(segmentation)
    for structure, where in masks.items():
        mask = np.zeros(SHAPE, np.uint8)
        mask[where] = 1
        segment = segmentation.GetSegment(segment_id(structure))
        segment.SetLabelValue(1)
        segment.AddRepresentation(BINARY_LABELMAP, image_of(mask, grid))
    read = read_labels(segmentation, grid, SHAPE)
    assert read.labels[1, 2:10, 3].tolist() == [LV, LV, LV, MYO, MYO, MYO, RV, RV]
    assert read.overlap_voxels == 1 + 6  # one of LV and MYO; six of RV and those before it


def test_a_labelmap_that_an_editor_has_cut_to_its_contents_is_read_at_its_place(grid):
    segmentation = segmentation_with(Structure.LV, image_of(np.ones((1, 3, 2), np.uint8), grid, first=(2, 5, 7)))
    expected = np.zeros(SHAPE, np.uint8)
    expected[2, 5:8, 7:9] = LV
    assert np.array_equal(read_labels(segmentation, grid, SHAPE).labels, expected)


def test_a_labelmap_that_reaches_beyond_the_image_is_cut_off(grid):
    image = image_of(np.ones((9, 30, 30), np.uint8), grid, first=(-2, -4, 6))
    expected = np.zeros(SHAPE, np.uint8)
    expected[:, :, 6:] = LV
    assert np.array_equal(read_labels(segmentation_with(Structure.LV, image), grid, SHAPE).labels, expected)


def test_a_labelmap_wholly_outside_of_the_image_is_empty(grid):
    image = image_of(np.ones((2, 2, 2), np.uint8), grid, first=(9, 0, 0))
    assert not read_labels(segmentation_with(Structure.LV, image), grid, SHAPE).labels.any()


def test_a_labelmap_whose_origin_was_moved_by_whole_voxels_is_read_at_its_place(grid):
    moved = grid @ np.array([[1, 0, 0, 4], [0, 1, 0, 3], [0, 0, 1, 1], [0, 0, 0, 1]])
    segmentation = segmentation_with(Structure.MYO, image_of(np.ones((2, 2, 2), np.uint8), moved))
    expected = np.zeros(SHAPE, np.uint8)
    expected[1:3, 3:5, 4:6] = MYO
    assert np.array_equal(read_labels(segmentation, grid, SHAPE).labels, expected)


def test_a_labelmap_on_a_finer_grid_covers_the_same_place(grid):
    # Twice as many rows and columns; the voxels of the coarse grid lie at the even ones.
    finer = grid @ np.diag([0.5, 0.5, 1.0, 1.0])
    fine = np.zeros((4, 24, 30), np.uint8)
    fine[1, 6:15, 4:11] = 1
    segmentation = segmentation_with(Structure.RV, image_of(fine, finer))
    expected = np.zeros(SHAPE, np.uint8)
    expected[1, 3:8, 2:6] = RV
    assert np.array_equal(read_labels(segmentation, grid, SHAPE).labels, expected)


def test_a_removed_segment_is_missing_and_the_others_are_read(grid):
    segmentation = slicer.vtkSegmentation()
    LabelmapImporter(grid).replace(segmentation, labels_with((LV, MYO)))
    segmentation.RemoveSegment(segment_id(Structure.RV))
    read = read_labels(segmentation, grid, SHAPE)
    assert read.missing == (Structure.RV,)
    assert np.array_equal(read.labels, labels_with((LV, MYO)))


def test_a_surface_without_voxels_is_refused_with_what_to_do(grid):
    segmentation, segment, ball = slicer.vtkSegmentation(), slicer.vtkSegment(), vtk.vtkSphereSource()
    ball.Update()
    segment.AddRepresentation("Closed surface", ball.GetOutput())
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.AddSegment(segment, "LV")
    with pytest.raises(UnusableInput, match="is a surface without voxels; make Binary labelmap"):
        read_labels(segmentation, grid, SHAPE)


@pytest.mark.parametrize("structure", list(Structure))
def test_a_segment_carries_the_color_and_the_code_of_its_structure(grid, structure):
    segmentation = slicer.vtkSegmentation()
    LabelmapImporter(grid).replace(segmentation, labels_with((LV, MYO, RV)))
    segment = segmentation.GetSegment(structure.name)
    assert segment.GetName() == structure.meaning
    assert np.rint(np.asarray(segment.GetColor()) * 255).tolist() == list(structure.color_rgb)
    tag = vtk.reference("")
    assert segment.GetTag(segment.GetTerminologyEntryTagName(), tag)
    entry = slicer.vtkSlicerTerminologyEntry()
    assert slicer.modules.terminologies.logic().DeserializeTerminologyEntry(str(tag), entry)
    assert entry.GetTypeObject().GetCodeValue() == structure.snomed_code
    assert entry.GetCategoryObject().GetCodeValue() == "123037004"


def test_the_terminology_file_agrees_with_the_structures(scene):  # noqa: ARG001
    load_terminology()
    (category,) = json.loads(terminology_file().read_text(encoding="utf-8"))["SegmentationCodes"]["Category"]
    listed = {
        (kind["3dSlicerLabel"], kind["CodeValue"], kind["CodeMeaning"], tuple(kind["recommendedDisplayRGBValue"]))
        for kind in category["Type"]
    }
    assert listed == {(s.name, s.snomed_code, s.meaning, s.color_rgb) for s in Structure}


@pytest.mark.parametrize("structure", list(Structure))
def test_the_application_finds_a_segments_code_in_the_loaded_terminology(scene, structure):  # noqa: ARG001
    load_terminology()
    logic, entry = slicer.modules.terminologies.logic(), slicer.vtkSlicerTerminologyEntry()
    logic.DeserializeTerminologyEntry(terminology_entry(structure), entry)
    kinds = []
    for number in range(logic.GetNumberOfTypesInTerminologyCategory("CardioSAM", entry.GetCategoryObject())):
        kind = slicer.vtkSlicerTerminologyType()
        assert logic.GetNthTypeInTerminologyCategory("CardioSAM", entry.GetCategoryObject(), number, kind)
        kinds.append((kind.GetCodeValue(), kind.GetSlicerLabel()))
    assert (structure.snomed_code, structure.name) in kinds
