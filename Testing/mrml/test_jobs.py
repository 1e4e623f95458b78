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


def test_a_result_can_be_taken_in_parts_one_for_each_poll(jobs):
    taken = []

    def take(result):
        taken.append(result)
        yield
        taken.append("more")
        yield
        taken.append("the end")

    jobs.start("work", lambda _progress: "first", take)
    while not jobs.has_finished:
        time.sleep(0.001)
    for expected in (["first"], ["first", "more"], ["first", "more", "the end"]):
        assert jobs.is_running("work")
        assert jobs.poll()
        assert taken == expected
    assert not jobs.is_running("work")


def test_parts_can_be_done_without_a_worker_even_while_it_is_busy(jobs):
    done, gate = [], threading.Event()
    jobs.start("encode", lambda _progress: gate.wait(5.0), print)

    def parts():
        done.append(1)
        yield
        done.append(2)

    jobs.go_on("work", parts())
    assert jobs.is_running("work")
    assert jobs.poll()
    assert jobs.poll()
    assert done == [1, 2]
    assert not jobs.is_running("work")
    gate.set()


def test_what_is_taken_may_start_the_next_job_of_its_kind(jobs):
    taken = []
    jobs.start("work", lambda _progress: 1, lambda _one: jobs.start("work", lambda _progress: 2, taken.append))
    finish(jobs)
    assert taken == [2]


def test_an_error_in_a_later_part_ends_the_job(jobs):
    def take(_result):
        yield
        raise ZeroDivisionError

    jobs.start("work", lambda _progress: None, take)
    with pytest.raises(ZeroDivisionError):
        finish(jobs)
    assert not jobs.is_busy


def test_closing_ends_the_worker(jobs):
    jobs.start("work", endless, print)
    jobs.close()
    deadline = time.monotonic() + 2.0
    while any(thread.name.startswith("CardioSAM") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
