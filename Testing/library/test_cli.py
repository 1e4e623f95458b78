"""Claims about the command: exit codes, one sentence for what went wrong, help that teaches."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from CardioSAMLib import __version__, analysis
from CardioSAMLib.cli import main
from CardioSAMLib.io import write_nifti
from CardioSAMLib.phantom import PhantomOptions, make_phantom
from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache, embedding_key

BASE = [sys.executable, "-c", "from CardioSAMLib.cli import main; main()"]


def run(*arguments, **options):
    return subprocess.run([*BASE, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def nifti(tmp_path_factory):
    path = tmp_path_factory.mktemp("cine") / "cine.nii.gz"
    options = PhantomOptions(frames=4, slices=7, spacing_mm=(1.6, 1.6, 13.0), rows=160, columns=160)
    write_nifti(make_phantom(options).cine, path)
    return path


def test_analyze_prints_the_table_and_writes_one_csv_row(nifti, tmp_path):
    done = run("analyze", nifti, "--out", tmp_path / "out", "--height-cm", "170", "--weight-kg", "70", "--sex", "F")
    assert done.returncode in (0, 3), done.stderr
    assert "Ejection fraction" in done.stdout
    assert "\r" not in done.stderr  # no progress bar when not a terminal
    assert "report.html, and look at the contours" in done.stderr
    header, *rows = (tmp_path / "out" / "measurements.csv").read_text().splitlines()
    assert "lv_ef_percent" in header
    assert len(rows) == 1


def test_the_exit_code_is_3_exactly_when_a_quality_check_failed(nifti, tmp_path):
    done = run("analyze", nifti, "--out", tmp_path / "out", "--ed-frame", "2", "--es-frame", "0", "--frames", "ed-es")
    quality = json.loads((tmp_path / "out" / "measurements.json").read_text())["quality"]
    assert any(note["severity"] == "error" for note in quality)  # ED and ES exchanged: a negative ejection fraction
    assert done.returncode == 3
    for note in quality:
        assert (note["message"] in done.stderr) == (note["severity"] == "error")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["analyze", "no-such-folder", "--out", "out"], "no-such-folder"),
        (["analyze", ".", "--out", "out", "--model", "no-such-model"], "choose one of"),
        (["analyze", ".", "--out", "out", "--height-cm", "1.8"], "height of 1.8 cm"),
        (["analyze", ".", "--out", "out", "--bsa", "guess"], "guess"),
        (["analyze", ".", "--out", "out", "--sex", "X"], "--sex"),
        (["analyze", "CINE", "--out", "out", "--ed-frame", "99", "--es-frame", "98"], "choose one of 0, 1, 2, 3"),
        (["analyze", "CINE", "--out", "out", "--ed-frame", "-1"], "choose one of 0, 1, 2, 3"),
        (["analyze", "--out", "out"], "INPUT"),
        (["evaluate", ".", "--out", "out", "--part", "test"], "give one of them"),
        (["analyse"], "analyse"),
        (["train", "no-such-configuration", "--data", ".", "--out", "out"], "no-such-configuration"),
    ],
)
def test_what_cannot_be_used_ends_with_2_one_sentence_and_nothing_written(arguments, sentence, nifti, tmp_path):
    arguments = [str(nifti) if argument == "CINE" else argument for argument in arguments]
    done = run(*arguments, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing_half_written_and_ends_with_130(nifti, tmp_path, monkeypatch, capsys):
    class Interrupted:
        def segment(self, *_arguments):
            raise KeyboardInterrupt

    monkeypatch.setattr(analysis, "segmenter_of", lambda _card: Interrupted())
    monkeypatch.setattr(sys, "argv", ["cardiosam", "analyze", str(nifti), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 130
    assert "No file was left half-written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_console_without_the_characters_of_a_table_does_not_end_the_command():
    done = run("models", "list", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "cardiosam-unet25d" in done.stdout


@pytest.mark.parametrize("group", [[], ["models"], ["bench"], ["cache"]])
def test_a_command_without_its_verb_shows_the_help_and_nothing_else(group):
    done = run(*group)
    assert "Usage" in done.stdout + done.stderr
    assert "cardiosam:" not in done.stderr


def test_help_names_every_command_and_how_to_start():
    text = run("--help").stdout
    for word in ("analyze", "demo", "models", "bench", "cache", "train", "cardiosam demo"):
        assert word in text


@pytest.mark.parametrize(
    "command",
    [
        ["analyze"],
        ["demo"],
        ["models"],
        ["bench"],
        ["bench", "analyze"],
        ["bench", "evaluate"],
        ["bench", "prompt"],
        ["cache"],
        ["cache", "info"],
        ["cache", "clear"],
        ["train"],
    ],
)
def test_every_command_explains_itself(command):
    done = run(*command, "--help")
    assert done.returncode == 0
    assert len(done.stdout) > 200


def test_the_version_is_the_librarys():
    assert run("--version").stdout.strip() == f"cardiosam {__version__}"


def test_models_list_shows_size_license_and_accuracy():
    text = " ".join(run("models", "list", env={**os.environ, "COLUMNS": "200"}).stdout.split())
    for word in ("cardiosam-unet25d-3", "MB", "CC BY-NC-SA 4.0", "Dice"):
        assert word in text


def test_cache_info_counts_embeddings_and_bytes_and_cache_clear_removes_them(tmp_path):
    folder = tmp_path / "embeddings"
    key = embedding_key(np.zeros((3, 8, 8), np.float32), "0" * 64, "none", "float32")
    EmbeddingCache(folder).put(key, {"image": np.zeros((250, 1000), np.float32)})  # 0.5 MB as float16
    (folder / "notes.txt").write_text("mine")
    environment = {**os.environ, "CARDIOSAM_CACHE": str(tmp_path)}

    told = run("cache", "info", env=environment)
    assert told.returncode == 0, told.stderr
    assert str(folder) in told.stdout
    assert "Embeddings: 1\n" in told.stdout
    assert "0.5 MB of at most" in told.stdout

    cleared = run("cache", "clear", env=environment)
    assert cleared.returncode == 0, cleared.stderr
    assert "1 embeddings, 0.5 MB" in cleared.stdout
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert "Embeddings: 0\n" in run("cache", "info", env=environment).stdout


def test_cache_info_of_a_cache_that_was_never_used_makes_no_folder(tmp_path):
    told = run("cache", "info", env={**os.environ, "CARDIOSAM_CACHE": str(tmp_path / "cache")})
    assert told.returncode == 0, told.stderr
    assert "Embeddings: 0\n" in told.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [["train", "cardiosam-prompt", "--data", "x"], ["finetune", "x", "--checkpoint", "cardiosam-prompt"]]
)
def test_training_without_its_packages_says_what_to_install(command, tmp_path):
    arguments = ["cardiosam", *command, "--out", str(tmp_path)]
    code = f"import sys; sys.modules['torch'] = None; sys.argv = {arguments!r}; "
    code += "from CardioSAMLib.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install '.[train]'" in " ".join(done.stderr.split()), done.stderr
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
