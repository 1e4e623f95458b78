"""Where a training computes: in this process alone, or in several on GPUs or machines that share the work."""

from __future__ import annotations

import os
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.extras import install_hint
from CardioSAMLib.training.sampling import ALONE, Part


class Processes(Protocol):
    """part: which of the processes this is. device: on which it computes."""

    @property
    def part(self) -> Part: ...

    @property
    def device(self) -> torch.device: ...

    def sharing(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients are from now on the mean over all processes."""
        ...

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, the same for each of them."""
        ...

    def share_statistics(self, module: nn.Module, /) -> None:
        """Gives the buffers of a module, such as the statistics of normalizations, the first process's values."""
        ...

    def wait(self) -> None:
        """Returns when all processes have come here."""
        ...


class OneProcess:
    """The `Processes` of a command that is started as any other."""

    part = ALONE

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def sharing(self, module: nn.Module) -> nn.Module:
        return module

    def sum(self, values: Tensor) -> Tensor:
        return values

    def share_statistics(self, _module: nn.Module, /) -> None:
        return

    def wait(self) -> None:
        return


class LaunchedProcesses:
    """The `Processes` of a command that `accelerate launch` has started several times."""

    def __init__(self, device: str | None = None) -> None:
        try:
            from accelerate import Accelerator
        except ImportError as error:
            raise UnusableInput(
                f"accelerate is not installed; install what training needs with: {install_hint('train')}."
            ) from error
        # Its own half precision would take in the losses, which `training_precision` keeps out.
        self._accelerator: Any = Accelerator(cpu=device == "cpu", mixed_precision="no")
        self.device: torch.device = self._accelerator.device
        self.part = Part(self._accelerator.process_index, self._accelerator.num_processes)

    def sharing(self, module: nn.Module) -> nn.Module:
        shared: nn.Module = self._accelerator.prepare_model(module)
        return shared

    def sum(self, values: Tensor) -> Tensor:
        total: Tensor = self._accelerator.reduce(values.to(self.device), "sum").cpu()
        return total

    def share_statistics(self, module: nn.Module, /) -> None:
        from accelerate.utils import broadcast

        for buffer in module.buffers():
            buffer.copy_(broadcast(buffer.clone(), from_process=0))

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()


def started_processes(device: str) -> Processes:
    """Those that this command was started in. device: "cuda", "mps" or "cpu"."""
    return LaunchedProcesses(device) if _launched() else OneProcess(device)


def check_alone() -> None:
    """Raises UnusableInput where a command was started several times that does not share its work."""
    if _launched():
        raise UnusableInput("This computes in one process only; start it as any other command, not with accelerate.")


def _launched() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
