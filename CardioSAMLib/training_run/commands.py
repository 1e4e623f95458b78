"""The commands `cardiosam train`, `search` and `finetune`: arguments in, calls of this room and of fine-tuning out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.progress_bar import progress_bar


def train(
    configuration: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Name of a configuration in Resources/Configs, or a TOML file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, logs and the finished model; resumes if there.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of ACDC-style patients; the configuration phantom needs none.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Where to begin: a SAM or MedSAM file, weights.pt of a training, or a U-Net's .onnx file."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; else the fastest there is.")] = None,
    fold: Annotated[
        int | None, typer.Option(help="Of the cross-validation cv5, 1 to 5, in place of the configuration's split.")
    ] = None,
) -> None:
    """Train a model from a configuration. A stopped run goes on where it was when the command is given again.

    Example: cardiosam train cardiosam-unet25d --data ACDC/training --out runs/cardiosam-unet25d

    On several GPUs: accelerate launch --multi_gpu -m CardioSAMLib.cli train ...
    The model of a configuration with a name of its own is used by name after: cardiosam models add OUT
    """
    from CardioSAMLib.training_run.run import TrainingOptions, train_model

    with _training_packages(), progress_bar() as progress:
        trained = train_model(TrainingOptions(configuration, out, data, checkpoint, device, fold), progress)
    if trained.dice is not None:
        typer.echo(f"Mean Dice on the validation patients, on crops of the training grid: {trained.dice:.3f}")
    if trained.files:
        typer.echo("Trained: " + ", ".join(map(str, trained.files)))


def search(
    configuration: Annotated[
        str, typer.Argument(metavar="CONFIG", help="What is measured: search (Resources/Configs), or a TOML file.")
    ],
    data: Annotated[Path, typer.Option(help="Folder of ACDC-style patients.")],
    out: Annotated[Path, typer.Option(help="Folder for the search; goes on if there.")],
    searcher: Annotated[str, typer.Option(help="pso, random or tpe.")] = "pso",
    evaluations: Annotated[int, typer.Option(help="How many short trainings.")] = 96,
    seed: Annotated[int, typer.Option(help="Of the searcher.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A SAM or MedSAM file, in place of the configuration's encoder.")
    ] = None,
) -> None:
    """Search loss weights, learning rate and weight decay by many short trainings on a frozen encoder's features.

    Example: cardiosam search search --data ACDC/training --out runs/search --searcher pso

    A stopped search goes on where it was when the command is given again. What is best after a short training need not
    be best after a long one, and the validation patients have been used up: report results on others.
    """
    from CardioSAMLib.training_run.search import SearchOptions, run_search

    options = SearchOptions(configuration, data, out, searcher, evaluations, seed, checkpoint)
    with _training_packages(), progress_bar() as progress:
        found = run_search(options, progress)
    typer.echo(found.text)


def finetune(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of ACDC-style patients with labels.")],
    checkpoint: Annotated[
        str, typer.Option(help="Where to start: a SAM or MedSAM checkpoint (.pth), or the name of a promptable model.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the run and the finished model; resumes if there.")],
    recipe: Annotated[
        str, typer.Option(help="decoder, decoder-no-box, medsam or chao (Resources/finetuning), or a JSON file.")
    ] = "decoder",
    name: Annotated[str, typer.Option(help="What the new model is called; else after checkpoint and recipe.")] = "",
    split: Annotated[
        Path | None, typer.Option(help="JSON file that says which patients train and validate; else one is drawn.")
    ] = None,
    fold: Annotated[int | None, typer.Option(help="Of a split that has several, counted from 1.")] = None,
    normalization: Annotated[
        str | None, typer.Option(help="sam or medsam, for a checkpoint file that does not say it.")
    ] = None,
    input_size: Annotated[int, typer.Option(help="Pixels, for a checkpoint file: 224 to 1024 in steps of 16.")] = 1024,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; else the fastest there is.")] = None,
) -> None:
    """Fine-tune a promptable model on your own contours, and have it as a model by name.

    Example: cardiosam finetune ACDC/training --recipe decoder --checkpoint cardiosam-prompt --out runs/mine --name mine

    A stopped run goes on where it was when the command is given again. The model is added to your catalogue (see:
    cardiosam models list); its files and models.json stay in the output folder, too.
    """
    from CardioSAMLib.finetuning.run import FineTuningOptions
    from CardioSAMLib.finetuning.run import finetune as finetune_model

    options = FineTuningOptions(recipe, checkpoint, name, split, normalization, input_size, device, fold)
    with _training_packages(), progress_bar() as progress:
        tuned = finetune_model(data, out, options, progress)
    if tuned.dice_before is not None:
        typer.echo(
            f"Dice per slice on the validation patients: {tuned.dice_before:.3f} before, {tuned.dice_after:.3f} after "
            "(prompts from the reference; the epoch was chosen by it)."
        )
    else:
        typer.echo("There was no patient to validate on: the weights of the last epoch were kept.")
    typer.echo(f"Added as {tuned.model_id}: " + ", ".join(map(str, tuned.files)))


@contextmanager
def _training_packages() -> Iterator[None]:
    """Says what to install where a package of the extra `train` is missing."""
    try:
        yield
    except ImportError as error:
        raise UnusableInput(
            f"{error.name} is not installed; install what training needs with: {install_hint('train')}."
        ) from error
