"""Steps of work on the contours of a study, each undone as a whole: contours, marks, prompts and provenance.

What a person paints in Segment Editor and accepts is a step, too. Slice by slice and not `vtkSegmentationHistory`: its
states are of whole frames, and would take other slices back with the one that a step has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from CardioSAMLib.cine import Array, UnusableInput
from CardioSAMLib.labels import Provenance
from CardioSAMLib.mrml.contour_editor import ContourEditor, SliceLabels
from CardioSAMLib.mrml.parts import Parts
from CardioSAMLib.mrml.prompts import place_prompts, remove_prompts
from CardioSAMLib.mrml.provenance import keep_provenance
from CardioSAMLib.mrml.segmentations import FRAMES_ATTRIBUTE, PROVENANCE_ATTRIBUTE
from CardioSAMLib.mrml.studies import FrameSlices, SceneStudy
from CardioSAMLib.prompts import SlicePrompts

UNDO_STEPS = 20

_Facts = Mapping[str, str | None]
_Prompts = Mapping[tuple[int, int], SlicePrompts | None]


@dataclass(frozen=True, eq=False)
class _State:
    """One side of a step. labels: of the slices that it changed. facts: what the scene says of all contours.

    prompts: those of its slices that were answered, None where there were none.
    """

    labels: SliceLabels
    facts: _Facts
    prompts: _Prompts


@dataclass(frozen=True, eq=False)
class _Step:
    """newly_corrected: slices that count as corrected since this step."""

    before: _State
    after: _State
    newly_corrected: FrameSlices

    @property
    def slices(self) -> FrameSlices:
        return frozenset(self.after.labels) | self.newly_corrected


class History:
    """Writes contours of a study through its editor, and takes steps back and forth as they were made."""

    def __init__(self, study: SceneStudy, editor: ContourEditor) -> None:
        self.editor = editor
        self._study = study
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._answered: dict[tuple[int, int], SlicePrompts] = {}
        self._last_seen: dict[int, Array] = {}

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def write_in_parts(
        self,
        labels_of_slice: SliceLabels,
        provenance: Provenance,
        corrected: FrameSlices = frozenset(),
        prompts: SlicePrompts | None = None,
    ) -> Parts[None]:
        """One step; none where there is nothing to write. labels_of_slice: as for `ContourEditor.write`.

        provenance: of all contours from now on. corrected: slices that count as corrected from now on. prompts: what
        the step answers.
        """
        if not labels_of_slice:
            return
        facts = self._facts()
        before = yield from self.editor.write_in_parts(labels_of_slice)
        keep_provenance(self.editor.nodes, provenance)
        answered: _Prompts = {} if prompts is None else {(prompts.frame, prompts.slice_number): prompts}
        self._add(
            _Step(
                _State(before, facts, {key: self._answered.get(key) for key in answered}),
                _State(labels_of_slice, self._facts(), answered),
                corrected - self._study.corrected,
            )
        )
        self._remember(labels_of_slice)

    def take_edits(self, edited: FrameSlices) -> None:
        """Takes slices as a person has made them: one step. Their prompts are removed.

        Where it is not known how they were, as after a scene was loaded, only the mark can be undone.
        """
        labels = {key: self.editor.labels_of(key[0])[key[1]] for key in edited if key[0] in self._last_seen}
        before = {(frame, number): self._last_seen[frame][number] for frame, number in labels}
        facts = self._facts()
        for key in edited:
            remove_prompts(self._study, *key)
        self.editor.accept(edited)
        if edited:
            self._add(
                _Step(
                    _State(before, facts, {key: self._answered.get(key) for key in edited}),
                    _State(labels, facts, dict.fromkeys(edited)),
                    edited - self._study.corrected,
                )
            )
        self._last_seen = {frame: self.editor.labels_of(frame) for frame in range(self.editor.nodes.frames)}

    def accept(self, key: tuple[int, int]) -> None:
        """A slice counts as corrected from now on: one step, none where it already does."""
        newly = frozenset({key}) - self._study.corrected
        if newly:
            nothing = _State({}, self._facts(), {})
            self._add(_Step(nothing, nothing, newly))

    def step_in_parts(self, how: Literal["undo", "redo"]) -> Parts[tuple[int, ...]]:
        """Takes back the last step, or does the last undone one again; returns its frames, none where there is none.

        Locked slices stay as they are. Raises UnusableInput, with nothing changed, where the step has only such.
        """
        taken, given = (self._done, self._undone) if how == "undo" else (self._undone, self._done)
        if not taken:
            return ()
        step = taken[-1]
        open_slices = step.slices - self._study.locked
        if not open_slices:
            frame, number = min(step.slices)
            raise UnusableInput(f"Slice {number} of frame {frame} is locked; unlock it to {how} the last step.")
        given.append(taken.pop())
        there, wanted = (step.after, step.before) if how == "undo" else (step.before, step.after)
        marks = step.newly_corrected & open_slices
        self._study.corrected = self._study.corrected - marks if how == "undo" else self._study.corrected | marks
        labels = {key: plane for key, plane in wanted.labels.items() if key in open_slices}
        # A slice that was locked at another step is not as this step left it; nor may it become so.
        labels = {key: plane for key, plane in labels.items() if self._is(key, there.labels[key])}
        yield from self.editor.write_in_parts(labels)
        self._remember(labels)
        for name, text in wanted.facts.items():
            self.editor.nodes.keeper.SetAttribute(name, text)
        self._show({key: prompts for key, prompts in wanted.prompts.items() if key in open_slices})
        return tuple(sorted({frame for frame, _ in open_slices}))

    def _add(self, step: _Step) -> None:
        self._study.corrected |= step.newly_corrected
        self._keep_answered(step.after.prompts)
        self._done = [*self._done, step][-UNDO_STEPS:]
        self._undone.clear()

    def _is(self, key: tuple[int, int], labels: Array) -> bool:
        return np.array_equal(self.editor.labels_of(key[0])[key[1]], labels)

    def _remember(self, labels_of_slice: SliceLabels) -> None:
        for frame in {frame for frame, _ in labels_of_slice}:
            self._last_seen[frame] = self.editor.labels_of(frame)

    def _facts(self) -> _Facts:
        return {name: self.editor.nodes.keeper.GetAttribute(name) for name in (FRAMES_ATTRIBUTE, PROVENANCE_ATTRIBUTE)}

    def _show(self, prompts_of_slice: _Prompts) -> None:
        for key, prompts in prompts_of_slice.items():
            if prompts is None:
                remove_prompts(self._study, *key)
            else:
                place_prompts(self._study, prompts)
        self._keep_answered(prompts_of_slice)

    def _keep_answered(self, prompts_of_slice: _Prompts) -> None:
        for key, prompts in prompts_of_slice.items():
            if prompts is None:
                self._answered.pop(key, None)
            else:
                self._answered[key] = prompts
