"""The commands `cardiosam nnunet ...`: arguments in, calls of this room out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from CardioSAMLib.evaluation.protocols.named import Part
from CardioSAMLib.nnunet.run import Configuration, Device, NnUnetOptions, predict, train
from CardioSAMLib.progress_bar import progress_bar

nnunet_app = typer.Typer(
    help="nnU-Net as a baseline: its data set, its training, its predictions. Needs: pip install nnunetv2",
    no_args_is_help=True,
)

Root = Annotated[Path, typer.Argument(metavar="DIR", help="Folder that cardiosam nnunet prepare wrote.")]
ConfigurationChoice = Annotated[Configuration, typer.Option(help="Slices by themselves, or stacks.")]
Epochs = Annotated[int, typer.Option(help="1, 5, 10, 20, 50, 100, 250, 500, 750 or 1000.")]
DeviceChoice = Annotated[Device, typer.Option(help="What computes.")]


@nnunet_app.command("prepare")
def prepare_data_set(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of ACDC-style patients with labels.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for all of nnU-Net's files.")],
    split: Annotated[Path | None, typer.Option(help="JSON file with 'train' and 'validation', or 'folds'.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Or a named division, as cv5.")] = None,
) -> None:
    """Write patients as nnU-Net's raw data set, with folds by patient. Needs no nnU-Net.

    Example: cardiosam nnunet prepare ACDC/training --protocol cv5 --out runs/nnunet
    """
    from CardioSAMLib.nnunet.data_set import prepare

    with progress_bar() as progress:
        written = prepare(data, out, split, protocol, progress)
    typer.echo(
        f"Written to {out}: {written.training} patients in {written.folds} fold(s), {written.test} kept for the test."
    )


@nnunet_app.command("train")
def train_fold(
    root: Root,
    fold: Annotated[int, typer.Option(help="Which fold of the split, from 0.")] = 0,
    configuration: ConfigurationChoice = Configuration.slices,
    epochs: Epochs = 1000,
    device: DeviceChoice = Device.cuda,
) -> None:
    """Train one fold with nnU-Net's defaults. A stopped training goes on when the command is given again.

    Example: cardiosam nnunet train runs/nnunet --fold 0 --configuration 3d_fullres
    """
    typer.echo(f"Trained: {train(root, fold, NnUnetOptions(configuration, epochs, device))}")


@nnunet_app.command("predict")
def predict_part(
    root: Root,
    part: Annotated[Part, typer.Option(help="validation: of each trained fold its own; test: by all of them.")] = (
        Part.validation
    ),
    configuration: ConfigurationChoice = Configuration.slices,
    epochs: Epochs = 1000,
    device: DeviceChoice = Device.cuda,
) -> None:
    """Collect or draw the predictions of the trained folds, for cardiosam evaluate.

    Example: cardiosam nnunet predict runs/nnunet --part test
    """
    folder = predict(root, part, NnUnetOptions(configuration, epochs, device))
    typer.echo(f"Predictions: {folder}")
    typer.echo(f"Score them with: cardiosam evaluate DATA --predictions {folder} --prompt-source automatic --out ...")
