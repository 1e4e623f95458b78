"""On what a torch model computes: chosen, named to the user, and left for the CPU when its memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from CardioSAMLib.cine import UnusableInput

Notify = Callable[[str], None]
"""Called with a sentence for the user."""

Result = TypeVar("Result")

_OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """kind: torch's name of it. title: for the user. precision: in which encoders compute on it."""

    kind: Literal["cuda", "mps", "cpu"]
    title: str
    precision: Literal["float32", "bfloat16"] = "float32"


class Movable(Protocol):
    """What of a torch module is needed here."""

    def to(self, device: str) -> Any:
        """Moves the weights."""
        ...


def log_warning(message: str) -> None:
    """The default `Notify`."""
    _log.warning("%s", message)


def available_devices() -> tuple[Device, ...]:
    """The devices of this computer, the fastest first; the CPU is always among them."""
    import torch

    devices = []
    if torch.cuda.is_available():
        # Cards before Ampere emulate bfloat16, slower than float32.
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        title = f"{torch.cuda.get_device_name()} (CUDA)"
        devices.append(Device("cuda", title, "bfloat16" if native else "float32"))
    if torch.backends.mps.is_available():
        devices.append(Device("mps", "Apple GPU (MPS)"))
    return (*devices, Device("cpu", f"CPU ({torch.get_num_threads()} threads)"))


def choose_device(kind: str | None = None) -> Device:
    """The device of a kind ("cuda", "mps", "cpu"); None takes the fastest. Raises UnusableInput if it is not there."""
    devices = available_devices()
    for device in devices:
        if kind in (None, device.kind):
            return device
    known = ", ".join(device.kind for device in devices)
    raise UnusableInput(f"There is no device {kind!r} on this computer that torch can use; choose one of: {known}.")


class Placement:
    """Keeps a module on a device. Where the memory of that runs out, it goes on on the CPU and says so."""

    def __init__(self, module: Movable, device: Device, notify: Notify = log_warning) -> None:
        self._module = module
        self._notify = notify
        self.device = device
        self.run(lambda: module.to(self.device.kind))

    def run(self, step: Callable[[], Result]) -> Result:
        """The result of a step that puts its tensors on `device`. It is run again, on the CPU, where memory ran out.

        Raises UnusableInput if the computer's own memory is not enough.
        """
        try:
            return step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.device.kind == "cpu":
                raise UnusableInput(
                    "The memory of this computer is not enough for the model; choose a smaller input size or a "
                    "smaller model, or close other programs."
                ) from error
        # Outside of the except clause: the traceback holds the tensors that filled the memory.
        self._leave_for_cpu()
        return self.run(step)

    def encoder_precision(self) -> AbstractContextManager[Any]:
        """A context in which torch computes in the precision of the device."""
        import torch

        if self.device.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.kind, dtype=torch.bfloat16)

    def _leave_for_cpu(self) -> None:
        full = self.device
        self.device = next(device for device in available_devices() if device.kind == "cpu")
        self._module.to(self.device.kind)
        if full.kind == "cuda":
            import torch

            torch.cuda.empty_cache()
        self._notify(
            f"The memory of {full.title} is not enough for the model; the work goes on on {self.device.title}, slower. "
            "A smaller input size may fit."
        )


@contextmanager
def enough_memory(advice: str) -> Iterator[None]:
    """Raises UnusableInput with that advice where the memory of the device runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UnusableInput(advice) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch has a type of its own for it on CUDA only."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _OUT_OF_MEMORY_WORDS)
