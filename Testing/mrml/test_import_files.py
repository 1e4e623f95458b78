import numpy as np
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import SeveralCines, load_cine, write_dicom, write_nifti
from CardioSAMLib.phantom import PhantomOptions, make_phantom

slicer = pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.cines import cine_nodes, cine_of  # noqa: E402
from CardioSAMLib.mrml.imports import import_cine, read_files  # noqa: E402


@pytest.fixture(scope="module")
def cine():
    return make_phantom(PhantomOptions(rows=40, columns=48, slices=4, frames=5, spacing_mm=(2.5, 2.5, 10.0))).cine


@pytest.fixture(scope="module")
def dicom_folder(cine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "dicom"
    write_dicom(cine, folder)
    return folder


def assert_read(volume, path):
    """What is in the scene is what the command line reads from the same path."""
    read, shown = load_cine(path), cine_of(volume)
    assert np.array_equal(shown.pixels, read.pixels)
    assert shown.frame_times_ms == read.frame_times_ms
    assert (shown.heart_rate_bpm, shown.patient, shown.source) == (read.heart_rate_bpm, read.patient, read.source)
    assert shown.geometry.world_of([7, 9, 2]) == pytest.approx(read.geometry.world_of([7, 9, 2]))


def test_a_dicom_folder_becomes_a_cine_with_all_its_frames(scene, dicom_folder):  # noqa: ARG001
    nodes = import_cine(dicom_folder)
    assert nodes.sequence.GetNumberOfDataNodes() == 5
    assert_read(nodes.volume, dicom_folder)


def test_a_4d_nifti_becomes_a_cine_with_all_its_frames(scene, cine, tmp_path):  # noqa: ARG001
    write_nifti(cine, tmp_path / "cine.nii.gz")
    nodes = import_cine(tmp_path / "cine.nii.gz")
    assert nodes.sequence.GetNumberOfDataNodes() == 5
    assert_read(nodes.volume, tmp_path / "cine.nii.gz")


def test_the_files_that_a_database_names_become_the_same_cine_in_any_order(scene, dicom_folder):  # noqa: ARG001
    files = sorted((str(file) for file in dicom_folder.rglob("*") if file.is_file()), reverse=True)
    assert_read(cine_nodes(read_files(files)).volume, dicom_folder)


def test_several_cines_among_the_files_are_listed_to_choose_from(dicom_folder, cine, tmp_path):
    write_dicom(cine, tmp_path / "other")
    files = [file for folder in (dicom_folder, tmp_path / "other") for file in folder.rglob("*") if file.is_file()]
    with pytest.raises(SeveralCines) as refused:
        read_files(files)
    assert [candidate.key for candidate in refused.value.candidates] == ["1", "2"]
    assert read_files(files, series="2").frames == 5


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_files_that_are_no_images_leave_the_scene_as_it_was(scene, tmp_path, content):
    (tmp_path / "note.txt").write_bytes(content)
    nodes = scene.GetNumberOfNodes()
    for load, argument in ((import_cine, tmp_path), (read_files, [tmp_path / "note.txt"]), (read_files, [])):
        with pytest.raises(UnusableInput, match="There is no "):
            load(argument)
    assert scene.GetNumberOfNodes() == nodes


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"nothing at .*gone\.dcm"):
        read_files([tmp_path / "gone.dcm"])
