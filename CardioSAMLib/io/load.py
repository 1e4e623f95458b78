"""The door of the room: any path -> the cines it holds, and the one to analyze."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from CardioSAMLib.cine import Cine, QualityNote, UnusableInput
from CardioSAMLib.io.acdc import acdc_source, is_acdc_folder
from CardioSAMLib.io.blank_images import without_blank_images
from CardioSAMLib.io.candidates import CineCandidate, CineSource, choose
from CardioSAMLib.io.dicom_cine import dicom_sources
from CardioSAMLib.io.images import image_sources, is_image_file
from CardioSAMLib.io.paths import existing, files_below, plain_sentences


def list_cines(path: Path | str) -> tuple[CineCandidate, ...]:
    """All cines of a DICOM folder or file, an image file or folder of them, or an ACDC patient folder.

    Order and keys: see `CineCandidate`. Raises UnusableInput where there is none, with the reason.
    """
    with plain_sentences():
        return tuple(source.candidate for source in _sources(Path(path)))


def load_cine(path: Path | str, series: str | None = None) -> Cine:
    """The cine at a path: a DICOM folder, a 4D image file, a folder of 3D ones, or an ACDC patient folder.

    series: the key of one of several cines, from `list_cines`; None takes the only short-axis stack.
    Raises UnusableInput where the input cannot be used, SeveralCines where the user must choose.
    """
    with plain_sentences():
        sources = _sources(Path(path))
        chosen = choose(sources, series)
        cine = without_blank_images(chosen.read())
    unused = [source.candidate for source in sources if source is not chosen and source.candidate.frames > 1]
    if not unused:
        return cine
    message = f"The input holds {len(unused)} other cine(s), which were not used: {', '.join(c.key for c in unused)}."
    return replace(cine, notes=(*cine.notes, QualityNote("other_cines", "info", message)))


def _sources(path: Path) -> list[CineSource]:
    path = existing(path)
    if path.name == "Info.cfg" and path.is_file():
        path = path.parent
    if path.is_dir() and is_acdc_folder(path):
        return [acdc_source(path)]
    if path.is_file() and is_image_file(path):
        return image_sources([path])
    files = files_below(path)
    if any(file.name == "Info.cfg" for file in files):
        raise UnusableInput(f"{path} holds patient folders of ACDC; give one of them.")
    images = [file for file in files if is_image_file(file)]
    others = [file for file in files if not is_image_file(file)]
    try:
        sources = dicom_sources(others) or image_sources(images)
    except UnusableInput:
        # Reports or the like beside image files are no reason to refuse these.
        sources = image_sources(images)
        if not sources:
            raise
    if not sources:
        place = f"the folder {path}" if path.is_dir() else path.name
        raise UnusableInput(
            f"There is no image in {place}; give a DICOM folder, a NIfTI, NRRD or MetaImage file, "
            "or an ACDC patient folder."
        )
    return sources
