"""Claims about `bench_networks`: what is timed, the ratios, and the memory of each network alone."""

import json
import time
from functools import partial

import pytest
import torch
from torch import nn

from CardioSAMLib import bench_networks
from CardioSAMLib.bench_networks import TimedNetwork, as_json, measure_networks
from CardioSAMLib.networks.frozen import EncoderNetwork


class Sleeper(nn.Module):
    """Takes a given time for a pass, the first time much longer. seen: the shapes of what it was given."""

    def __init__(self, seconds):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5, 2))
        self.seconds, self.seen = seconds, []

    def forward(self, images):
        assert not self.training
        time.sleep(self.seconds if self.seen else 0.3)
        self.seen.append(tuple(images.shape))
        return images


class SleepingDecoder(nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def forward(self, features, size):
        assert tuple(features.shape[-2:]) == size
        time.sleep(self.seconds)
        return features


YARDSTICK = TimedNetwork("yardstick", lambda: Sleeper(0.04), 32, slices=1)


@pytest.fixture
def without_processes(monkeypatch):
    monkeypatch.setattr(bench_networks, "_peak_alone_mb", lambda _one: 12.5)


@pytest.mark.usefixtures("without_processes")
def test_times_are_per_slice_without_the_first_pass_and_ratios_to_the_yardstick():
    sleeper = Sleeper(0.02)
    timings = measure_networks([TimedNetwork("quick", lambda: sleeper, 16, slices=4)], yardstick=YARDSTICK)
    quick, yardstick = timings.networks["quick"], timings.networks["yardstick"]
    assert 5.0 <= quick.ms_per_slice < 70.0  # 300 / 4 is the first pass
    assert 40.0 <= yardstick.ms_per_slice < 280.0
    assert quick.ratio_to_vit_b_1024 == pytest.approx(yardstick.ms_per_slice / quick.ms_per_slice)
    assert yardstick.ratio_to_vit_b_1024 == 1.0
    assert sleeper.seen == [(4, 3, 16, 16)] * (quick.rounds + 1)
    assert (quick.parameters, quick.peak_rss_mb) == (10, 12.5)
    assert (quick.encoder_ms, quick.decoder_ms) == (None, None)


@pytest.mark.usefixtures("without_processes")
def test_of_an_encoder_with_a_decoder_both_are_timed():
    network = TimedNetwork("two parts", lambda: EncoderNetwork(Sleeper(0.01), SleepingDecoder(0.03)), 16, slices=2)
    timing = measure_networks([network], yardstick=YARDSTICK).networks["two parts"]
    assert timing.encoder_ms >= 5.0
    assert timing.decoder_ms >= 15.0
    assert timing.ms_per_slice == pytest.approx(timing.encoder_ms + timing.decoder_ms, rel=0.5)


@pytest.mark.usefixtures("without_processes")
def test_a_slow_network_has_fewer_rounds(monkeypatch):
    monkeypatch.setattr(bench_networks, "_SLOW_S", 0.1)  # of the first pass, which takes 0.3 s
    timing = measure_networks([TimedNetwork("slow", lambda: Sleeper(0.0), 16)], yardstick=YARDSTICK).networks["slow"]
    assert timing.rounds == 3


def test_memory_is_that_of_a_process_which_runs_the_network_alone():
    makes = (nn.Identity, partial(nn.Upsample, scale_factor=400))
    small, large = (bench_networks._peak_alone_mb(TimedNetwork("one", make, 16, slices=1)) for make in makes)
    answer_mb = 3 * (16 * 400) ** 2 * 4 / 2**20
    assert 0.9 * answer_mb < large - small < 1.3 * answer_mb


@pytest.mark.usefixtures("without_processes")
def test_the_figures_are_written_by_name():
    figures = json.loads(as_json(measure_networks([], yardstick=YARDSTICK)))
    assert list(figures["networks"]) == ["yardstick"]
    assert figures["threads"] == torch.get_num_threads()
