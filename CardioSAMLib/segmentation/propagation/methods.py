"""The ways to propagate that can be chosen by name, and which one is usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.segmentation.locate import HeartBox
from CardioSAMLib.segmentation.promptable import Prompter
from CardioSAMLib.segmentation.propagation.prompted import CorrectedFrames, PromptedFrames, PromptedSlices
from CardioSAMLib.segmentation.propagation.propagator import FramePropagator, Propagator
from CardioSAMLib.segmentation.propagation.registered import RegisteredFrames


@dataclass(frozen=True)
class PropagationMethod:
    """A way around the cycle; along the stack all of them prompt. title: for tables and menus."""

    id: str
    title: str
    frames_of: Callable[[Prompter, HeartBox | None], FramePropagator]


PROPAGATION_METHODS: Mapping[str, PropagationMethod] = MappingProxyType(
    {
        method.id: method
        for method in (
            PropagationMethod(
                "registration-prompts",
                "registration, then prompts",
                lambda prompter, region: CorrectedFrames(RegisteredFrames(), prompter, region),
            ),
            PropagationMethod("registration", "registration", lambda _prompter, _region: RegisteredFrames()),
            PropagationMethod("prompts", "prompts, frame by frame", PromptedFrames),
        )
    }
)

DEFAULT_METHOD_ID = "registration-prompts"
"""Chosen by what docs/propagation.md shows."""


def propagator_of(prompter: Prompter, region: HeartBox | None = None, method_id: str = DEFAULT_METHOD_ID) -> Propagator:
    """The propagator of that name. region: what the prompter looks at; the same as for the clicks on the study.

    Raises UnusableInput, naming those that exist, if there is none of that name.
    """
    method = PROPAGATION_METHODS.get(method_id)
    if method is None:
        known = ", ".join(PROPAGATION_METHODS)
        raise UnusableInput(f"There is no way to propagate named {method_id!r}; choose one of: {known}.")
    return Propagator(PromptedSlices(prompter, region), method.frames_of(prompter, region))
