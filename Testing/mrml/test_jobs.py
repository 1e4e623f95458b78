"""Jobs on one worker thread, taken back by polling."""

import threading
import time

import pytest

pytest.importorskip("slicer", reason="MRML tests need: pip install slicer-core")
from CardioSAMLib.mrml.jobs import Jobs
from CardioSAMLib.progress import Cancelled


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.close()


def finish(jobs, seconds=5.0):
    deadline = time.monotonic() + seconds
    while jobs.is_busy:
        assert time.monotonic() < deadline
        jobs.poll()
        time.sleep(0.001)


def endless(progress):
    while True:
        progress(0.5, "working")
        time.sleep(0.001)


def test_results_are_taken_on_the_thread_that_polls_and_made_on_another(jobs):
    threads = []
    jobs.start("work", lambda _progress: threading.current_thread(), threads.append)
    finish(jobs)
    assert threads[0] is not threading.current_thread()
    assert threads[0].name.startswith("CardioSAM")


def test_all_jobs_run_on_the_same_thread(jobs):
    threads = []
    for kind in range(5):
        jobs.start(kind, lambda _progress: threading.get_ident(), threads.append)
    finish(jobs)
    assert len(threads) == 5
    assert len(set(threads)) == 1


def test_of_a_kind_only_the_newest_is_taken(jobs):
    taken, gate = [], threading.Event()
    jobs.start("click", lambda _progress: gate.wait(5.0) and "first", taken.append)
    jobs.start("click", lambda _progress: "second", taken.append)
    gate.set()
    finish(jobs)
    assert taken == ["second"]


def test_a_canceled_job_raises_when_polled_and_is_not_taken(jobs):
    taken = []
    jobs.start("work", endless, taken.append)
    while jobs.progress("work") != (0.5, "working"):
        time.sleep(0.001)
    jobs.cancel("work")
    with pytest.raises(Cancelled):
        finish(jobs)
    assert not taken
    assert not jobs.is_running("work")


def test_what_a_job_raises_comes_out_of_poll_once(jobs):
    def broken(_progress):
        raise ZeroDivisionError

    jobs.start("work", broken, print)
    with pytest.raises(ZeroDivisionError):
        finish(jobs)
    assert not jobs.poll()


def test_closing_ends_the_worker(jobs):
    jobs.start("work", endless, print)
    jobs.close()
    deadline = time.monotonic() + 2.0
    while any(thread.name.startswith("CardioSAM") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
