"""Claims about `device`: the choice is named, and memory that runs out moves the work to the CPU, with a message."""

import pytest
import torch

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.segmentation.device import Device, Placement, available_devices, choose_device, is_out_of_memory

SMALL_CARD = Device("cuda", "Small card (CUDA)", "bfloat16")
CPU = Device("cpu", "CPU")


class Module:
    """Remembers where it was put; a full device refuses it."""

    def __init__(self, full=()):
        self.places = []
        self._full = full

    def to(self, device):
        self.places.append(device)
        if device in self._full:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def placement_on_the_card(module, messages):
    return Placement(module, SMALL_CARD, messages.append)


def test_the_cpu_is_always_there_and_last():
    assert available_devices()[-1].kind == "cpu"
    assert choose_device() == available_devices()[0]
    assert choose_device("cpu").title.startswith("CPU")


def test_a_device_that_is_not_there_is_refused_by_naming_those_that_are():
    with pytest.raises(UnusableInput, match=r"no device 'abacus'.*choose one of: .*cpu"):
        choose_device("abacus")


def test_a_step_that_fills_the_card_is_done_on_the_cpu_and_the_user_is_told():
    module, messages, seen = Module(), [], []
    placement = placement_on_the_card(module, messages)

    def step():
        seen.append(placement.device.kind)
        if placement.device.kind == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return 7

    assert placement.run(step) == 7
    assert seen == ["cuda", "cpu"]
    assert module.places == ["cuda", "cpu"]
    assert placement.device.precision == "float32"
    (message,) = messages
    assert "Small card (CUDA)" in message
    assert "CPU" in message


def test_weights_that_do_not_fit_on_the_card_go_to_the_cpu():
    module, messages = Module(full=("cuda",)), []
    assert placement_on_the_card(module, messages).device.kind == "cpu"
    assert (module.places[0], module.places[-1]) == ("cuda", "cpu")
    assert len(messages) == 1


def test_the_work_stays_on_the_cpu_afterward():
    messages = []
    placement = placement_on_the_card(Module(full=("cuda",)), messages)
    assert placement.run(lambda: placement.device.kind) == "cpu"
    assert len(messages) == 1


def test_a_computer_without_enough_memory_says_what_to_do():
    def step():
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(UnusableInput, match="smaller input size"):
        Placement(Module(), CPU, print).run(step)


def test_other_errors_are_not_taken_for_full_memory():
    messages = []
    placement = placement_on_the_card(Module(), messages)

    def step():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        placement.run(step)
    assert placement.device is SMALL_CARD
    assert messages == []


@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("MPS backend out of memory (...)")],
)
def test_full_memory_is_known_by_what_each_backend_raises(error):
    assert is_out_of_memory(error)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_bfloat16_is_used_in_the_encoder_of_a_card_that_has_it_and_nowhere_else():
    card = placement_on_the_card(Module(), []).encoder_precision()
    assert isinstance(card, torch.autocast)
    assert (card.device, card.fast_dtype) == ("cuda", torch.bfloat16)
    with Placement(Module(), CPU, print).encoder_precision():
        assert not torch.is_autocast_enabled("cpu")
