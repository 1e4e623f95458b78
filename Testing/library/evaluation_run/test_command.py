"""Claims about `cardiosam evaluate`: exit codes, one sentence, and a table of 100 columns."""

import sys
from dataclasses import dataclass

import pytest

from CardioSAMLib.cli import main


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs the command in this process, 100 columns wide."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cardiosam", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(ended.value.code, printed.out, printed.err)

    return run


def test_a_clean_run_prints_the_table_and_ends_with_0(run, data_set, predict, tmp_path):
    done = run(data_set, "--out", tmp_path / "out", "--predictions", predict())
    assert done.code == 0, done.stderr
    assert done.stderr == ""
    for text in (
        "RV ED",
        "MYO ES",
        "LV ED",
        "Dice",
        "HD95 mm",
        "1.000 ± 0.000",
        "Ejection fraction",
        "3 of 3 patients",
    ):
        assert text in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 100


def test_a_run_with_problems_scores_the_rest_names_them_and_ends_with_3(run, data_set, predict, tmp_path):
    done = run(data_set, "--out", tmp_path / "out", "--predictions", predict((1, 2)))
    assert done.code == 3, done.stderr
    assert "2 of 3 patients scored" in done.stdout
    assert "2 problems: 2 missing" in done.stdout
    assert "There is no prediction of patient003 at ED" in done.stdout
    assert (tmp_path / "out" / "summary.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-folder"], "no-such-folder"),
        (["."], "patient001"),
        (["DATA", "--predictions", "no-such-folder"], "no-such-folder"),
        (["DATA", "--predictions", "PREDICTIONS", "--label-map", "LV=1"], "LV=3,MYO=2,RV=1"),
        (["DATA", "--predictions", "PREDICTIONS", "--protocol", "cv7"], "cv5"),
        (["DATA", "--predictions", "PREDICTIONS", "--part", "train"], "--part"),
        (["DATA", "--predictions", "PREDICTIONS", "--split", "no-such-file"], "no-such-file"),
        (["DATA", "--predictions", "PREDICTIONS", "--heart-box", "both"], "--heart-box"),
        (["DATA", "--predictions", "DATA"], "None of the 3 patients could be scored"),
        (["DATA", "--box-jitter", "much"], "0,5,10,15,20"),
        (["DATA", "--model", "no-such-model"], "choose one of"),
        (["DATA", "--workers", "0"], "--workers"),
    ],
)
def test_what_cannot_be_used_ends_with_2_one_sentence_and_nothing_written(
    arguments, sentence, run, data_set, predict, tmp_path, monkeypatch
):
    places = {"DATA": data_set, "PREDICTIONS": predict()}
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    done = run(*[places.get(argument, argument) for argument in arguments], "--out", "out")
    assert done.code == 2, done.stdout
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(work.iterdir())


def test_the_help_names_the_protocols_and_an_example(run):
    text = " ".join(run("--help").stdout.split())
    for word in ("acdc-official", "jain-120-15-15", "--label-map", "Example: cardiosam evaluate", "summary.json"):
        assert word in text
