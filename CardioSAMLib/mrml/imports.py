"""Files -> cine nodes, where Slicer's own readers stop at one frame or one slice.

`read_...` touch no scene and may run on a worker thread; `cine_nodes` then makes the nodes on the main thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.io import load_cine
from CardioSAMLib.io.candidates import choose
from CardioSAMLib.io.dicom_cine import dicom_sources
from CardioSAMLib.io.paths import existing, plain_sentences
from CardioSAMLib.mrml.cines import CineNodes, cine_nodes


def import_cine(path: Path | str, series: str | None = None, name: str = "Cine") -> CineNodes:
    """Nodes of the cine at a path: a DICOM folder, a 4D NIfTI, NRRD or MetaImage file, an ACDC patient folder.

    series: the key of one of several cines (`CardioSAMLib.io.list_cines`). Raises UnusableInput where the input cannot
    be used, SeveralCines where the user must choose; the scene is then as before.
    """
    return cine_nodes(load_cine(path, series), name)


def read_files(files: Iterable[Path | str], series: str | None = None) -> Cine:
    """The cine in DICOM files, in any order. Raises UnusableInput, SeveralCines."""
    with plain_sentences():
        sources = dicom_sources([existing(file) for file in files])
        if not sources:
            raise UnusableInput("There is no DICOM image among the files; choose a cine series.")
        return choose(sources, series).read()
