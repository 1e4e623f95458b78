"""Sunnybrook-style contours, drawn here on a cine of known geometry."""

import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import load_sunnybrook_contours, write_dicom
from CardioSAMLib.io.contours import fill_polygon
from CardioSAMLib.labels import STORAGE, Structure

LV, MYO = STORAGE.value_of(Structure.LV), STORAGE.value_of(Structure.MYO)


def test_a_rectangle_holds_the_pixels_whose_centers_are_in_it():
    mask = fill_polygon(np.array([(1.5, 2.5), (1.5, 6.5), (4.5, 6.5), (4.5, 2.5)]), (9, 11))
    expected = np.zeros((9, 11), dtype=bool)
    expected[2:5, 3:7] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_rectangle_through_pixel_centers_has_its_area():
    mask = fill_polygon(np.array([(2.0, 3.0), (2.0, 8.0), (6.0, 8.0), (6.0, 3.0)]), (9, 11))
    assert mask.sum() == 4 * 5


def test_a_circle_has_its_area():
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([100 + 60 * np.sin(angle), 90 + 60 * np.cos(angle)], axis=1)
    assert fill_polygon(circle, (256, 256)).sum() == pytest.approx(np.pi * 60**2, rel=0.003)


def write_rectangle(path, top: int, left: int, bottom: int, right: int) -> None:
    """Around the pixels of rows top..bottom and columns left..right, as x y pairs whose first pixel is at 1."""
    corners = [
        (left - 0.5, top - 0.5),
        (right + 0.5, top - 0.5),
        (right + 0.5, bottom + 0.5),
        (left - 0.5, bottom + 0.5),
    ]
    path.write_text("".join(f"{x + 1:.2f} {y + 1:.2f}\n" for x, y in corners))


@pytest.fixture
def patient(tmp_path, make_cine):
    """Slices of 6 frames: image 9 is slice 1, frame 2. Files are written from apex to base."""
    write_dicom(make_cine(), tmp_path / "dicom")
    for kind in "io":
        (tmp_path / f"{kind}-contours").mkdir()
    write_rectangle(tmp_path / "i-contours" / "IM-0001-0009-icontour-manual.txt", 3, 4, 5, 6)
    write_rectangle(tmp_path / "o-contours" / "IM-0001-0009-ocontour-manual.txt", 2, 3, 6, 7)
    write_rectangle(tmp_path / "i-contours" / "IM-0001-0018-icontour-manual.txt", 3, 4, 4, 5)
    return tmp_path


def expected_labels(read, make_cine):
    cine = make_cine()
    places = {}
    for image, (slice_number, frame) in {9: (1, 2), 18: (2, 5)}.items():
        index = read.geometry.index_of(cine.geometry.world_of((0, 0, slice_number)))
        places[image] = (frame, round(float(index[2])))
    labels = np.zeros(cine.pixels.shape, dtype=np.uint8)
    labels[places[9]][2:7, 3:8] = MYO
    labels[places[9]][3:6, 4:7] = LV
    labels[places[18]][3:5, 4:6] = LV
    return labels, places


def test_contours_become_labels_of_the_image_they_were_drawn_on(patient, make_cine):
    found = load_sunnybrook_contours(patient)
    labels, places = expected_labels(found.cine, make_cine)
    np.testing.assert_array_equal(found.labels, labels)
    assert set(found.endocardium) == {places[9], places[18]}
    assert found.epicardium == (places[9],)


def test_the_place_follows_the_position_and_not_the_number(patient, make_cine):
    """The stack written the other way round: the numbers run against the positions."""
    cine = make_cine()
    turned = np.asarray(cine.geometry.direction) * (1.0, -1.0, 1.0)
    for path in (patient / "dicom").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.ImageOrientationPatient = [f"{value:.12f}" for value in (*turned[:, 0], *turned[:, 1])]
        dataset.save_as(path)
    found = load_sunnybrook_contours(patient)
    assert set(found.endocardium) == {(2, 2), (5, 1)}
    image = next(
        dataset for dataset in map(pydicom.dcmread, (patient / "dicom").iterdir()) if dataset.InstanceNumber == 9
    )
    np.testing.assert_array_equal(found.cine.pixels[2, 2], image.pixel_array)
    assert (found.labels[2, 2] == LV).sum() == 9


def test_a_missing_image_beside_a_contour_does_not_move_it(patient, make_cine):
    """Image 10, the next frame of the slice, is missing and shows image 9 or 11 instead."""
    (patient / "dicom" / "00010.dcm").unlink()
    found = load_sunnybrook_contours(patient)
    labels, _ = expected_labels(found.cine, make_cine)
    np.testing.assert_array_equal(found.labels, labels)


def test_an_epicardium_without_endocardium_gives_no_label(patient):
    write_rectangle(patient / "o-contours" / "IM-0001-0001-ocontour-manual.txt", 2, 3, 6, 7)
    found = load_sunnybrook_contours(patient)
    assert len(found.epicardium) == 2
    assert (found.labels == MYO).any(axis=(2, 3)).sum() == 1


def test_a_contour_of_an_image_that_is_not_there_is_refused(patient):
    write_rectangle(patient / "i-contours" / "IM-0001-0099-icontour-manual.txt", 3, 4, 5, 6)
    with pytest.raises(UnusableInput, match="drawn on image 99, which is not there"):
        load_sunnybrook_contours(patient)


@pytest.mark.parametrize("content", ["", "1 2\n3 4\n", "1 2\n3\n5 6\n", "a b\nc d\ne f\n", "1 2 3\n4 5 6\n7 8 9\n"])
def test_a_file_that_is_no_contour_is_refused(content, patient):
    (patient / "i-contours" / "IM-0001-0009-icontour-manual.txt").write_text(content)
    with pytest.raises(UnusableInput, match=r"IM-0001-0009-icontour-manual\.txt is no"):
        load_sunnybrook_contours(patient)


def test_a_folder_without_a_part_is_refused(patient):
    (patient / "dicom").rename(patient / "images")
    with pytest.raises(UnusableInput, match=r"There is nothing at .*dicom"):
        load_sunnybrook_contours(patient)


def test_a_folder_without_images_or_contours_is_refused(patient):
    for path in (patient / "o-contours").iterdir():
        path.rename(path.with_name("notes.txt"))
    with pytest.raises(UnusableInput, match="There is no contour in"):
        load_sunnybrook_contours(patient)
    for path in (patient / "dicom").iterdir():
        path.write_text("not DICOM")
    with pytest.raises(UnusableInput, match="There is no DICOM image in"):
        load_sunnybrook_contours(patient)
