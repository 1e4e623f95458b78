"""How cines come into the scene and models onto the computer: work that the reader waits for, one at a time.

Main thread only. All methods raise UnusableInput, one sentence for the reader, where they cannot do what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from CardioSAMLib.cine import Cine, UnusableInput
from CardioSAMLib.io import load_cine
from CardioSAMLib.model_store import download_model
from CardioSAMLib.mrml.cines import cine_nodes_in_parts
from CardioSAMLib.mrml.imports import read_files
from CardioSAMLib.mrml.jobs import Jobs, Take
from CardioSAMLib.mrml.parts import Parts
from CardioSAMLib.mrml.slice_views import show_stack
from CardioSAMLib.mrml.sources import Candidates, Choice, Source, in_database, read_job
from CardioSAMLib.progress import Progress
from CardioSAMLib.segmentation import EmbeddingCache, default_folder

WORK = "work"
"""The kind of job that the reader waits for."""


class Intake:
    """on_cine: called with the volume node of a cine that was read into the scene. candidates: to be chosen among."""

    def __init__(self, on_cine: Callable[[Any], None]) -> None:
        self.message = ""
        self.candidates: Candidates = ()
        self._on_cine = on_cine
        self._jobs = Jobs()

    @property
    def is_working(self) -> bool:
        """Whether the reader waits for something."""
        return self._jobs.is_running(WORK)

    @property
    def is_busy(self) -> bool:
        """Whether anything is being done, whoever waits for it."""
        return self._jobs.is_busy

    @property
    def progress(self) -> tuple[float, str]:
        """How far the work is, and with what."""
        return self._jobs.progress(WORK)

    def cancel(self) -> None:
        """Ends the work; the scene stays as it is."""
        self._jobs.cancel(WORK)

    def _work(self, job: Callable[[Progress], Any], take: Take) -> None:
        self._check_idle()
        self.message = ""
        self._jobs.start(WORK, job, take)

    def _check_idle(self) -> None:
        if self.is_working:
            raise UnusableInput("Something else is still running; wait for it, or cancel it.")

    def read_path(self, path: str) -> None:
        """Reads the cine at a path into the scene; where there are several, `candidates` says which."""
        if not path:
            raise UnusableInput("Give a DICOM folder, an image file or an ACDC patient folder to import.")
        self._read(partial(load_cine, path))

    def read_files(self, files: Sequence[str]) -> None:
        """Reads an image file, or the cine in several DICOM files; nothing where none was chosen."""
        if files:
            self._read(partial(load_cine, files[0]) if len(files) == 1 else partial(read_files, files))

    def read_database(self, database: Any, volume: Any) -> None:
        """Reads the study from which a volume was loaded, or the only MR study; else they become candidates."""
        found = in_database(database, volume)
        if len(found) == 1:
            self._read(found[0][1])
        else:
            self._offer(Choice(found))

    def read_candidate(self, number: int) -> None:
        """Reads one of the candidates."""
        self._read(self.candidates[number][1])

    def _read(self, source: Source) -> None:
        self._work(read_job(source), self._take_cine)

    def _take_cine(self, read: Cine | Choice) -> Parts[None]:
        if not isinstance(read, Cine):
            self._offer(read)
            return
        self.candidates = ()
        volume = (yield from cine_nodes_in_parts(read)).volume
        yield
        show_stack(volume)
        self._on_cine(volume)

    def _offer(self, choice: Choice) -> None:
        self.candidates = choice.candidates
        reason = f"{choice.doubt} To do without it," if choice.doubt else "There are several;"
        self.message = f"{reason} choose which one to read."

    # Models and what they leave on the disk

    def download(self, model_id: str, then: Callable[[], None]) -> None:
        """Downloads a model, to which the reader has agreed; and then does what it is needed for."""
        self._work(lambda progress: download_model(model_id, progress), lambda _nothing: then())

    def clear_cache(self) -> None:
        """Deletes the encoded images that answer clicks at once."""
        removed = EmbeddingCache(default_folder()).clear()
        self.message = f"{removed.bytes / 1e6:.1f} MB of encoded images deleted."
