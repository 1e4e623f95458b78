"""The reading desk: the study that is open, the work that is going on, and what a reader does with both.

What the panel's buttons call, without widgets: a panel (or a test) calls `poll` some fifty times a second.
Main thread only. All methods raise UnusableInput, one sentence for the reader, where they cannot do what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import vtk

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.contour_comparison import ContourComparison
from CardioSAMLib.labels import Structure
from CardioSAMLib.mrml import layout
from CardioSAMLib.mrml.charts import show_curves
from CardioSAMLib.mrml.intake import WORK, Intake
from CardioSAMLib.mrml.navigation import show_frame, shown_frame
from CardioSAMLib.mrml.parts import Parts
from CardioSAMLib.mrml.placing import placed_node, start_placing, stop_placing
from CardioSAMLib.mrml.prompt_watch import PromptWatch
from CardioSAMLib.mrml.prompts import new_box, point_list, remove_unfinished_boxes, show_prompts
from CardioSAMLib.mrml.segments import load_terminology
from CardioSAMLib.mrml.session import OUTPUT_NAMES, GivenValues, Scope, StudySession
from CardioSAMLib.mrml.session_jobs import CorrectedSlice
from CardioSAMLib.mrml.shown_slice import first_view, shown_slice
from CardioSAMLib.mrml.studies import SceneStudy
from CardioSAMLib.mrml.surface_models import SurfaceModels, show_models
from CardioSAMLib.report import Study
from CardioSAMLib.resources import find_model

Placing = Literal["+", "-", "box"]

_ASSESS, _PREPARE = "assess", "prepare"
_END = object()
_DONE = "Done; look at the contours before using the numbers."


class Desk(Intake):
    """One study of the scene is open at a time; those that were open before keep their undo until the scene is closed.

    on_cine: called with the volume node of a cine that was read into the scene. can_encode: whether the packages that
    promptable models need are there, so that slices may be encoded without being asked for.
    """

    def __init__(self, on_cine: Callable[[Any], None], can_encode: Callable[[], bool]) -> None:
        super().__init__(on_cine)
        self.session: StudySession | None = None
        self.structure = Structure.LV
        self.placing: Placing | None = None
        self.comparison: ContourComparison | None = None
        self.report: Path | None = None
        self._can_encode = can_encode
        self._sessions: dict[str, StudySession] = {}
        self._watch: PromptWatch | None = None
        self._surfaces: SurfaceModels | None = None
        self._observed: list[tuple[Any, int]] = []
        self._has_clicks = self._has_moved = False
        self._layout_before: int | None = None
        load_terminology()

    # Opening and closing

    def open(self, volume: Any) -> None:
        """Opens the study of a volume, made at first use; None closes the one that is open."""
        if volume is None:
            self.leave()
            return
        self._end_study()
        session = self._sessions.get(volume.GetID())
        if session is None or session.study.volume is not volume:
            session = StudySession(SceneStudy.of(volume))
        session.cine  # noqa: B018 raises here, before anything is shown of a volume that is no cine
        self.session = self._sessions[volume.GetID()] = session
        self._watch = PromptWatch(session.study, self._on_prompts)
        before = layout.show_layout()
        self._layout_before = self._layout_before if before is None else before
        for node in (session.study.browser, first_view()):
            if node is not None:
                self._observed.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_moved)))
        self._has_moved = True
        self.take_edits()

    def leave(self) -> None:
        """Closes the study; work on it goes on, and its result goes into the scene."""
        self._end_study()
        if self._layout_before is not None:
            layout.give_back(self._layout_before)
        self._layout_before = None

    def _end_study(self) -> None:
        if self.placing is not None:
            self.stop_placing()
        if self.session is not None:
            remove_unfinished_boxes(self.session.study, None)
        self.show_surfaces(False)
        if self._watch is not None:
            self._watch.stop()
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self.session = self._watch = self.comparison = self.report = None
        self._has_clicks = self._has_moved = False

    def forget(self) -> None:
        """Before the scene is closed: nothing that runs may touch it any more."""
        self._jobs.drop_all()
        self.leave()
        self._sessions.clear()
        self.candidates, self.message = (), ""

    def close(self) -> None:
        """For good."""
        self.forget()
        self._jobs.close()

    @property
    def opened(self) -> StudySession:
        if self.session is None or self.session.study.volume is None:
            raise UnusableInput("Choose a cine of the scene, or import one.")
        return self.session

    @property
    def shown(self) -> tuple[int, int]:
        """Frame and slice that the views show."""
        return shown_frame(self.opened.study), shown_slice(self.opened.study) or 0

    @property
    def has_contours(self) -> bool:
        return self.session is not None and self.session.study.volume is not None and self.session.has_contours

    @property
    def assessed(self) -> Study | None:
        """What was measured and noticed, as last assessed; None without contours."""
        return self.session.assessed if self.session is not None and self.has_contours else None

    # Work in the background

    def poll(self) -> bool:
        """Answers what has happened since the last call; returns whether anything had."""
        if self._can_answer_clicks:
            self._has_clicks = False
            self._answer_clicks()
        elif self._has_moved:
            self._has_moved = False
            self._look()
        else:
            return self._jobs.poll()
        return True

    @property
    def has_news(self) -> bool:
        """Whether `poll` has something to answer."""
        return self._can_answer_clicks or self._has_moved or self._jobs.has_finished

    @property
    def _can_answer_clicks(self) -> bool:
        # Not while other work may change the contours that they are to correct.
        return self._has_clicks and not self.is_working

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be polled."""
        return not (self._jobs.is_busy or self._has_clicks or self._has_moved)

    # 2. and 3. The contours

    def segment(self, model_id: str, frames: Literal["all", "ed-es"]) -> None:
        session = self.opened
        take = self._taking(session, session.take_segmentation_in_parts, _DONE)
        self._work(session.segment_job(model_id, frames), take)

    def propagate(self, scope: Scope) -> None:
        """Draws slices from the finished ones, where the scope says."""
        session = self.opened
        take = self._taking(session, session.take_propagation_in_parts, _DONE)
        self._work(session.propagate_job(scope, *self.shown), take)

    def _taking(
        self, session: StudySession, take: Callable[[Any], Parts[None]], said: str
    ) -> Callable[[Any], Parts[None]]:
        """Takes contours into the scene. The reader may have gone to another study meanwhile: it is not shown then."""

        def taking(result: Any) -> Parts[None]:
            yield from take(result)
            yield
            if session is self.session:
                self._contours_changed()
            self.message = said

        return taking

    def choose_structure(self, structure: Structure) -> None:
        """The structure that prompts and `freeze` speak of from now on."""
        self.structure = structure
        if self.placing is not None:
            self._start_placing(self.placing)

    def place(self, what: Placing, promptable_id: str) -> None:
        """The next clicks in the views place positive or negative points, or the two corners of a box.

        promptable_id: the model that answers them.
        """
        self.opened.promptable_id = promptable_id
        self._start_placing(what)

    def _start_placing(self, what: Placing) -> None:
        study = self.opened.study
        box = what == "box"
        node = new_box(study, self.structure) if box else point_list(study, self.structure, what == "+")
        if self._watch is not None:
            self._watch.follow()
        start_placing(node, several=not box)
        self.placing = what
        self._has_moved = True  # a box that was being placed until now is given up

    def stop_placing(self) -> None:
        """Clicks in the views place nothing any more."""
        stop_placing()
        self.placing = None
        self._has_moved = self.session is not None

    def placing_changed(self) -> None:
        """The application has begun or ended placing."""
        if placed_node() is None:
            self.placing = None
            self._has_moved = self.session is not None

    def step(self, which: Literal["undo", "redo"]) -> None:
        session, watch = self._at_work()
        self._check_idle()
        if self._has_clicks or self._jobs.is_any_running("click"):
            raise UnusableInput(f"The last click is still being answered; {which} again when it is.")
        parts = self._stepping(session, watch, which)
        # A step on a few slices is done at once.
        if next(parts, _END) is not _END:
            self._jobs.go_on(WORK, parts)

    def _stepping(self, session: StudySession, watch: PromptWatch, which: Literal["undo", "redo"]) -> Parts[None]:
        parts = session.step_in_parts(which)
        while True:
            with watch.paused():
                if next(parts, _END) is _END:
                    break
            yield
        if session is self.session:
            self._contours_changed()

    def clear_prompts(self) -> None:
        session, watch = self._at_work()
        with watch.paused():
            session.clear_prompts(*self.shown)

    def take_edits(self) -> None:
        """Takes what was edited by hand, and measures anew."""
        edits = self.opened.take_edits()
        if edits.slices:
            count = len(edits.slices)
            text = f"{count} slice{'s' if count > 1 else ''} edited by hand: corrected from now on."
            self.message = " ".join((text, *edits.messages))
        self._contours_changed()

    def _on_prompts(self) -> None:
        self._has_clicks = True

    def _answer_clicks(self) -> None:
        """One job per slice, a newer one in place of the one that runs."""
        session, watch = self._at_work()
        changes = watch.take()
        self._jobs.drop(_PREPARE)
        self.message = changes.problem
        for key in changes.slices:
            try:
                job = session.correct_job(*key)
            except UnusableInput as error:
                self.message = str(error)
                continue
            if job is None:
                self.message = "Nothing is drawn there that could be taken away; place a positive point or a box first."
            else:
                self._jobs.start(("click", session.study, key), job, partial(self._take_click, session))

    def _take_click(self, session: StudySession, result: CorrectedSlice) -> None:
        """At once: the contour is to follow the click."""
        session.take_correction(result)
        if session is self.session:
            self._contours_changed()
        self.message = ""

    def _contours_changed(self) -> None:
        self.comparison = None
        if self._surfaces is not None:
            self._surfaces.update()
        self.assess()

    # What is looked at

    def _on_moved(self, *_: object) -> None:
        self._has_moved = True

    def _look(self) -> None:
        """Shows the prompts of this frame only, and encodes the slice ahead of the first click."""
        session, watch = self._at_work()
        study = session.study
        with watch.paused():
            # Here and not when placing ends: that is told in the middle of it, when its last point may not be there.
            remove_unfinished_boxes(study, placed_node())
            show_prompts(study, shown_frame(study))
        is_playing = study.browser is not None and study.browser.GetPlaybackActive()
        model_is_here = find_model(session.promptable_id).is_here
        if self.has_contours and not is_playing and model_is_here and self._can_encode():
            self._jobs.start(_PREPARE, session.prepare_job(*self.shown), lambda _nothing: None)

    def go_to_frame(self, which: Literal["previous", "next", "ed", "es"]) -> None:
        session, now = self.opened, self.shown[0]
        ed, es = session.key_frames or (now, now)
        frame = {"previous": now - 1, "next": now + 1, "ed": ed, "es": es}[which]
        if frame is not None:
            show_frame(session.study, frame % session.cine.frames)

    def go_to_note(self, row: int) -> None:
        """To the frame and slice of a quality note."""
        note = self.opened.quality().notes[row]
        self.opened.go_to(note.frame, note.slice)

    # 4. The numbers

    def assess(self) -> None:
        """Measures and checks anew; to be called after choices that change the numbers."""
        session = self.opened
        self._jobs.drop(_ASSESS)
        if not self.has_contours:
            session.forget_assessment()
            return
        try:
            job = session.assess_job()
        except UnusableInput:
            session.forget_assessment()
            raise
        self._jobs.start(_ASSESS, job, partial(self._take_assessment, session))

    def _take_assessment(self, session: StudySession, assessed: Study) -> None:
        session.take_assessment(assessed)
        if session is self.session and layout.is_shown():
            self.show_chart()

    @property
    def key_frames(self) -> tuple[int | None, int | None]:
        """End-diastole and end-systole as last assessed; None where they are not known."""
        frames = None if self.assessed is None else self.opened.key_frames
        return (None, None) if frames is None else frames

    def choose_frames(self, ed_frame: int, es_frame: int) -> None:
        """End-diastole and end-systole; -1 for the frame that is found."""
        self.opened.choose_frames(*(None if frame < 0 else frame for frame in (ed_frame, es_frame)))
        self.assess()

    def give(self, heart_rate_bpm: float, height_cm: float, weight_kg: float) -> None:
        """What the reader says of the patient; 0 for what the file says."""
        patient = replace(self.opened.given.patient, height_cm=height_cm or None, weight_kg=weight_kg or None)
        self.opened.give(GivenValues(heart_rate_bpm or None, patient))
        self.assess()

    def show_chart(self) -> None:
        if self.assessed is not None:
            layout.show_chart(show_curves(self.opened.study, self.assessed.function))

    @property
    def has_surfaces(self) -> bool:
        return self._surfaces is not None

    def show_surfaces(self, on: bool) -> None:
        """Shows closed surfaces that beat with the browser, or hides them."""
        if self._surfaces is not None:
            self._surfaces.stop()
            self._surfaces = None
        if self.session is not None and self.session.study.volume is not None:
            show_models(self.session.study, on)
        if on:
            surfaces = SurfaceModels(self.opened.study)
            surfaces.start()
            self._surfaces = surfaces

    def compare(self, other: Any) -> None:
        """Compares with a second segmentation node; the result is `comparison`."""
        if other is None:
            raise UnusableInput("Choose the segmentation to compare with.")
        session = self.opened
        self._work(session.compare_job(other), partial(self._take_comparison, session))

    def _take_comparison(self, session: StudySession, comparison: ContourComparison) -> None:
        session.take_comparison(comparison)
        if session is self.session:
            self.comparison = comparison

    # 5. The files

    def export(self, folder: str, endings: Collection[str]) -> None:
        """Writes the files whose names end so into a folder."""
        if not folder:
            raise UnusableInput("Choose the folder for the files first.")
        names = [name for name in OUTPUT_NAMES if name.endswith(tuple(endings))]
        session = self.opened
        self._work(session.export_job(folder, names), partial(self._take_files, session))

    def _take_files(self, session: StudySession, files: tuple[Path, ...]) -> None:
        if session is self.session:
            self.report = next((file for file in files if file.suffix == ".html"), self.report)
        self.message = f"{len(files)} file{'s' if len(files) > 1 else ''} written."

    def _at_work(self) -> tuple[StudySession, PromptWatch]:
        session = self.opened
        assert self._watch is not None  # made and ended together with the session
        return session, self._watch
