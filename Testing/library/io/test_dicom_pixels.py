"""Compressed pixel data, written by GDCM, are decoded without any plugin of pydicom."""

import gdcm
import numpy as np
import pydicom
import pytest

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.io import DicomLayout, load_cine, write_dicom

SYNTAX = gdcm.TransferSyntax
LOSSLESS = {
    "JPEG lossless": SYNTAX.JPEGLosslessProcess14_1,
    "JPEG-LS": SYNTAX.JPEGLSLossless,
    "JPEG 2000": SYNTAX.JPEG2000Lossless,
    "RLE": SYNTAX.RLELossless,
}


def compress(path, syntax: int) -> None:
    """Compresses the pixels and leaves the rest of the file alone (GDCM rewrites functional groups)."""
    original = pydicom.dcmread(path)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    compressed = pydicom.dcmread(path)
    assert compressed.file_meta.TransferSyntaxUID.is_compressed
    original.file_meta.TransferSyntaxUID = compressed.file_meta.TransferSyntaxUID
    original["PixelData"] = compressed["PixelData"]
    original.save_as(path)


@pytest.mark.parametrize("layout", [DicomLayout.ONE_SERIES, DicomLayout.ENHANCED])
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_compression_gives_the_same_pixels(name, layout, tmp_path, make_cine, assert_same):
    cine = make_cine(rows=16, columns=16)
    write_dicom(cine, tmp_path / "study", layout)
    for path in (tmp_path / "study").iterdir():
        compress(path, LOSSLESS[name])
    assert_same(load_cine(tmp_path / "study"), cine)


@pytest.mark.parametrize("layout", [DicomLayout.ONE_SERIES, DicomLayout.ENHANCED])
def test_rescaling_is_applied_once_to_compressed_pixels(layout, tmp_path, make_cine, assert_same):
    pixels = np.random.default_rng(1).normal(50.0, 20.0, (3, 4, 16, 16)).astype(np.float32)
    cine = make_cine(frames=3, pixels=pixels)
    write_dicom(cine, tmp_path / "study", layout)
    for path in (tmp_path / "study").iterdir():
        compress(path, SYNTAX.JPEGLSLossless)
    assert_same(load_cine(tmp_path / "study"), cine, tolerance=0.6 * float(np.ptp(pixels)) / 65535)


def test_jpeg_baseline_is_close_to_the_pixels(tmp_path, make_cine, assert_same):
    ramp = np.add.outer(np.arange(16), np.arange(16)) * 8
    pixels = np.broadcast_to(ramp, (3, 4, 16, 16)).astype(np.uint16)
    cine = make_cine(frames=3, pixels=pixels)
    write_dicom(cine, tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = np.frombuffer(dataset.PixelData, np.uint16).astype(np.uint8).tobytes()
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)
        compress(path, SYNTAX.JPEGBaselineProcess1)
    assert_same(load_cine(tmp_path / "study"), cine, tolerance=6.0)


def test_compressed_pixels_cut_short_are_refused_in_a_sentence(tmp_path, make_cine):
    write_dicom(make_cine(rows=16, columns=16), tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        compress(path, SYNTAX.JPEG2000Lossless)
    dataset = pydicom.dcmread(path)
    (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.PixelData = pydicom.encaps.encapsulate([stream[:40]])
    dataset.save_as(path)
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_cine(tmp_path / "study")


def test_an_unknown_compression_is_named(tmp_path, make_cine):
    write_dicom(make_cine(), tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
        dataset.save_as(path)
    with pytest.raises(UnusableInput, match="MPEG2"):
        load_cine(tmp_path / "study")
