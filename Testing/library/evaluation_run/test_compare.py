"""Two folders in, three files out; what cannot be compared is said in one sentence."""

import csv
import json
import sys

import pytest
from rich.console import Console

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.cli import main
from CardioSAMLib.evaluation.result import write_result
from CardioSAMLib.evaluation_run.compare import compare, comparison_table

FILES = {"comparison.json", "comparison.csv", "comparison.html"}


@pytest.fixture
def folders(tmp_path):
    """Writes results into folders named a, b and c."""

    def write(*results):
        paths = [tmp_path / "abc"[number] for number in range(len(results))]
        for path, result in zip(paths, results, strict=True):
            write_result(result, path)
        return paths

    return write


def test_three_files_are_written_and_say_the_same(folders, make_result, tmp_path):
    a, b = folders(make_result(6), make_result(6, quality=0.95, seed=2))
    comparison = compare(a, b, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    document = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    with (tmp_path / "out" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    in_document = [row for table in document["tables"] for row in table["rows"]]
    assert len(rows) == len(in_document) == sum(len(table.rows) for table in comparison.tables)
    for from_csv, from_json in zip(rows, in_document, strict=True):
        assert float(from_csv["mean_difference"]) == from_json["test"]["mean_difference"]
        assert float(from_csv["wilcoxon_p_holm"]) == from_json["p_holm"]
        assert from_csv["verdict"] == from_json["verdict"]


def test_json_names_both_models_their_agreement_and_who_was_left_out(folders, make_result, tmp_path):
    a, b = folders(make_result(7), make_result(6, seed=2))
    compare(a, b, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert (document["a"]["folder"], document["b"]["model"]["id"]) == ("a", "some-net")
    assert document["patients"]["only_a"] == ["patient006"]
    assert document["a"]["bland_altman"]["lv_ef_percent"]["n"] == 6
    assert document["not_ranked"] is None


def test_the_same_folders_give_the_same_files(folders, make_result, tmp_path):
    a, b = folders(make_result(6), make_result(6, seed=2))
    for out in ("once", "again"):
        compare(a, b, tmp_path / out)
    for name in FILES:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_folders_of_one_name_are_told_apart_by_their_paths(make_result, tmp_path):
    for side in ("left", "right"):
        write_result(make_result(4), tmp_path / side / "same")
    comparison = compare(tmp_path / "left" / "same", tmp_path / "right" / "same", tmp_path / "out")
    assert comparison.name_a != comparison.name_b


def test_a_comparison_does_not_go_into_what_it_compares(folders, make_result):
    a, b = folders(make_result(4), make_result(4, seed=2))
    with pytest.raises(UnusableInput, match="another --out"):
        compare(a, b, b)


def test_the_table_of_the_terminal_fits_into_80_columns(folders, make_result, tmp_path):
    a, b = folders(make_result(8), make_result(6, seed=2, cautions=("Trained on these.",)))
    console = Console(width=80, record=True, file=(tmp_path / "console").open("w", encoding="utf-8"))
    console.print(comparison_table(compare(a, b, tmp_path / "out")))
    text = console.export_text()
    assert "…" not in text
    assert "B: Trained on these." in text
    assert "Left out, as they are in A only: patient006, patient007." in text


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cardiosam", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return (stopped.value.code, *capsys.readouterr())

    return run


def test_the_command_prints_the_table_and_ends_with_0(command, folders, make_result, tmp_path):
    a, b = folders(make_result(5), make_result(5, seed=2))
    code, printed, errors = command("compare", a, b, "--out", tmp_path / "out")
    assert (code, errors) == (0, "")
    assert "Dice" in printed
    assert "comparison.html" in printed


@pytest.mark.parametrize("kind", ["not a result", "no common patient"])
def test_what_cannot_be_compared_ends_with_2_and_writes_nothing(command, folders, make_result, tmp_path, kind):
    if kind == "not a result":
        (a,) = folders(make_result(4))
        b = tmp_path
    else:
        a, b = folders(make_result(0), make_result(4))
    code, _, errors = command("compare", a, b, "--out", tmp_path / "out")
    assert code == 2
    assert len(errors.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
