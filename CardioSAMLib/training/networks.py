"""The networks that can be trained, by the name of their kind: a registry, as configurations and tables walk it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.dataset import CLASSES
from CardioSAMLib.training.tables import options_from


@dataclass(frozen=True)
class NoOptions:
    """Of networks that are what their publication says."""


@dataclass(frozen=True)
class WidthOptions:
    """widths: channels per level, finest first."""

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.widths) < 1:
            raise UnusableInput("A network needs widths of 1 or more.")


@dataclass(frozen=True)
class LoraOptions:
    """rank, alpha: of the update added to queries and values of every block (Hu 2021): alpha / rank times B A."""

    rank: int = 16
    alpha: float = 16.0

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha <= 0:
            raise UnusableInput("LoRA needs a rank of 1 or more, and an alpha above 0.")


@dataclass(frozen=True)
class PrefixOptions:
    """tokens: learned keys and values that every block of the encoder attends to besides the image's."""

    tokens: int = 10

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise UnusableInput("Prompt tuning needs one token or more.")


@dataclass(frozen=True)
class NetworkKind:
    """title: for readers. options: gives the dataclass of what can be chosen. build: from these options and an encoder.

    encoder: "none", "frozen" (its features can be kept), or "adapted" (it computes in every step). stacks: the batch
    must hold whole stacks. cines: it is one slice in all frames of a cine. least_batch: slices that a process
    must see at once, as layers normalize over them.
    """

    title: str
    options: Callable[[], type[Any]]
    build: Callable[[Any, Any], nn.Module]
    encoder: Literal["none", "frozen", "adapted"] = "none"
    stacks: bool = False
    cines: bool = False
    least_batch: int = 1


def network_kind(kind: str) -> NetworkKind:
    """Raises UnusableInput, naming the kinds, if there is none of that name."""
    if kind not in KINDS:
        raise UnusableInput(f"There is no network {kind!r}; choose one of: {', '.join(KINDS)}.")
    return KINDS[kind]


def network_options(kind: str, table: Mapping[str, Any]) -> Any:
    """The options of a kind from a table. Raises UnusableInput, naming the keys, if one is unknown or missing."""
    return options_from(network_kind(kind).options(), table, f"The network {kind}")


def build_network(kind: str, options: Any, encoder: nn.Module | None = None) -> nn.Module:
    """A network with fresh weights from torch's current random state; `encoder` keeps those it has.

    Raises UnusableInput if the kind needs an encoder and there is none.
    """
    entry = network_kind(kind)
    if entry.encoder != "none" and encoder is None:
        raise UnusableInput(f"The network {kind} needs an encoder; name one in the configuration, or a checkpoint.")
    return entry.build(options, encoder)


def features_used(options: Any, encoder: Any) -> int:
    """How many of an encoder's features, from the embedding on, a network on it with these options looks at."""
    return len(encoder.channels) if getattr(options, "early", False) else 1


def architecture_of(kind: str, options: Any, encoder: str = "") -> str:
    """One line for the catalogue."""
    values = "-".join(map(str, options.widths)) if isinstance(options, WidthOptions) else ""
    return " ".join(part for part in (network_kind(kind).title, values, f"on {encoder}" if encoder else "") if part)


def _unet25d(options: WidthOptions, _encoder: None) -> nn.Module:
    from CardioSAMLib.networks.unet import UNet25D

    return UNet25D(options.widths, CLASSES)


def _stack_unet(options: WidthOptions, _encoder: None) -> nn.Module:
    from CardioSAMLib.networks.small_encoder import HEADS
    from CardioSAMLib.networks.stack_unet import StackUNet

    if options.widths[-1] % HEADS:
        raise UnusableInput(f"The deepest width of a stack-unet must be a multiple of {HEADS}; change the last one.")
    return StackUNet(options.widths, CLASSES)


def _decoder_options() -> type[Any]:
    from CardioSAMLib.networks.cardiosam_decoder import DecoderOptions

    return DecoderOptions


def _cardiosam(options: Any, encoder: Any) -> nn.Module:
    from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder
    from CardioSAMLib.networks.frozen import FrozenEncoderNetwork

    return FrozenEncoderNetwork(encoder, CardioSAMDecoder(encoder.channels, options, CLASSES))


def _cardiosam_temporal(options: Any, encoder: Any) -> nn.Module:
    from CardioSAMLib.networks.cardiosam_decoder import CardioSAMDecoder
    from CardioSAMLib.networks.frozen import FrozenEncoderNetwork
    from CardioSAMLib.networks.temporal import CycleDecoder

    decoder = CardioSAMDecoder(encoder.channels, options, CLASSES)
    return FrozenEncoderNetwork(encoder, CycleDecoder(encoder.channels[0], decoder))


def _linear(_options: NoOptions, encoder: Any) -> nn.Module:
    from CardioSAMLib.networks.frozen import FrozenEncoderNetwork
    from CardioSAMLib.networks.linear_head import LinearHead

    return FrozenEncoderNetwork(encoder, LinearHead(encoder.channels, CLASSES))


def _lora(options: LoraOptions, encoder: Any) -> nn.Module:
    from CardioSAMLib.networks.sam_adapters import add_lora

    add_lora(_sam(encoder), options.rank, options.alpha)
    return _adapted(encoder)


def _prompt_tuning(options: PrefixOptions, encoder: Any) -> nn.Module:
    from CardioSAMLib.networks.sam_adapters import add_prefix_tokens

    add_prefix_tokens(_sam(encoder), options.tokens)
    return _adapted(encoder)


def _adapted(encoder: Any) -> nn.Module:
    """The plainest decoder on an encoder in which something learns."""
    from CardioSAMLib.networks.cardiosam_decoder import ABLATION_ROWS, CardioSAMDecoder
    from CardioSAMLib.networks.frozen import EncoderNetwork

    return EncoderNetwork(encoder, CardioSAMDecoder(encoder.channels, ABLATION_ROWS["R0"], CLASSES))


def _sam(encoder: nn.Module) -> Any:
    from CardioSAMLib.networks.sam_encoder import SamEncoder

    if not isinstance(encoder, SamEncoder):
        raise UnusableInput("This network adapts a SAM encoder; give a SAM or MedSAM file as the checkpoint.")
    return encoder


def _baseline(name: str) -> Callable[[NoOptions, None], nn.Module]:
    def build(_options: NoOptions, _encoder: None) -> nn.Module:
        from CardioSAMLib.networks import baselines

        network: nn.Module = getattr(baselines, name)()
        return network

    return build


KINDS: Mapping[str, NetworkKind] = {
    "unet25d": NetworkKind("UNet25D", lambda: WidthOptions, _unet25d),
    "stack-unet": NetworkKind("StackUNet", lambda: WidthOptions, _stack_unet, stacks=True),
    "cardiosam": NetworkKind("CardioSAM decoder", _decoder_options, _cardiosam, "frozen"),
    "cardiosam-temporal": NetworkKind(
        "CardioSAM decoder with temporal module", _decoder_options, _cardiosam_temporal, "frozen", cines=True
    ),
    "linear": NetworkKind("Linear head", lambda: NoOptions, _linear, "frozen"),
    "sam-lora": NetworkKind("SAM with LoRA", lambda: LoraOptions, _lora, "adapted"),
    "sam-prompt-tuning": NetworkKind("SAM with prompt tuning", lambda: PrefixOptions, _prompt_tuning, "adapted"),
    "unet31": NetworkKind("U-Net (31 M)", lambda: NoOptions, _baseline("unet31")),
    "deeplabv3plus": NetworkKind("DeepLabV3+", lambda: NoOptions, _baseline("deeplabv3plus"), least_batch=2),
    "deeplabv3-r50": NetworkKind("DeepLabV3 ResNet-50", lambda: NoOptions, _baseline("deeplabv3_r50"), least_batch=2),
    "transunet": NetworkKind("TransUNet", lambda: NoOptions, _baseline("transunet")),
}
