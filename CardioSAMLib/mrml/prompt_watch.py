"""Which slices have other prompts than before: what a panel that follows each click needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import slicer

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.mrml.navigation import shown_frame
from CardioSAMLib.mrml.prompts import PlacedPrompt, marks_of_slices, new_prompts, prompt_nodes, take_new_prompts
from CardioSAMLib.mrml.studies import SceneStudy


@dataclass(frozen=True)
class PromptChanges:
    """slices: (frame, slice) that have prompts, and others than before. problem: what could not be taken; or ""."""

    slices: tuple[tuple[int, int], ...]
    problem: str


class PromptWatch:
    """Observes the points and boxes of a study.

    on_event: called when one was placed, dragged to its end, or removed; not for each move of the mouse. It may come in
    the middle of the placing, so nothing should be changed in the scene before that has ended.
    Call `stop` before the scene is closed or another study is opened.
    """

    def __init__(self, study: SceneStudy, on_event: Callable[[], None]) -> None:
        self._study = study
        self._on_event = on_event
        self._observers: dict[slicer.vtkMRMLMarkupsNode, list[int]] = {}
        self._is_paused = False
        self._placed_in: dict[PlacedPrompt, int] = {}
        self._seen = marks_of_slices(study)
        self.follow()

    def follow(self) -> None:
        """Observes nodes that were made since the last call, too."""
        events = ("PointPositionDefinedEvent", "PointEndInteractionEvent", "PointRemovedEvent")
        for node in prompt_nodes(self._study):
            if node not in self._observers:
                self._observers[node] = [node.AddObserver(getattr(node, name), self._tell) for name in events]

    def stop(self) -> None:
        for node, tags in self._observers.items():
            for tag in tags:
                node.RemoveObserver(tag)
        self._observers.clear()

    def take(self) -> PromptChanges:
        """What was placed, dragged or removed since the last call.

        New points and boxes are of the frame that was shown when they were placed.
        """
        problem = ""
        before = self._seen
        with self.paused():
            try:
                take_new_prompts(self._study, shown_frame(self._study), self._placed_in)
            except UnusableInput as error:
                problem = str(error)
        self._placed_in.clear()
        changed = tuple(key for key, marks in sorted(self._seen.items()) if marks != before.get(key))
        return PromptChanges(changed, problem)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done with prompts inside is our own doing: no event, and no change that `take` tells of."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False
            self._seen = marks_of_slices(self._study)
            self.follow()

    def _tell(self, *_: object) -> None:
        if not self._is_paused:
            shown = shown_frame(self._study)
            for placed in new_prompts(self._study):
                self._placed_in.setdefault(placed, shown)
            self._on_event()
