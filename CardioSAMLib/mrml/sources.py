"""Where a cine can be read from, one by one or to be chosen among; reading itself needs no scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.io import SeveralCines
from CardioSAMLib.mrml.dicom_database import files_of_study, studies_in, study_of_volume
from CardioSAMLib.mrml.imports import read_files
from CardioSAMLib.mrml.session_jobs import Job
from CardioSAMLib.mrml.slice_order import right_handed
from CardioSAMLib.progress import Progress

Source = Callable[..., Cine]
"""Called without arguments, or with the key of one of several cines. Raises UnusableInput, SeveralCines."""

Candidates = tuple[tuple[str, Source], ...]
"""What can be read, each with a description for the user."""


@dataclass(frozen=True)
class Choice:
    """What the user must choose among. doubt: the sentence why the obvious one was not taken; "" where none is."""

    candidates: Candidates
    doubt: str = ""


def read_job(source: Source) -> Job[Cine | Choice]:
    """Reads a cine, right-handed; where the user must choose, its result is among what."""

    def read(progress: Progress) -> Cine | Choice:
        progress(0.0, "reading the images")
        try:
            cine = source()
        except SeveralCines as several:
            found = tuple((each.description, partial(source, each.key)) for each in several.candidates)
            return Choice(found, several.doubt)
        progress(1.0, "making the nodes")  # raises where it was canceled meanwhile
        return right_handed(cine)

    return read


def in_database(database: Any, volume: Any) -> Candidates:
    """The MR studies of Slicer's DICOM database; only one of them where a volume was loaded from it."""
    if database is None or not database.isOpen:
        raise UnusableInput("The DICOM database is not open; open the module DICOM first.")
    found = studies_in(database)
    loaded = [study for study in found if study.uid == study_of_volume(database, volume)]
    return tuple(
        (study.description, partial(read_files, files_of_study(database, study.uid))) for study in loaded or found
    )
