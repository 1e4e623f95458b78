"""Steps of work on the contours of a study, each undone as a whole: contours, marks, prompts and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from CardioSAMLib.cine import Array
from CardioSAMLib.labels import Provenance
from CardioSAMLib.mrml.contour_editor import UNDO_STEPS, ContourEditor
from CardioSAMLib.mrml.prompts import place_prompts, remove_prompts
from CardioSAMLib.mrml.provenance import keep_provenance
from CardioSAMLib.mrml.segmentations import FRAMES_ATTRIBUTE, PROVENANCE_ATTRIBUTE
from CardioSAMLib.mrml.studies import FrameSlices, SceneStudy
from CardioSAMLib.prompts import SlicePrompts

_Facts = Mapping[str, str | None]


@dataclass(frozen=True)
class _Step:
    """newly_corrected: slices that count as corrected since this step. before, after: what the scene says of them all.

    prompts: those that the step answered, None if it was none of prompts. earlier_prompts: those of the same slice that
    were answered before.
    """

    newly_corrected: FrameSlices
    before: _Facts
    after: _Facts
    prompts: SlicePrompts | None
    earlier_prompts: SlicePrompts | None


class History:
    """Writes contours of a study through its editor, and takes steps back and forth as they were made."""

    def __init__(self, study: SceneStudy, editor: ContourEditor) -> None:
        self.editor = editor
        self._study = study
        self._done: list[_Step] = []
        self._undone: list[_Step] = []
        self._answered: dict[tuple[int, int], SlicePrompts] = {}

    def write(
        self,
        labels_of_slice: Mapping[tuple[int, int], Array],
        provenance: Provenance,
        corrected: FrameSlices = frozenset(),
        prompts: SlicePrompts | None = None,
    ) -> None:
        """One step; none where there is nothing to write. labels_of_slice: as for `ContourEditor.write`.

        provenance: of all contours from now on. corrected: slices that count as corrected from now on. prompts: what
        the step answers.
        """
        if not labels_of_slice:
            return
        before = self._facts()
        self.editor.write(labels_of_slice)
        keep_provenance(self.editor.nodes, provenance)
        earlier = None if prompts is None else self._answered.get(_key(prompts))
        step = _Step(corrected - self._study.corrected, before, self._facts(), prompts, earlier)
        self._study.corrected |= corrected
        if prompts is not None:
            self._answered[_key(prompts)] = prompts
        self._done = [*self._done, step][-UNDO_STEPS:]
        self._undone.clear()

    def undo(self) -> tuple[int, ...]:
        """Takes back the last step and returns the frames that it had changed; none where there is nothing to undo."""
        frames = self.editor.undo()
        if frames:
            step = self._done.pop()
            self._undone.append(step)
            self._study.corrected -= step.newly_corrected
            self._keep_facts(step.before)
            if step.prompts is not None:
                self._show(_key(step.prompts), step.earlier_prompts)
        return frames

    def redo(self) -> tuple[int, ...]:
        """Does the last undone step again and returns its frames; none where there is nothing to redo."""
        frames = self.editor.redo()
        if frames:
            step = self._undone.pop()
            self._done.append(step)
            self._study.corrected |= step.newly_corrected
            self._keep_facts(step.after)
            if step.prompts is not None:
                self._show(_key(step.prompts), step.prompts)
        return frames

    def _facts(self) -> _Facts:
        return {name: self.editor.nodes.keeper.GetAttribute(name) for name in (FRAMES_ATTRIBUTE, PROVENANCE_ATTRIBUTE)}

    def _keep_facts(self, facts: _Facts) -> None:
        for name, text in facts.items():
            self.editor.nodes.keeper.SetAttribute(name, text)

    def _show(self, key: tuple[int, int], prompts: SlicePrompts | None) -> None:
        if prompts is None:
            self._answered.pop(key, None)
            remove_prompts(self._study, *key)
        else:
            self._answered[key] = prompts
            place_prompts(self._study, prompts)


def _key(prompts: SlicePrompts) -> tuple[int, int]:
    return prompts.frame, prompts.slice_number
