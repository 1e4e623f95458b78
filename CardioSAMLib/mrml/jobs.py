"""Jobs on one worker thread, started and taken back on the main thread: the only one that may touch nodes and widgets.

One thread for all: models keep their memory per thread, and two computations at once would only share the processor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from CardioSAMLib.mrml.session_jobs import Job
from CardioSAMLib.progress import Cancelled


class _RunningJob:
    def __init__(self, executor: ThreadPoolExecutor, job: Job[Any], take: Callable[[Any], None]) -> None:
        self.cancel_requested = threading.Event()
        self.progress = (0.0, "")
        self.take = take
        self.future: Future[Any] = executor.submit(job, self._on_progress)

    def _on_progress(self, fraction: float, message: str) -> None:
        """Called by the worker."""
        if self.cancel_requested.is_set():
            raise Cancelled
        self.progress = (fraction, message)


class Jobs:
    """Of each kind of job only the newest counts: starting one drops the result of the one before."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="CardioSAM")
        self._running: dict[Hashable, _RunningJob] = {}

    def start(self, kind: Hashable, job: Job[Any], take: Callable[[Any], None]) -> None:
        """Has the worker do a job; `take(result)` is called by a later `poll`."""
        self.drop(kind)
        self._running[kind] = _RunningJob(self._executor, job, take)

    def is_running(self, kind: Hashable) -> bool:
        return kind in self._running

    def is_any_running(self, first: Hashable) -> bool:
        """Whether a job runs whose kind is a tuple that begins so."""
        return any(isinstance(kind, tuple) and kind[:1] == (first,) for kind in self._running)

    @property
    def is_busy(self) -> bool:
        """Whether there is a job of any kind whose result was not taken yet."""
        return bool(self._running)

    @property
    def has_finished(self) -> bool:
        """Whether `poll` has a result to take."""
        return any(running.future.done() for running in self._running.values())

    def progress(self, kind: Hashable) -> tuple[float, str]:
        """Fraction done and what is being done; (0, "") where nothing of that kind runs."""
        running = self._running.get(kind)
        return (0.0, "") if running is None else running.progress

    def cancel(self, kind: Hashable) -> None:
        """Asks a job to end; `poll` then raises `Cancelled`, or takes the result if it came before."""
        if kind in self._running:
            self._running[kind].cancel_requested.set()

    def drop(self, kind: Hashable) -> None:
        """Asks a job to end and forgets it, for when nobody waits for it any more."""
        running = self._running.pop(kind, None)
        if running is not None:
            running.cancel_requested.set()
            running.future.cancel()

    def drop_all(self) -> None:
        for kind in tuple(self._running):
            self.drop(kind)

    def poll(self) -> bool:
        """Takes the result of one job that has ended, if one has; returns whether. Raises what the job raised."""
        for kind, running in self._running.items():
            if running.future.done():
                del self._running[kind]
                running.take(running.future.result())
                return True
        return False

    def close(self) -> None:
        """Ends the worker as soon as the job that runs asks for leave to go on."""
        self.drop_all()
        self._executor.shutdown(wait=False, cancel_futures=True)
