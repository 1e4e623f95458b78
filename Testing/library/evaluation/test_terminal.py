"""Claims about an evaluation on the terminal: the first numbers, cautions and problems, within the width."""

import re

import pytest
from rich.console import Console

from CardioSAMLib.evaluation.protocols.prompting import box_jitter_table, prompt_source_table
from CardioSAMLib.evaluation.scores import Phase, Problem
from CardioSAMLib.evaluation.table_cells import row_texts
from CardioSAMLib.evaluation.terminal import terminal_parts
from CardioSAMLib.labels import Structure


@pytest.fixture
def printed():
    """The text of a result on a terminal, 80 columns wide if nothing else is said."""

    def text_of(result, width=80):
        console = Console(width=width)
        with console.capture() as capture:
            console.print(*terminal_parts(result), sep="\n")
        return capture.get()

    return text_of


def test_every_structure_and_phase_has_a_line_with_uncut_numbers(printed, make_result):
    text = printed(make_result(6))
    for name in ("RV ED", "RV ES", "MYO ED", "MYO ES", "LV ED", "LV ES", "all"):
        (line,) = [line for line in text.splitlines() if line.strip().startswith(name)]
        assert line.count("±") == 3
    assert "6 of 7 patients scored" in text


@pytest.mark.parametrize("width", [80, 100])
def test_no_word_and_no_number_is_cut_or_broken(printed, make_result, width):
    everything = [(structure, phase) for structure in Structure for phase in Phase]
    worst = make_result(2, missed=everything)  # distances of hundreds of millimeters
    table = prompt_source_table(worst.scored, worst.scored)
    text = printed(make_result(2, missed=everything, tables=(table, box_jitter_table({5.0: worst.scored}, 0))), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    headings = ("Contour", "Dice", "HD95 mm", "ASSD mm", "missed", "spurious")
    words = {word for column in (*table.columns, *row_texts(table)[0]) for word in column.split()}
    names = {word for row in row_texts(table) for word in row[0].split()}
    for word in {*headings, *words, *names}:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text), word
    (line,) = [line for line in text.splitlines() if line.startswith("RV ED")]
    assert len(re.findall(r"\d+\.\d+ ± \d+\.\d+", line)) == 3


def test_distances_of_the_tables_on_prompts_have_two_digits(printed, make_result):
    patients = make_result(3).scored
    text = printed(make_result(3, tables=(prompt_source_table(patients, patients),)))
    (line,) = [line for line in text.splitlines() if line.startswith("Hausdorff distance")]
    assert len(re.findall(r"(?<![\d.])\d+\.\d\d(?!\d)", line)) == 4


def test_cautions_are_said_before_any_number(printed, make_result):
    text = printed(make_result(6, cautions=("Some were trained on.",)))
    assert text.startswith("CAUTION: Some were trained on.")


def test_problems_are_counted_by_kind_and_the_first_are_told(printed, make_result):
    result = make_result(1)
    bad = result.patients[-1]
    problems = tuple(Problem("p", "missing", f"Number {number} is missing.") for number in range(7))
    text = printed(make_result(1, patients=(result.patients[0], type(bad)("p", (), (), None, problems))))
    assert "7 problems: 7 missing" in text
    assert "Number 4 is missing." in text
    assert "Number 5 is missing." not in text
    assert "problems.csv" in text


def test_tables_on_prompts_are_shown_where_there_are_such(printed, make_result):
    result = make_result(3)
    table = box_jitter_table({5.0: result.patients}, 0)
    assert "Boxes that are off" in printed(make_result(3, tables=(table,)))
    assert "Boxes that are off" not in printed(result)
