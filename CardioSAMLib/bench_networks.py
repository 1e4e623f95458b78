"""Timings of networks on the CPU (floor 4): milliseconds per slice, memory and size, all in one run, with ratios."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.peak_memory import highest_rss_mb
from CardioSAMLib.progress import Progress, part_of, silent

if TYPE_CHECKING:
    from torch import Tensor, nn

_ROUNDS = 5
_ROUNDS_OF_SLOW = (0, 2, 4)
_SLOW_S = 5.0
_STACK = 10


@dataclass(frozen=True)
class TimedNetwork:
    """A network under test. make: gives it, its weights do not matter; another process must be able to import it.

    size_px: rows and columns of its images. slices: how many it is given at once, as a rule a stack.
    """

    name: str
    make: Callable[[], nn.Module]
    size_px: int
    slices: int = _STACK


@dataclass(frozen=True)
class NetworkTiming:
    """Of one network in evaluation mode; see `TimedNetwork`.

    ms_per_slice: median over `rounds` of a forward pass divided by its slices; encoder_ms and decoder_ms: its parts,
    None of a network that has no such parts. ratio_to_vit_b_1024: the time of SAM's ViT-B encoder at 1024 pixels
    divided by this one's, so 50 means 50 times as fast. peak_rss_mb: highest memory of a process that makes this
    network alone and runs it once; None where the system does not tell.
    """

    parameters: int
    size_px: int
    slices: int
    rounds: int
    ms_per_slice: float
    encoder_ms: float | None
    decoder_ms: float | None
    ratio_to_vit_b_1024: float
    peak_rss_mb: float | None


@dataclass(frozen=True)
class NetworkTimings:
    """networks: by name, the yardstick among them. threads: of torch."""

    networks: dict[str, NetworkTiming]
    threads: int
    machine: str


def vit_b_1024() -> nn.Module:
    """SAM's largest input on its smallest encoder, which the others are compared with."""
    from CardioSAMLib.networks.sam import sam_image_encoder
    from CardioSAMLib.networks.sam_architectures import ARCHITECTURES

    return sam_image_encoder(next(one for one in ARCHITECTURES if one.id == "vit_b"), 1024)


VIT_B_1024 = TimedNetwork("sam-vit_b-1024, encoder", vit_b_1024, 1024, slices=1)


def measure_networks(
    networks: Sequence[TimedNetwork], progress: Progress = silent, yardstick: TimedNetwork = VIT_B_1024
) -> NetworkTimings:
    """Times networks and the yardstick on random images. They take turns, so that a busy machine slows all alike.

    A first pass of each is left out. What takes more than 5 s for a pass has 3 rounds instead of 5.
    Raises UnusableInput where a process that measures memory is ended by the system.
    """
    chosen = (*networks, yardstick)
    peaks = {}
    # Before anything large is loaded here: twice the largest may not fit into the memory.
    for number, one in enumerate(chosen):
        progress(0.3 * number / len(chosen), f"{one.name}: memory")
        peaks[one.name] = _peak_alone_mb(one)
    made = {one.name: one.make().eval() for one in chosen}
    seconds = _taken_in_turns(chosen, made, part_of(progress, 0.3, 1.0))
    own_s = {one.name: statistics.median(map(sum, seconds[one.name])) / one.slices for one in chosen}
    timings = {
        one.name: NetworkTiming(
            sum(parameter.numel() for parameter in made[one.name].parameters()),
            one.size_px,
            one.slices,
            len(seconds[one.name]),
            1000.0 * own_s[one.name],
            *_parts_ms(seconds[one.name], one.slices),
            own_s[yardstick.name] / own_s[one.name],
            peaks[one.name],
        )
        for one in chosen
    }
    return NetworkTimings(timings, _threads(), platform.machine())


def as_json(timings: NetworkTimings) -> str:
    """The timings by the names of their fields."""
    return json.dumps(asdict(timings), indent=1) + "\n"


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _taken_in_turns(
    chosen: Sequence[TimedNetwork], made: dict[str, nn.Module], progress: Progress
) -> dict[str, list[tuple[float, ...]]]:
    slow = set()
    for number, one in enumerate(chosen):
        progress(0.2 * number / len(chosen), f"{one.name}: warming up")
        if sum(_pass_s(made[one.name], one)) > _SLOW_S:
            slow.add(one.name)
    seconds: dict[str, list[tuple[float, ...]]] = {one.name: [] for one in chosen}
    for number in range(_ROUNDS):
        progress(0.2 + 0.8 * number / _ROUNDS, f"round {number + 1} of {_ROUNDS}")
        for one in chosen:
            if one.name not in slow or number in _ROUNDS_OF_SLOW:
                seconds[one.name].append(_pass_s(made[one.name], one))
    return seconds


def _pass_s(network: nn.Module, one: TimedNetwork) -> tuple[float, ...]:
    """Seconds of a forward pass: of encoder and decoder where the network has these, else of all of it."""
    import torch

    from CardioSAMLib.networks.frozen import EncoderNetwork

    images: Tensor = torch.randn(one.slices, 3, one.size_px, one.size_px)
    with torch.inference_mode():
        start = time.perf_counter()
        if not isinstance(network, EncoderNetwork):
            network(images)
            return (time.perf_counter() - start,)
        features = network.features(images)
        between = time.perf_counter()
        network.decoder(features, (one.size_px, one.size_px))
        return between - start, time.perf_counter() - between


def _parts_ms(seconds: list[tuple[float, ...]], slices: int) -> tuple[float | None, float | None]:
    if len(seconds[0]) == 1:
        return None, None
    encoder, decoder = (1000.0 * statistics.median(part) / slices for part in zip(*seconds, strict=True))
    return encoder, decoder


def _peak_alone_mb(one: TimedNetwork) -> float | None:
    """In a process of its own: what a process has taken at most does not go down again."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_peak_after_a_pass, one).result()
    except BrokenProcessPool as error:
        raise UnusableInput(
            f"The process that measures the memory of {one.name} was ended; there may be too little of it. Leave the "
            "network out."
        ) from error


def _peak_after_a_pass(one: TimedNetwork) -> float | None:
    _pass_s(one.make().eval(), one)
    return highest_rss_mb()
