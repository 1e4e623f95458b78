"""The evaluation of a data set (floor 4): patients chosen, scored one by one, put together, and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.html_report import html_report
from CardioSAMLib.evaluation.patient_values import worst_patients
from CardioSAMLib.evaluation.result import EvaluationResult, write_result
from CardioSAMLib.evaluation.scores import Phase
from CardioSAMLib.evaluation.scoring import LabeledStudy
from CardioSAMLib.evaluation_run.contours import MAIN, Contours, contours_of
from CardioSAMLib.evaluation_run.options import EvaluationOptions
from CardioSAMLib.evaluation_run.patient import PatientOutcome, PatientTask, evaluate_patient
from CardioSAMLib.evaluation_run.patients import choose_patients
from CardioSAMLib.evaluation_run.pictures import case_picture
from CardioSAMLib.evaluation_run.result import result_of
from CardioSAMLib.io import check_writable, load_acdc_patient
from CardioSAMLib.progress import Progress, part_of, silent

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

REPORT = "report.html"
_WORST_SHOWN = 4


@dataclass(frozen=True)
class EvaluationRun:
    """A result and the files written for it."""

    result: EvaluationResult
    outputs: tuple[Path, ...]


def evaluate(
    dataset: Path, out: Path, options: EvaluationOptions | None = None, progress: Progress = silent
) -> EvaluationRun:
    """Scores the patients of a folder against their reference labels and writes a folder (docs/user-guide.md).

    Patients already scored in `out` are taken from there where nothing has changed since, so a stopped run goes on.
    Raises UnusableInput, with nothing written, if the arguments or the data set cannot be used or no patient can.
    """
    options = options or EvaluationOptions()
    check_writable(out)
    contours = contours_of(options)
    leave_out = (out,) if options.predictions is None else (out, options.predictions)
    chosen = choose_patients(dataset, options.split, options.protocol, options.scored_part, leave_out)
    tasks = [PatientTask(folder, out, contours) for folder in chosen.folders.values()]
    outcomes = run_tasks(tasks, options.workers, part_of(progress, 0.0, 0.95))
    if not any(outcome.scores[MAIN].volumes for outcome in outcomes):
        first = outcomes[0].scores[MAIN].problems[0].message
        raise UnusableInput(f"None of the {len(outcomes)} patients could be scored. The first: {first}")
    progress(0.95, "writing the report")
    result = result_of(dataset, options, chosen, outcomes)
    report = html_report(result, _worst_pictures(result, chosen.folders, contours[MAIN]))
    return EvaluationRun(result, write_result(result, out, {REPORT: report.encode()}))


def run_tasks(tasks: Sequence[PatientTask], workers: int, progress: Progress) -> list[PatientOutcome]:
    """The outcomes in the order of the tasks, by one process or several.

    Raises UnusableInput where the system has stopped a process; what is finished is kept in the tasks' folder.
    """
    outcomes: dict[int, PatientOutcome] = {}

    def finished(number: int, outcome: PatientOutcome) -> None:
        outcomes[number] = outcome
        progress(len(outcomes) / len(tasks), f"scored {len(outcomes)} of {len(tasks)} patients")

    progress(0.0, f"scored 0 of {len(tasks)} patients")
    if workers == 1:
        for number, task in enumerate(tasks):
            finished(number, evaluate_patient(task))
    else:
        with _processes(min(workers, len(tasks))) as pool:
            numbers = {pool.submit(evaluate_patient, task): number for number, task in enumerate(tasks)}
            for future in as_completed(numbers):
                finished(numbers[future], future.result())
    return [outcomes[number] for number in range(len(tasks))]


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that, when its block is left early, finishes the patients in work and starts no more."""
    # Started anew, not forked: a fork copies locks that threads of numpy, onnxruntime or ITK may hold.
    pool = ProcessPoolExecutor(count, get_context("spawn"), _start_process)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise UnusableInput(
            "The system stopped a process, probably for lack of memory; give the command again with fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_process() -> None:
    """Ctrl-C reaches all processes of a terminal; the main one decides, the others finish their patient. Where the main
    one is killed, the others would wait for work, and hold their memory, forever: they end with it."""
    import os
    import signal
    import threading
    from multiprocessing import parent_process

    def end_with(main: BaseProcess) -> None:
        main.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main = parent_process()
    if main is not None:
        threading.Thread(target=end_with, args=(main,), daemon=True).start()


def _worst_pictures(result: EvaluationResult, folders: Mapping[str, Path], contours: Contours) -> dict[str, bytes]:
    """Contours of the worst patients on their images, drawn again: only scores are kept."""
    pictures = {}
    for name, _ in worst_patients(result.scored, _WORST_SHOWN):
        patient = load_acdc_patient(folders[name])
        drawn = contours.draw(patient)
        if patient.labels is None or not drawn.labels:
            continue
        reference = dict(zip(Phase, patient.labels, strict=True))
        study = LabeledStudy(name, patient.group, drawn.labels, reference, patient.cine.geometry)
        picture = case_picture(dict(zip(Phase, patient.cine.pixels, strict=True)), study)
        if picture is not None:
            pictures[name] = picture
    return pictures
