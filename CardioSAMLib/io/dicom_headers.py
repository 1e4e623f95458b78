"""One record for each image (one slice at one frame) of classic and enhanced DICOM files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from CardioSAMLib.cine import Array
from CardioSAMLib.io.dicom_files import first_item, number, numbers, text, texts

_NOT_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "VELOCITY", "VELOCITY MAP", "V"}
_REFORMATTED = {"MPR", "REFORMATTED", "PROJECTION IMAGE", "MIP", "CSA MPR", "RESAMPLED"}

# Not the UID alone: some anonymizers give all files the same one.
_IDENTITY = ("SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "TriggerTime")


@dataclass(frozen=True)
class ImageTime:
    """When one image was taken: what frames may be ordered by, in that order, and the heart rate; None: not stated."""

    trigger_ms: float | None
    delay_ms: float | None
    temporal_position: float | None
    instance_number: int | None
    rr_interval_ms: float | None
    heart_rate_bpm: float | None


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """Where and when one image was taken, and where its pixels are.

    file_number: 0-based, of the data set in the scan; index_in_file: 0-based image of an enhanced file.
    sequence: scanning sequence and its variant, () where not stated.
    position_mm: LPS of the center of the first pixel. row_axis, column_axis: LPS unit vectors along which the column
        index and the row index grow (first and last half of ImageOrientationPatient).
    slope, intercept: stored value -> image value.
    """

    file_number: int
    index_in_file: int
    study: tuple[str, str]
    series_uid: str
    series_number: int | None
    series_description: str
    acquired: str
    frame_of_reference: str
    image_type: tuple[str, ...]
    sequence: tuple[str, ...]
    echo_time_ms: float | None
    size_px: tuple[int, int]
    spacing_mm: tuple[float, float]
    position_mm: Array
    row_axis: Array
    column_axis: Array
    thickness_mm: float | None
    slice_spacing_mm: float | None
    time: ImageTime
    slope: float
    intercept: float

    @property
    def normal(self) -> Array:
        """LPS unit vector across the image."""
        return np.asarray(np.cross(self.row_axis, self.column_axis))

    @property
    def center_mm(self) -> Array:
        """LPS position of the center of the image, where slices that are slightly turned keep their distance."""
        rows, columns = self.size_px
        row_mm, column_mm = self.spacing_mm
        down, right = 0.5 * (rows - 1) * row_mm * self.column_axis, 0.5 * (columns - 1) * column_mm * self.row_axis
        return np.asarray(self.position_mm + down + right)

    @property
    def is_localizer(self) -> bool:
        return any(part.startswith("LOCALI") for part in self.image_type)

    @property
    def is_derived(self) -> bool:
        return self.image_type[:1] == ("DERIVED",)

    @property
    def is_reformatted(self) -> bool:
        """Cut or projected out of other images."""
        return not _REFORMATTED.isdisjoint(self.image_type)

    @property
    def is_magnitude(self) -> bool:
        """Not a phase, velocity, real or imaginary image. The first two values of ImageType say other things."""
        return not _NOT_MAGNITUDE.intersection(self.image_type[2:])


def headers_of(dataset: Dataset, file_number: int) -> list[ImageHeader]:
    """The images of a data set; none where it has no gray image that is placed in the patient.

    An enhanced file has functional groups for each of its images. Classic files are known that carry one empty item of
    them (Sunnybrook), so a position in the data set itself makes it classic.
    """
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups and "ImagePositionPatient" not in dataset:
        shared = first_item(dataset, "SharedFunctionalGroupsSequence")
        images = [_Levels(group, shared, dataset) for group in groups]
    else:
        images = [_Levels(dataset)]
    headers = (_header(dataset, levels, file_number, index) for index, levels in enumerate(images))
    return [header for header in headers if header is not None]


class _Levels:
    """Looks a keyword up in the functional groups of one image, then in those shared by all, then in the file."""

    def __init__(self, *levels: Dataset) -> None:
        self._levels = levels

    @property
    def enhanced(self) -> bool:
        return len(self._levels) > 1

    def holding(self, keyword: str, macro: str) -> Dataset:
        """The data set that holds the keyword: inside the macro (a sequence), or directly."""
        for level in self._levels:
            for place in (first_item(level, macro), level):
                if keyword in place:
                    return place
        return Dataset()

    def number(self, keyword: str, macro: str = "") -> float | None:
        return number(self.holding(keyword, macro), keyword)

    def numbers(self, keyword: str, macro: str) -> tuple[float, ...]:
        return numbers(self.holding(keyword, macro), keyword)

    def text(self, keyword: str, macro: str) -> str:
        return text(self.holding(keyword, macro), keyword)


def _header(dataset: Dataset, levels: _Levels, file_number: int, index: int) -> ImageHeader | None:
    position = levels.numbers("ImagePositionPatient", "PlanePositionSequence")
    orientation = levels.numbers("ImageOrientationPatient", "PlaneOrientationSequence")
    spacing = levels.numbers("PixelSpacing", "PixelMeasuresSequence")
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    if not (len(position) == 3 and len(orientation) == 6 and len(spacing) == 2 and rows and columns):
        return None
    if is_color(dataset) or "PixelData" not in dataset:
        return None
    frame_type = levels.holding("FrameType", "MRImageFrameTypeSequence")
    image_type = texts(frame_type, "FrameType") or texts(dataset, "ImageType")
    series = number(dataset, "SeriesNumber")
    slope = levels.number("RescaleSlope", "PixelValueTransformationSequence")
    return ImageHeader(
        file_number=file_number,
        index_in_file=index,
        study=(text(dataset, "StudyDate") + text(dataset, "StudyTime"), text(dataset, "StudyInstanceUID")),
        series_uid=text(dataset, "SeriesInstanceUID"),
        series_number=None if series is None else int(series),
        series_description=text(dataset, "SeriesDescription"),
        acquired=_acquired(dataset, levels),
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        image_type=tuple(part.upper() for part in (*image_type, text(frame_type, "ComplexImageComponent"))),
        sequence=(*sorted(texts(dataset, "ScanningSequence")), *sorted(texts(dataset, "SequenceVariant"))),
        echo_time_ms=_first_known(levels.number("EchoTime"), levels.number("EffectiveEchoTime", "MREchoSequence")),
        size_px=(int(rows), int(columns)),
        spacing_mm=(spacing[0], spacing[1]),
        position_mm=np.asarray(position),
        row_axis=np.asarray(orientation[:3]),
        column_axis=np.asarray(orientation[3:]),
        thickness_mm=levels.number("SliceThickness", "PixelMeasuresSequence"),
        slice_spacing_mm=levels.number("SpacingBetweenSlices", "PixelMeasuresSequence"),
        time=_time(levels, index + 1 if levels.enhanced else number(dataset, "InstanceNumber")),
        # A slope of 0 would wipe the image out: some exporters write it for "none".
        slope=slope if slope else 1.0,
        intercept=levels.number("RescaleIntercept", "PixelValueTransformationSequence") or 0.0,
    )


def _time(levels: _Levels, instance_number: float | None) -> ImageTime:
    synchronization = "CardiacSynchronizationSequence"
    return ImageTime(
        trigger_ms=levels.number("TriggerTime"),
        delay_ms=_first_known(
            levels.number("NominalCardiacTriggerDelayTime", synchronization),
            levels.number("ActualCardiacTriggerDelayTime", synchronization),
        ),
        temporal_position=_first_known(
            levels.number("TemporalPositionIndex", "FrameContentSequence"),
            levels.number("TemporalPositionIdentifier"),
        ),
        instance_number=None if instance_number is None else int(instance_number),
        rr_interval_ms=_first_known(
            levels.number("NominalInterval"), levels.number("RRIntervalTimeNominal", synchronization)
        ),
        heart_rate_bpm=levels.number("HeartRate"),
    )


def is_color(dataset: Dataset) -> bool:
    """Whether the data set is an image with several values per pixel."""
    samples = number(dataset, "SamplesPerPixel")
    return samples is not None and samples > 1


def _acquired(dataset: Dataset, levels: _Levels) -> str:
    """Date and time of acquisition as digits, which sort like times; "" where not known."""
    both = levels.text("FrameAcquisitionDateTime", "FrameContentSequence") or text(dataset, "AcquisitionDateTime")
    return both or text(dataset, "AcquisitionDate") + text(dataset, "AcquisitionTime")


def _first_known(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def all_headers(datasets: tuple[Dataset, ...]) -> Iterator[ImageHeader]:
    """The images of all data sets, each once: copies of a file count as one."""
    seen: set[tuple[str, ...]] = set()
    for file_number, dataset in enumerate(datasets):
        identity = tuple(text(dataset, keyword) for keyword in _IDENTITY)
        if identity[0] and identity in seen:
            continue
        seen.add(identity)
        yield from headers_of(dataset, file_number)
