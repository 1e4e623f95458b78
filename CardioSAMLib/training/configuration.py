"""A training run as data: everything that, with the data, decides the resulting weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.evaluation.protocols.splits import Split, read_split
from CardioSAMLib.io.toml_files import read_toml
from CardioSAMLib.resources import is_model_name, resources_dir
from CardioSAMLib.training.augmentation import AUGMENTATIONS, AugmentationOptions
from CardioSAMLib.training.cine_options import CineOptions
from CardioSAMLib.training.composite_loss import LossOptions
from CardioSAMLib.training.networks import WidthOptions, network_kind, network_options
from CardioSAMLib.training.prompt_sampling import PromptOptions
from CardioSAMLib.training.schedule import OptimizerOptions
from CardioSAMLib.training.stack_sampling import StackOptions
from CardioSAMLib.training.tables import options_from

CROSS_VALIDATION = "acdc_cv5.json"
CARD_KEYS = ("title", "version", "license", "training_data")
"""What a configuration says of its model, for the catalogue."""
_DEEPEST_STEP_PX = 16
"""Crops grow in such steps where a heart is larger, so that no network may halve them more often."""


@dataclass(frozen=True)
class NetworkChoice:
    """kind: a name of `networks.KINDS`. options: its dataclass.

    encoder: id of the model whose encoder is used; "" where the kind needs none, or the user must name a checkpoint.
    encoder_px, normalization: of a SAM encoder, see `networks.sam_encoder`; "": the file says which.
    """

    kind: str
    options: Any
    encoder: str = ""
    encoder_px: int = 224
    normalization: str = ""

    @property
    def usual_encoder(self) -> bool:
        """Whether nothing is said of one."""
        return self == type(self)(self.kind, self.options)


@dataclass(frozen=True)
class PhantomHearts:
    """Made-up patients to train on: so many hearts of different sizes, some of them for validation."""

    training: int = 8
    validation: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.training, self.validation) < 1:
            raise UnusableInput("Made-up hearts are needed to train on and to validate on; give one or more of each.")


@dataclass(frozen=True)
class TrainingConfiguration:
    """A training of an automatic network.

    split: file name in `Resources/splits`, or beside the configuration; or else phantom: hearts that need no data.
    fold: of a split with several, counted from 1.
    begins_with: name of the configuration whose weights a training must be given to begin with; "": it needs none.
    grid_mm, size_px: of the crops. batch: slices per step; with `stacks`, whole stacks are drawn instead, and with
    `cines` slices in all frames. views: kept random views per slice, whose features a frozen encoder computes once; 0:
    new ones in every step.
    loss: None: cross-entropy and Dice at every level of the decoder. patience: validations without a better one after
    which the run ends; 0: it does not. keep: the weights of the "last" step or of the "best" validation.
    card: title, version, license and training data, for the catalogue.
    """

    name: str
    network: NetworkChoice
    split: str = ""
    fold: int | None = None
    begins_with: str = ""
    phantom: PhantomHearts | None = None
    grid_mm: float = 1.4
    size_px: int = 128
    batch: int = 16
    views: int = 0
    steps: int = 6000
    seed: int = 0
    validate_every: int = 500
    patience: int = 0
    keep: Literal["last", "best"] = "last"
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    loss: LossOptions | None = None
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    stacks: StackOptions | None = None
    cines: CineOptions | None = None
    card: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = network_kind(self.network.kind)
        problems = {
            **_problems_of_any(self),
            "needs either a split or phantom hearts": bool(self.split) == (self.phantom is not None),
            "needs 1 or more as batch, steps and validate_every": min(self.batch, self.steps, self.validate_every) < 1,
            "has no usable keep; choose last or best": self.keep not in ("last", "best"),
            "has fewer than 0 views": self.views < 0,
            "has more levels than the crops can be halved; give 5 widths or fewer": (
                _smallest_px(self.network) > _DEEPEST_STEP_PX
            ),
            "keeps views, which only a frozen encoder needs": self.views > 0 and kind.encoder != "frozen",
            f"has an encoder, encoder_px or normalization, and a {self.network.kind} sees through no encoder": (
                kind.encoder == "none" and not self.network.usual_encoder
            ),
            "draws a boundary map and has no loss for it; add a table [loss], or give boundary = false": (
                getattr(self.network.options, "boundary", False) and self.loss is None
            ),
            "draws whole stacks, which an encoder does not see": self.stacks is not None and kind.encoder != "none",
            f"needs a table [stacks], as {self.network.kind} sees stacks": kind.stacks and self.stacks is None,
            f"needs a table [cines], as {self.network.kind} sees cines": kind.cines and self.cines is None,
            "has a table [cines], which only networks that see cines need": not kind.cines and self.cines is not None,
            "needs begins_with and an encoder in its table [network], as it begins with a decoder": (
                kind.cines and not (self.begins_with and self.network.encoder)
            ),
            "needs a table [loss], which the labeled frames are trained with": kind.cines and self.loss is None,
            "trains on cines, of which none are made up; name a split": kind.cines and self.phantom is not None,
        }
        _check(self.name, problems)

    def what_decides_the_weights(self) -> dict[str, Any]:
        """All values but those that are only told to readers; two runs are the same if these are."""
        return {key: value for key, value in asdict(self).items() if key != "card"}


def in_fold(configuration: TrainingConfiguration, fold: int) -> TrainingConfiguration:
    """The configuration for a fold, counted from 1, of the cross-validation that ships, with a name of its own.

    Raises UnusableInput for a configuration that trains on made-up hearts.
    """
    if configuration.phantom is not None:
        raise UnusableInput(f"{configuration.name} trains on made-up hearts, which have no folds; leave out the fold.")
    return replace(configuration, name=f"{configuration.name}-fold{fold}", split=CROSS_VALIDATION, fold=fold)


@dataclass(frozen=True)
class PromptedConfiguration:
    """A training of the promptable network as data.

    encoder: id of the automatic model whose features are used. encoder_share: at which part of the learning rate that
    model's network learns along; 0: it stays as it is. slices: per step; structures: asked for in each.
    finishing_steps: follow on `steps`, at a rate falling from `finishing_rate`; nearly all contours are the expert's.
    """

    name: str
    encoder: str
    split: str
    grid_mm: float = 1.4
    size_px: int = 128
    slices: int = 6
    structures: int = 2
    steps: int = 1400
    finishing_steps: int = 400
    finishing_rate: float = 3e-4
    learning_rate: float = 1e-3
    encoder_share: float = 0.0
    weight_decay: float = 1e-2
    warm_up_steps: int = 100
    gradient_clip: float = 1.0
    ema_decay: float = 0.998
    seed: int = 0
    prompts: PromptOptions = field(default_factory=PromptOptions)
    augmentation: AugmentationOptions = field(default_factory=AugmentationOptions)
    card: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = {
            **_problems_of_any(self),
            "needs 1 or more as slices, structures and steps": min(self.slices, self.structures, self.steps) < 1,
            "needs 0 or more as warm_up_steps and finishing_steps": min(self.warm_up_steps, self.finishing_steps) < 0,
            "needs an encoder_share of 0 or more": self.encoder_share < 0,
        }
        _check(self.name, problems)

    def what_decides_the_weights(self) -> dict[str, Any]:
        """All values but those that are only told to readers."""
        return {key: value for key, value in asdict(self).items() if key != "card"}


def _smallest_px(network: NetworkChoice) -> int:
    """What the side of an image must be a multiple of."""
    return int(2 ** (len(network.options.widths) - 1)) if isinstance(network.options, WidthOptions) else 1


def _problems_of_any(configuration: TrainingConfiguration | PromptedConfiguration) -> dict[str, bool]:
    """What may be wrong with any configuration, and whether it is."""
    size_px = configuration.size_px
    return {
        "has a name that no model can have; use up to 64 of lower-case letters, digits, '.', '_' and '-'": (
            not is_model_name(configuration.name)
        ),
        f"needs a card that is a table of texts, with no other keys than {', '.join(CARD_KEYS)}": (
            not isinstance(configuration.card, Mapping)
            or not set(configuration.card) <= set(CARD_KEYS)
            or not all(isinstance(value, str) for value in configuration.card.values())
        ),
        "needs a size_px that is a multiple of 16": size_px < 16 or size_px % 16 != 0,
        "needs a seed from 0 to 2147483647": not 0 <= configuration.seed < 2**31,
        "needs a grid_mm above 0": configuration.grid_mm <= 0,
    }


def _check(name: str, problems: Mapping[str, bool]) -> None:
    """Raises UnusableInput with the first problem that is there."""
    for problem, is_there in problems.items():
        if is_there:
            raise UnusableInput(f"The configuration {name} {problem}.")


def configuration_names() -> tuple[str, ...]:
    """The configurations that ship."""
    return tuple(sorted(path.stem for path in (resources_dir() / "Configs").glob("*.toml")))


def configuration_path(name: str) -> Path:
    """The file of a configuration that ships, by its name, or a TOML file by its path.

    Raises UnusableInput, naming those that ship, if there is none.
    """
    path = Path(name) if name.endswith(".toml") else resources_dir() / "Configs" / f"{name}.toml"
    if not path.is_file():
        raise UnusableInput(
            f"There is no configuration {name}; choose one of {', '.join(configuration_names())}, or give a TOML file."
        )
    return path


def split_named(name: str, beside: Path, fold: int | None = None) -> Split:
    """The split that a configuration names: a file beside that of the configuration, or else one that ships."""
    local = beside / name
    return read_split(local if local.is_file() else resources_dir() / "splits" / name, fold)


_TABLES = {
    "phantom": PhantomHearts,
    "optimizer": OptimizerOptions,
    "loss": LossOptions,
    "augmentation": AugmentationOptions,
    "stacks": StackOptions,
    "cines": CineOptions,
    "prompts": PromptOptions,
}


def read_configuration(path: Path) -> TrainingConfiguration | PromptedConfiguration:
    """The configuration in a TOML file: with `encoder` beside its name it is one of a promptable network.

    Raises UnusableInput, naming the keys, if one is unknown or missing.
    """
    content = read_toml(path)
    if isinstance(name := content.get("augmentation"), str):
        if name not in AUGMENTATIONS:
            raise UnusableInput(
                f"{path.name} names an augmentation {name!r}; choose one of: {', '.join(AUGMENTATIONS)}."
            )
        content["augmentation"] = vars(AUGMENTATIONS[name])
    for key in sorted(content.keys() & _TABLES.keys()):
        content[key] = options_from(_TABLES[key], content[key], f"[{key}] of {path.name}")
    if "encoder" in content:
        return options_from(PromptedConfiguration, content, path.name)
    if "network" in content:
        content["network"] = _network(content["network"], path.name)
    return options_from(TrainingConfiguration, content, path.name)


def _network(table: Any, source: str) -> NetworkChoice:
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise UnusableInput(f"[network] of {source} must be a table with a kind.")
    own = {entry.name for entry in fields(NetworkChoice)} - {"options"}
    options = network_options(table["kind"], {key: value for key, value in table.items() if key not in own})
    chosen = {key: value for key, value in table.items() if key in own}
    return options_from(NetworkChoice, {**chosen, "options": options}, f"[network] of {source}")
