"""One command from a checkpoint, a recipe and labeled patients to a model that is used by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split, read_split, stratified_split
from CardioSAMLib.evaluation_run.patients import patients_of_file, patients_seen_by
from CardioSAMLib.finetuning.asking import check_ask
from CardioSAMLib.finetuning.examples import Encode, SliceExamples, pixels_only
from CardioSAMLib.finetuning.tunable import BaseCard, TunableModel
from CardioSAMLib.finetuning.views import LabeledSlice, read_slices, sha256_of_slices
from CardioSAMLib.io import check_writable, load_acdc_patient, write_files
from CardioSAMLib.model_store import add_models, check_name
from CardioSAMLib.progress import Progress, part_of, silent
from CardioSAMLib.resources import CHECKPOINT_SUFFIX, PROMPTABLE, find_model, load_catalogue, models_in
from CardioSAMLib.segmentation import EmbeddingCache, load_sam
from CardioSAMLib.segmentation.checkpoint_model import DEFAULT_INPUT_SIZE_PX
from CardioSAMLib.segmentation.device import choose_device, enough_memory
from CardioSAMLib.segmentation.model_image import ModelImage
from CardioSAMLib.segmentation.promptable import embedding_of

if TYPE_CHECKING:
    from CardioSAMLib.training.finetuning import FineTuningRun
    from CardioSAMLib.training.recipe import FineTuningRecipe

_MEMORY_ADVICE = (
    "The memory of the device is not enough for this fine-tuning; give a smaller --input-size in another folder, or go "
    "on in this one with --device cpu."
)
_VALIDATION_SHARE = 0.2
_EMBEDDINGS = "embeddings"
_CACHE_BYTES = 2**40
"""More than any run needs: views take turns, so what does not fit would be encoded in every epoch. See the docs."""


@dataclass(frozen=True)
class FineTuningOptions:
    """What a user chooses.

    recipe: name of one that ships, or a JSON file. checkpoint: a SAM checkpoint file, or the id of a promptable model.
    name: what the result is called; "" makes it from checkpoint and recipe. split: which patients train and validate;
    None draws one, which is written to the output folder. fold: of a split with several, counted from 1.
    normalization, input_size_px: as in `load_sam`, for files.
    """

    recipe: str
    checkpoint: str
    name: str = ""
    split: Path | None = None
    normalization: str | None = None
    input_size_px: int = DEFAULT_INPUT_SIZE_PX
    device: str | None = None
    fold: int | None = None


@dataclass(frozen=True)
class FineTuned:
    """What came of it. dice_before, dice_after: mean per structure and slice on the validation patients, prompted as in
    the recipe; None without validation patients. The epoch was chosen by dice_after."""

    model_id: str
    files: tuple[Path, ...]
    dice_before: float | None
    dice_after: float | None


def finetune(data: Path, out: Path, options: FineTuningOptions, progress: Progress = silent) -> FineTuned:
    """Fine-tunes on the ACDC-style patients in `data`, or goes on with the run in `out`.

    Writes the model's files and its `models.json` into `out`, and adds the model to the user's catalogue.
    Raises UnusableInput where something given cannot be used, before anything is computed.
    """
    from CardioSAMLib.training.finetuning import FineTuningRun, fine_tune
    from CardioSAMLib.training.processes import check_alone
    from CardioSAMLib.training.recipe import read_recipe

    check_alone()
    recipe = read_recipe(options.recipe)
    check_ask(recipe.ask)
    name = options.name or _default_name(options.checkpoint, recipe.name)
    _check_free(name, out)
    check_writable(out)
    seen = _seen(options.checkpoint)
    split = _split(data, options.split, options.fold, recipe.seed, seen)
    progress(0.0, "reading the checkpoint")
    tuned = open_tunable(options, recipe.trains_encoder)
    training = read_slices(data, split.train, part_of(progress, 0.0, 0.04))
    validation = read_slices(data, split.validation, part_of(progress, 0.04, 0.05))
    patients = {"train": split.train, "validation": split.validation}
    sha256 = sha256_of_slices([*training, *validation])
    start = f"{tuned.sha256} {_json(patients).decode()} {sha256}"
    run = FineTuningRun(recipe, tuned.network, start)
    if (out / "checkpoint.pt").exists():
        run.load(out / "checkpoint.pt")  # refuses other patients or contours before anything is written
    write_files(out, {"split.json": _json(patients)})
    encode = pixels_only if recipe.trains_encoder else kept_embeddings(tuned, out / _EMBEDDINGS)
    with enough_memory(_MEMORY_ADVICE):
        fine_tune(
            run,
            SliceExamples(training, tuned, recipe, encode, varied=True),
            SliceExamples(validation, tuned, recipe, encode, varied=False) if validation else None,
            out,
            part_of(progress, 0.05, 0.98),
        )
    progress(0.98, "writing the model")
    measured = [row["dice"] for row in run.history if "dice" in row]
    before, after = (measured[0], max(measured[1:])) if validation else (None, None)
    entry = _entry(name, tuned, recipe, split, (before, after), out)
    entry["patients"] = sorted({*seen, *split.train})
    record = _record(run, tuned, {"patients": patients, "data_sha256": sha256, "began_with": options.checkpoint})
    write_files(out, {"models.json": _json({"models": [entry]}), "record.json": _json(record)})
    (card,) = add_models(out)
    # They have served: the model's own use keeps its embeddings in the user's cache.
    EmbeddingCache(out / _EMBEDDINGS, _CACHE_BYTES).clear()
    return FineTuned(card.id, tuple(path for path in sorted(out.glob(f"{name}*")) if path.is_file()), before, after)


def open_tunable(options: FineTuningOptions, trains_encoder: bool) -> TunableModel:
    """The model that `options.checkpoint` names, ready to learn. Raises UnusableInput where it cannot."""
    from CardioSAMLib.finetuning.compact import TunableCompact
    from CardioSAMLib.finetuning.sam import TunableSam

    given, size_px = options.checkpoint, options.input_size_px
    path = Path(given)
    if path.suffix in (CHECKPOINT_SUFFIX, ".pt") or path.is_file():
        base = BaseCard(path.stem, path.stem, "that of the checkpoint and of the data", f"the weights of {path.name}")
        return TunableSam(load_sam(path, options.normalization, size_px, options.device), base, size_px, trains_encoder)
    if given not in {card.id for card in load_catalogue()}:
        known = ", ".join(card.id for card in load_catalogue() if card.kind == PROMPTABLE)
        raise UnusableInput(
            f"There is no checkpoint {given}; give the path of a SAM checkpoint, as sam_vit_b_01ec64.pth, or one of: "
            f"{known}."
        )
    card = find_model(given)
    if not card.file.endswith(CHECKPOINT_SUFFIX):
        return TunableCompact(card, trains_encoder, choose_device(options.device).kind)
    base = BaseCard(card.id, card.title, card.license, card.training_data)
    size_px = card.input_shape_px[0]
    return TunableSam(load_sam(card.path, None, size_px, options.device), base, size_px, trains_encoder)


def kept_embeddings(tuned: TunableModel, folder: Path) -> Encode:
    """Embeddings of views, kept in a folder by the content of what was encoded: no two views share one."""
    cache = EmbeddingCache(folder, _CACHE_BYTES)

    def embedding(_view: LabeledSlice, image: ModelImage) -> Any:
        return embedding_of(tuned.model, cache, image)

    return embedding


def _default_name(checkpoint: str, recipe: str) -> str:
    stem = Path(checkpoint).stem if checkpoint.endswith((CHECKPOINT_SUFFIX, ".pt")) else checkpoint
    return re.sub(r"[^a-z0-9._-]+", "-", f"{stem}-{recipe}".lower())


def _check_free(name: str, out: Path) -> None:
    """A name of one's own may be used again only by the run that made it."""
    check_name(name)
    made_here = {card.id for card in models_in(out)} if (out / "models.json").is_file() else set()
    if name in {card.id for card in load_catalogue()} - made_here:
        raise UnusableInput(f"You have a model called {name} already; give another --name, or remove it first.")


def _seen(checkpoint: str) -> tuple[str, ...]:
    """Patients that the weights to begin with were trained on; none where that is not known."""
    path = Path(checkpoint)
    if path.is_file():
        return patients_of_file(path)
    card = next((card for card in load_catalogue() if card.id == checkpoint), None)
    return patients_seen_by(card) if card is not None else ()


def _split(data: Path, file: Path | None, fold: int | None, seed: int, seen: Sequence[str]) -> Split:
    """The user's, or one that is drawn. Raises UnusableInput where patients would validate that trained the weights."""
    if file is not None:
        split = read_split(file, fold)
        if not split.train:
            raise UnusableInput(f"{file.name} names no patients to train on; name some.")
        known = sorted(set(seen) & set(split.validation))
        if known:
            raise UnusableInput(
                f"The weights to begin with were trained on {len(known)} of the validation patients, such as "
                f"{known[0]}; give another split, or other names to the folders if these are other patients."
            )
        return split
    if not data.is_dir():
        raise UnusableInput(f"There is no folder {data}; give a folder of ACDC-style patients with contours.")
    group_of = {path.parent.name: load_acdc_patient(path.parent).group for path in sorted(data.glob("*/Info.cfg"))}
    if not group_of:
        raise UnusableInput(f"{data} has no ACDC-style patients (folders with an Info.cfg); give a folder of them.")
    if len(group_of) == 1:
        raise UnusableInput(f"{data} has one patient, and none is left to validate on; give more, or a --split.")
    drawn = _drawn(group_of, _VALIDATION_SHARE, seed)
    if not set(seen) & set(drawn.validation):
        return drawn
    unseen = {name: group for name, group in group_of.items() if name not in seen}
    if not unseen:
        raise UnusableInput(
            "The weights to begin with were trained on patients of these names, so that none is left to validate on; "
            "give others, a --split without validation patients, or other names to the folders if these are others."
        )
    validation = _drawn(unseen, min(_VALIDATION_SHARE * len(group_of) / len(unseen), 1.0), seed).validation
    return Split(tuple(sorted(set(group_of) - set(validation))), validation)


def _drawn(group_of: Mapping[str, str], share: float, seed: int) -> Split:
    """With a patient at least to validate on: where the groups are too small for one of each, of all together."""
    drawn = stratified_split(group_of, share, seed)
    if drawn.validation:
        return drawn
    return stratified_split(dict.fromkeys(group_of, ""), max(share, 1.0 / len(group_of)), seed)


def _record(run: FineTuningRun, tuned: TunableModel, start: Mapping[str, Any]) -> dict[str, Any]:
    """What `record.json` says of a finished run. start: the data and the weights it began with."""
    from CardioSAMLib.training.history import versions

    return {
        "recipe": asdict(run.recipe),
        **start,
        "began_with_sha256": tuned.sha256,
        "versions": versions(),
        "precision": ", then ".join(run.precisions),
        "device": str(next(tuned.network.trained.parameters()).device),
        "history": run.history,
    }


def _entry(
    name: str,
    tuned: TunableModel,
    recipe: FineTuningRecipe,
    split: Split,
    dice: tuple[float | None, float | None],
    out: Path,
) -> dict[str, Any]:
    before, after = dice
    accuracy = {}
    if before is not None and after is not None:
        accuracy = {
            "measured_on": f"{len(split.validation)} validation patients by which the epoch was chosen, prompts from "
            "the reference",
            "recipe": recipe.name,
            "slice_dice_before": round(before, 4),
            "slice_dice": round(after, 4),
        }
    return {
        "id": name,
        "kind": PROMPTABLE,
        "title": f"{tuned.base.title}, fine-tuned ({recipe.name})",
        "version": "1",
        "license": tuned.base.license,
        "training_data": f"{tuned.base.training_data}; fine-tuned on {len(split.train)} patients of the user",
        **tuned.write(name, out),
        "accuracy": accuracy,
    }


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
