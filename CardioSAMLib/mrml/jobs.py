"""Jobs on one worker thread, started and taken back on the main thread: the only one that may touch nodes and widgets.

One thread for all: models keep their memory per thread, and two computations at once would only share the processor.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from CardioSAMLib.mrml.parts import Parts
from CardioSAMLib.mrml.session_jobs import Job
from CardioSAMLib.progress import Cancelled

Take = Callable[[Any], Parts[None] | None]
"""Takes the result of a job on the main thread: at once, or in parts."""

_NO_MORE = object()


class _Told:
    """What the two threads tell each other of a job."""

    def __init__(self) -> None:
        self.cancel_requested = threading.Event()
        self.progress = (0.0, "")

    def on_progress(self, fraction: float, message: str) -> None:
        """Called by the worker."""
        if self.cancel_requested.is_set():
            raise Cancelled
        self.progress = (fraction, message)


class _RunningJob:
    def __init__(self, future: Future[Any], take: Take, told: _Told | None = None) -> None:
        self.future = future
        self.told = told or _Told()
        self._take = take
        self._parts: Parts[None] | None = None

    def take_a_part(self) -> bool:
        """Takes the result, or a further part of it; returns whether there is more. Raises what the job raised."""
        if self._parts is None:
            self._parts = self._take(self.future.result())
            if self._parts is None:
                return False
        return next(self._parts, _NO_MORE) is not _NO_MORE


class Jobs:
    """Of each kind of job only the newest counts: starting one drops the result of the one before."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="CardioSAM")
        self._running: dict[Hashable, _RunningJob] = {}

    def start(self, kind: Hashable, job: Job[Any], take: Take) -> None:
        """Has the worker do a job; `take(result)` is called by a later `poll`, and its parts are done by further ones.

        A job that is being taken in parts still counts as running, but can no longer be canceled.
        """
        self.drop(kind)
        told = _Told()
        self._running[kind] = _RunningJob(self._executor.submit(job, told.on_progress), take, told)

    def go_on(self, kind: Hashable, parts: Parts[None]) -> None:
        """Does further parts of work on the scene, for which no worker is needed, by further `poll`s."""
        done: Future[Any] = Future()
        done.set_result(None)
        self.drop(kind)
        self._running[kind] = _RunningJob(done, lambda _nothing: parts)

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
        """Whether `poll` has a result to take, or a part of one."""
        return any(running.future.done() for running in self._running.values())

    def progress(self, kind: Hashable) -> tuple[float, str]:
        """Fraction done and what is being done; (0, "") where nothing of that kind runs."""
        running = self._running.get(kind)
        return (0.0, "") if running is None else running.told.progress

    def cancel(self, kind: Hashable) -> None:
        """Asks a job to end; `poll` then raises `Cancelled`, or takes the result if it came before."""
        if kind in self._running:
            self._running[kind].told.cancel_requested.set()

    def drop(self, kind: Hashable) -> None:
        """Asks a job to end and forgets it, for when nobody waits for it any more."""
        running = self._running.pop(kind, None)
        if running is not None:
            running.told.cancel_requested.set()
            running.future.cancel()

    def drop_all(self) -> None:
        for kind in tuple(self._running):
            self.drop(kind)

    def poll(self) -> bool:
        """Takes the result of one job that has ended, or a part of it; returns whether there was one.

        Raises what the job raised.
        """
        for kind, running in self._running.items():
            if running.future.done():
                del self._running[kind]
                if running.take_a_part():
                    self._running[kind] = running
                return True
        return False

    def close(self) -> None:
        """Ends the worker as soon as the job that runs asks for leave to go on."""
        self.drop_all()
        self._executor.shutdown(wait=False, cancel_futures=True)
