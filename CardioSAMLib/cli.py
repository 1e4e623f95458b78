"""The command `cardiosam` (floor 4): arguments in, calls of the library, exit codes out.

Exit codes: 0 done; 2 unusable input or arguments; 3 done, but a quality check failed or a patient could not be scored;
130 stopped by Ctrl-C; 1 a bug of ours.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from CardioSAMLib import __version__
from CardioSAMLib.cine import Patient, QualityNote, UnusableInput
from CardioSAMLib.evaluation.protocols.named import PROTOCOLS, Part
from CardioSAMLib.evaluation_run.options import HeartBoxChoice, PromptSource
from CardioSAMLib.nnunet.commands import nnunet_app
from CardioSAMLib.progress_bar import progress_bar
from CardioSAMLib.resources import DEFAULT_MODEL_ID, find_model, load_catalogue
from CardioSAMLib.training_run.commands import finetune, search, train

UNUSABLE_INPUT, QUALITY_FAILED, INTERRUPTED = 2, 3, 130

app = typer.Typer(
    help="Ejection fraction, volumes and mass from cardiac cine MR. Research use only, not a medical device.",
    epilog="Start with: cardiosam demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="Embeddings of slices, kept so that a second click is quick.", no_args_is_help=True)
models_app = typer.Typer(help="The models that can draw contours.", no_args_is_help=True)
bench_app = typer.Typer(help="Timings of one run on this machine, with ratios.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
app.add_typer(cache_app, name="cache")
app.add_typer(nnunet_app, name="nnunet")


class Frames(str, Enum):
    """Which frames are segmented."""

    all = "all"
    ed_es = "ed-es"


class Sex(str, Enum):
    """Of the patient, as reference ranges need it."""

    F = "F"
    M = "M"


OutFolder = Annotated[Path, typer.Option("--out", help="Folder for the outputs; made where it is missing.")]
_PROTOCOLS_HELP = "Which patients, by name: " + "; ".join(f"{known.name}, {known.title}" for known in PROTOCOLS)
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")]
ModelId = Annotated[str, typer.Option("--model", help="Which model draws; see: cardiosam models list")]


@app.command()
def analyze(
    input_path: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="DICOM folder, 4D NIfTI or NRRD file, folder of 3D ones (..._ED, ..._ES), or ACDC patient folder.",
        ),
    ],
    out: OutFolder,
    model: ModelId = DEFAULT_MODEL_ID,
    frames: Annotated[Frames, typer.Option(help="Segment all frames, or only ED and ES (faster, no curve).")] = (
        Frames.all
    ),
    series: Annotated[str | None, typer.Option(help="Which cine, where a folder holds several short-axis stacks.")] = (
        None
    ),
    height_cm: Annotated[float | None, typer.Option(help="Height, for indexed values; replaces the file's.")] = None,
    weight_kg: Annotated[float | None, typer.Option(help="Weight, for indexed values; replaces the file's.")] = None,
    sex: Annotated[Sex | None, typer.Option(help="Replaces the file's.")] = None,
    age: Annotated[float | None, typer.Option(help="Age in years; replaces the file's.")] = None,
    heart_rate: Annotated[float | None, typer.Option(help="Beats per minute, for output and rates.")] = None,
    ed_frame: Annotated[int | None, typer.Option(help="End-diastolic frame, 0-based, instead of the one found.")] = (
        None
    ),
    es_frame: Annotated[int | None, typer.Option(help="End-systolic frame, 0-based, instead of the one found.")] = None,
    bsa: Annotated[str, typer.Option(help="Body surface formula: mosteller or du-bois.")] = "mosteller",
    title: Annotated[str, typer.Option(help="What the outputs call the study; else the output folder's name.")] = "",
) -> None:
    """Measure a cine: LV and RV volumes, ejection fraction, mass, curves, contours, and a report.

    Example: cardiosam analyze STUDY/dicom --out RESULT --height-cm 175 --weight-kg 80

    Writes measurements.json, measurements.csv, segmentation.nii.gz, curves.csv, curves.png, contours.png and
    report.html. A value that cannot be computed is empty, and the quality notes say why.
    """
    from CardioSAMLib.analysis import AnalysisOptions
    from CardioSAMLib.analysis import analyze as analyze_study
    from CardioSAMLib.function import MeasureOptions
    from CardioSAMLib.report import measurement_table

    patient = Patient(sex=sex.value if sex else None, age_years=age, height_cm=height_cm, weight_kg=weight_kg)
    measuring = MeasureOptions(ed_frame=ed_frame, es_frame=es_frame, bsa_formula=bsa)
    options = AnalysisOptions(model, frames.value, series, patient, heart_rate, measuring, title)
    with progress_bar() as progress:
        result = analyze_study(input_path, out, options, progress)
    _print(measurement_table(result.study))
    typer.echo(f"Written to {out}: " + ", ".join(path.name for path in result.outputs))
    _print_notes(result.study.notes)
    if result.failed:
        raise typer.Exit(QUALITY_FAILED)


def _print_notes(notes: Sequence[QualityNote]) -> None:
    """What must be looked at before the numbers are used: failed checks in full, warnings by their number."""
    for note in notes:
        if note.severity == "error":
            typer.echo(f"Not to be used as it is: {note.message}", err=True)
    warnings = sum(note.severity == "warning" for note in notes)
    if warnings:
        typer.echo(f"{warnings} warning(s): see report.html, and look at the contours.", err=True)


@app.command()
def demo(out: OutFolder = Path("demo")) -> None:
    """Measure the built-in beating-heart phantom and print the values beside the true ones. Needs no data."""
    from CardioSAMLib.demo import run_demo
    from CardioSAMLib.report import comparison_table

    with progress_bar() as progress:
        result = run_demo(out, progress)
    _print(comparison_table(result.comparisons))
    typer.echo(f"The phantom's DICOM files are in {result.dicom_folder}; open {result.report} to see the contours.")


@app.command()
def evaluate(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of ACDC-style patients with labels.")],
    out: OutFolder,
    model: Annotated[str, typer.Option(help="Which model draws; left out: the default one.")] = "",
    predictions: Annotated[
        Path | None, typer.Option(help="Score the label files of another tool in this folder; no model runs.")
    ] = None,
    label_map: Annotated[
        str, typer.Option(help="Of the predictions: ACDC (left out), MNMS, UKB, or integers as LV=3,MYO=2,RV=1.")
    ] = "",
    prompt_source: Annotated[
        PromptSource,
        typer.Option(help="How the predictions were made: without prompts, or with prompts from the reference labels."),
    ] = PromptSource.unknown,
    split: Annotated[Path | None, typer.Option(help="JSON file that says which patients train and validate.")] = None,
    protocol: Annotated[str | None, typer.Option(help=_PROTOCOLS_HELP)] = None,
    part: Annotated[
        Part | None, typer.Option(help="Patients of the split or protocol that are scored; left out: validation.")
    ] = None,
    heart_box: Annotated[
        HeartBoxChoice, typer.Option(help="Who places the box around the heart; both: side by side.")
    ] = HeartBoxChoice.automatic,
    box_jitter: Annotated[
        str, typer.Option(help="Pixels that the reference box is off, one row of a table each: 0,5,10,15,20")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, help="Processes, with one thread each if there are several.")] = 1,
) -> None:
    """Score a model, or another tool's predictions, against reference labels.

    Example: cardiosam evaluate ACDC/testing --out runs/test --protocol acdc-official --part test --workers 2

    Writes cases.csv, slices.csv, studies.csv, problems.csv, summary.json and report.html. Given again, the command
    goes on where it was stopped. What cannot be scored is named, and the exit code is then 3.
    """
    from CardioSAMLib.evaluation.terminal import terminal_parts
    from CardioSAMLib.evaluation_run.options import EvaluationOptions, parse_jitter
    from CardioSAMLib.evaluation_run.run import evaluate as evaluate_data_set

    jitter = parse_jitter(box_jitter)
    options = EvaluationOptions(
        model, predictions, label_map, prompt_source, split, protocol, part, heart_box, jitter, workers=workers
    )
    with progress_bar() as progress:
        run = evaluate_data_set(dataset, out, options, progress)
    _print(*terminal_parts(run.result))
    typer.echo(f"Written to {out}: " + ", ".join(path.name for path in run.outputs))
    if run.result.problems:
        raise typer.Exit(QUALITY_FAILED)


@app.command()
def compare(
    result_a: Annotated[Path, typer.Argument(metavar="RESULT_A", help="Folder that cardiosam evaluate wrote.")],
    result_b: Annotated[Path, typer.Argument(metavar="RESULT_B", help="Another one, on the same patients.")],
    out: OutFolder,
) -> None:
    """Compare two evaluations patient by patient: paired tests, agreement side by side, resources.

    Example: cardiosam compare runs/unet runs/bigger-unet --out runs/unet-and-bigger

    Writes comparison.json, comparison.csv and comparison.html. Results that had other prompts stand side by side
    without a test.
    """
    from CardioSAMLib.evaluation_run.compare import compare as compare_folders
    from CardioSAMLib.evaluation_run.compare import comparison_table

    with progress_bar() as progress:
        comparison = compare_folders(result_a, result_b, out, progress)
    _print(comparison_table(comparison))
    typer.echo(f"Written to {out}: comparison.json, comparison.csv, comparison.html")


@models_app.command("list")
def list_models() -> None:
    """List the models with their size, license and measured accuracy."""
    from CardioSAMLib.report import models_table

    _print(models_table(load_catalogue()))


@models_app.command("add")
def add_models(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that train or finetune wrote.")],
) -> None:
    """Add the models of a folder to your own catalogue, so that they are found by name.

    It lies in the system's folder for data of applications, or in the one that CARDIOSAM_MODELS names.
    """
    from CardioSAMLib.model_store import add_models as add_to_catalogue

    typer.echo("Added: " + ", ".join(card.id for card in add_to_catalogue(folder)))


@models_app.command("download")
def download_model(
    model: Annotated[str, typer.Argument(metavar="ID", help="One that cardiosam models list shows as not here.")],
    yes: Annotated[bool, typer.Option("--yes", help="Agree to size, license and address without being asked.")] = False,
) -> None:
    """Download a model of the catalogue after you have agreed; its checksum is compared."""
    from CardioSAMLib.model_store import download_model as download_files

    card = find_model(model)
    if not card.is_here and card.url is not None:
        typer.echo(f"{card.title}: {card.total_bytes / 1e6:.1f} MB from {card.url}; license {card.license}.")
        if not yes:
            typer.confirm("Download it?", abort=True)
    with progress_bar() as progress:
        download_files(model, progress)
    typer.echo(f"Ready: {model}")


@models_app.command("remove")
def remove_model(
    model: Annotated[str, typer.Argument(metavar="ID", help="One that you have added or downloaded.")],
) -> None:
    """Remove a model that you have added or downloaded, with its files. Those that come with CardioSAM stay."""
    from CardioSAMLib.model_store import remove_model as remove_from_catalogue

    remove_from_catalogue(model)
    typer.echo(f"Removed: {model}")


@bench_app.command("analyze")
def bench_analyze(
    input_path: Annotated[Path | None, typer.Argument(metavar="[INPUT]", help="As for analyze; else the phantom.")] = (
        None
    ),
    json_file: JsonFile = None,
    model: ModelId = DEFAULT_MODEL_ID,
) -> None:
    """Time one analysis by stage and print images per second, peak memory, and the ratio to SAM's ViT-B encoder."""
    from CardioSAMLib.bench import as_json, bench_table, measure_analysis

    _check_figures(json_file)
    with progress_bar() as progress:
        result = measure_analysis(input_path, model, progress)
    _print(bench_table(result))
    _write_figures(json_file, as_json(result))


@bench_app.command("evaluate")
def bench_evaluate(
    input_path: Annotated[
        Path | None, typer.Argument(metavar="[INPUT]", help="ACDC patient folder with labels; else the phantom.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Time all metrics of a frame beside MONAI and surface-distance, where installed, and a patient, on one core."""
    from CardioSAMLib.bench_metrics import as_json, bench_parts, measure_metrics

    _check_figures(json_file)
    with progress_bar() as progress:
        result = measure_metrics(input_path, progress)
    _print(*bench_parts(result))
    _write_figures(json_file, as_json(result))


@bench_app.command("prompt")
def bench_prompt(
    input_path: Annotated[Path | None, typer.Argument(metavar="[INPUT]", help="As for analyze; else the phantom.")] = (
        None
    ),
    models: Annotated[
        str | None,
        typer.Option(help="Which, as cardiosam-prompt,vit_b,vit_l@512; left out: all but the slow ViT-L and ViT-H."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Time encoding and clicks of the promptable models, beside segment-anything's SamPredictor where installed.

    SAM models have random weights, which are as fast as trained ones. All compute on the CPU.
    """
    from CardioSAMLib.bench_prompt import as_json, bench_table, measure_prompting

    _check_figures(json_file)
    with progress_bar() as progress:
        result = measure_prompting(input_path, models, progress)
    _print(bench_table(result))
    _write_figures(json_file, as_json(result))


@cache_app.command("info")
def cache_info() -> None:
    """Say where the cache lies, how many embeddings it holds, and how large it is and may become.

    The folder is that of the system for caches, or the one that CARDIOSAM_CACHE names. The least recently used
    embeddings go first when it is full.
    """
    from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache, default_folder

    info = EmbeddingCache(default_folder()).info()
    typer.echo(f"Folder: {info.folder}")
    typer.echo(f"Embeddings: {info.entries}")
    typer.echo(f"Size: {info.bytes / 1e6:.1f} MB of at most {info.max_bytes / 1e6:.0f} MB")


@cache_app.command("clear")
def cache_clear() -> None:
    """Remove all embeddings. They are computed again when they are needed; nothing else is lost.

    Files in the folder that are not of the cache stay where they are.
    """
    from CardioSAMLib.segmentation.embedding_cache import EmbeddingCache, default_folder

    removed = EmbeddingCache(default_folder()).clear()
    typer.echo(f"Removed from {removed.folder}: {removed.entries} embeddings, {removed.bytes / 1e6:.1f} MB")


for _command in (train, search, finetune):
    app.command()(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cardiosam {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: turns what went wrong into one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a character shows "?" for it; it must not end a finished analysis.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = app(standalone_mode=False)
    except UnusableInput as error:
        code = _fail(str(error), UNUSABLE_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        # Errors of the command line itself (an unknown option, a missing argument) know how to say what is wrong.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()  # empty where the help has been shown
        code = _fail(f"{message} See: cardiosam --help", UNUSABLE_INPUT) if message else UNUSABLE_INPUT
    if code == INTERRUPTED:  # some versions of typer return it, others raise
        _fail("Stopped. No file was left half-written.", INTERRUPTED)
    sys.exit(code or 0)


def _fail(sentence: str, code: int) -> int:
    typer.echo(f"cardiosam: {sentence}", err=True)
    return code


def _check_figures(file: Path | None) -> None:
    """Before minutes of measuring are spent."""
    from CardioSAMLib.io import check_writable

    if file is not None:
        check_writable(file.parent)


def _write_figures(file: Path | None, text: str) -> None:
    from CardioSAMLib.io import write_files

    if file is not None:
        write_files(file.parent, {file.name: text.encode()})


def _print(*parts: object) -> None:
    from rich.console import Console

    Console().print(*parts, sep="\n")


if __name__ == "__main__":
    main()
