"""A sound, measured study, and a way to spoil it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from CardioSAMLib.cine import Cine
from CardioSAMLib.function import CardiacFunction, MeasureOptions, measure
from CardioSAMLib.labels import CineSegmentation
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.quality import check


@dataclass(frozen=True)
class Checked:
    """A study with the notes of its rules; the methods give it with other labels, frames or cine."""

    cine: Cine
    segmentation: CineSegmentation
    function: CardiacFunction
    notes: tuple

    @property
    def codes(self):
        return {note.code for note in self.notes}

    def notes_of(self, code):
        return [note for note in self.notes if note.code == code]

    def spoiled(self, change):
        """With the labels that `change` alters in place, measured at the same frames."""
        labels = self.segmentation.labels.copy()
        change(labels)
        frames = MeasureOptions(self.function.ed_frame, self.function.es_frame)
        return checked(self.cine, replace(self.segmentation, labels=labels), frames)

    def measured_at(self, ed, es):
        return checked(self.cine, self.segmentation, MeasureOptions(ed, es))

    def with_cine(self, **changes):
        return checked(replace(self.cine, **changes), self.segmentation)


def checked(cine, segmentation, options: MeasureOptions | None = None):
    function = measure(cine, segmentation, options)
    return Checked(cine, segmentation, function, check(cine, segmentation, function).notes)


@pytest.fixture(scope="session")
def sound():
    """Slices run from apex (0) to base (9); end-diastole is frame 0, end-systole frame 7."""
    phantom = make_phantom(PhantomOptions(rows=110, columns=110, spacing_mm=(1.6, 1.6, 10.0), tilt_deg=0.0))
    return checked(phantom.cine, phantom.segmentation)


@pytest.fixture
def lv_pixels(sound):
    """(frame, slice) -> rows and columns of the LV there, `(n, 2)`."""
    return lambda frame, number: np.argwhere(sound.segmentation.labels[frame, number] == 3)
