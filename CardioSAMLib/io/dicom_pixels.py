"""Stored pixel values of DICOM files, compressed ones decoded by the GDCM inside SimpleITK."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
    generate_uid,
)

from CardioSAMLib.cine import Array, UnusableInput

_PIXEL_MODULE = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


def stored_values(dataset: Dataset) -> Array:
    """Stored values of all images of a data set, integer `(images, rows, columns)`, no rescaling applied.

    Of images that show low values bright (MONOCHROME1) the values are turned round, so that blood is bright.
    Call within `quiet_pydicom`. Raises UnusableInput where the pixels are cut short or of an unknown compression.
    """
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax:
        # A file without the header that says so is of the default transfer syntax (PS3.5, 10.1).
        syntax = dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    try:
        if syntax.is_compressed and syntax != RLELossless and not syntax.is_deflated:
            pixels = _decode_by_gdcm(dataset)
        else:
            pixels = pixel_array(dataset, raw=True)
    except (ValueError, EOFError, RuntimeError, AttributeError, KeyError, NotImplementedError, struct.error) as error:
        name = Path(str(dataset.filename)).name
        raise UnusableInput(
            f"The pixels of {name} cannot be read: the file is cut short, or compressed in a way that is not known "
            f"({syntax.name}). Copy the study again, or export it uncompressed."
        ) from error
    values = np.asarray(pixels).reshape(-1, int(dataset.Rows), int(dataset.Columns))
    if not _is_inverted(dataset):
        return values
    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    # As stored, low + high - value, which stays within the type.
    return np.asarray(~values if signed else values.dtype.type(2 ** int(dataset.BitsStored) - 1) - values)


def _is_inverted(dataset: Dataset) -> bool:
    return bool(dataset.get("PhotometricInterpretation") == "MONOCHROME1")


def _decode_by_gdcm(dataset: Dataset) -> Array:
    """Decodes a copy that holds nothing but the pixels.

    ITK would apply the rescaling of the original file as it understands it, and enhanced files carry one per image.
    GDCM reads from disk only.
    """
    bare = Dataset()
    for keyword in _PIXEL_MODULE:
        bare[keyword] = dataset[keyword]
    if _is_inverted(dataset):
        bare.PhotometricInterpretation = "MONOCHROME2"  # ITK would turn the values round
    bare.NumberOfFrames = int(dataset.get("NumberOfFrames") or 1)
    bare.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    bare.SOPInstanceUID = generate_uid()
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    with tempfile.TemporaryDirectory(prefix="cardiosam-") as folder:
        path = Path(folder) / "pixels.dcm"
        bare.save_as(path, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        shown = sitk.ProcessObject.GetGlobalWarningDisplay()
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        try:
            return np.asarray(sitk.GetArrayFromImage(reader.Execute()))
        finally:
            sitk.ProcessObject.SetGlobalWarningDisplay(shown)
