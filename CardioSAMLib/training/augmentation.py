"""Random views of a slice: where the crop lies and how it is turned, then how bright and how noisy it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.dataset import Volume
from CardioSAMLib.training.tables import check_ranges


@dataclass(frozen=True)
class AugmentationOptions:
    """Ranges of the random views. Shares are probabilities per sample.

    shift_mm: crop center around the heart's, uniform. anywhere_share: crops from anywhere in the field of view, so
    that the network learns what is not a heart. rotation_degrees: uniform to both sides, after a random number of
    quarter turns and with every second sample mirrored where `quarter_turns` and `mirror`. scale: uniform from 1 -
    scale to 1 + scale, besides that of log_scale (both axes together) and log_aspect (each axis), standard deviations
    as shear is. elastic_share: of the samples that are bent, by a displacement of standard deviation elastic_px at
    control points elastic_spacing_px apart, cubic between them. rician_share: of the samples with a scanner's noise,
    of a standard deviation up to `rician`, a share of the image's range.
    """

    shift_mm: float = 30.0
    anywhere_share: float = 0.08
    rotation_degrees: float = 45.0
    quarter_turns: bool = True
    mirror: bool = True
    scale: float = 0.0
    log_scale: float = 0.16
    log_aspect: float = 0.05
    shear: float = 0.06
    elastic_share: float = 0.0
    elastic_px: float = 4.0
    elastic_spacing_px: int = 32
    lone_slice_share: float = 0.15
    gamma_log: float = 0.35
    brightness: float = 0.2
    contrast_log: float = 0.2
    noise: float = 0.1
    rician_share: float = 0.0
    rician: float = 0.15
    bias_field: float = 0.35
    blur_share: float = 0.15

    def __post_init__(self) -> None:
        if self.elastic_spacing_px < 1:
            raise UnusableInput("The control points of bent views lie a pixel or more apart.")
        check_ranges(self, "The views")

    @property
    def transposes(self) -> bool:
        """Whether transposed views are as frequent as upright ones."""
        return self.quarter_turns and self.mirror


AUGMENTATIONS: Mapping[str, AugmentationOptions] = {
    "jain": AugmentationOptions(
        rotation_degrees=15.0,
        quarter_turns=False,
        mirror=False,
        scale=0.1,
        log_scale=0.0,
        log_aspect=0.0,
        shear=0.0,
        elastic_share=0.5,
        gamma_log=0.0,
        brightness=0.0,
        contrast_log=0.0,
        noise=0.0,
        bias_field=0.0,
        blur_share=0.0,
    ),
}
"""Those that configurations name. "jain": turned, scaled and bent, with the look that they have (Jain 2026)."""


def random_crop(
    volume: Volume, slice_number: int, size_px: int, grid_mm: float, options: AugmentationOptions, seed: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """A crop randomly placed, turned and scaled: images `(3, size, size)`, class shares `(classes, size, size)`."""
    random = np.random.default_rng(seed)
    slices, rows, columns = volume.images.shape
    center = random_center(volume.center_px, (rows, columns), grid_mm, options, random)
    neighbors = random_neighbors(slice_number, slices, options.lone_slice_share, random)
    grid = sampling_grid(center, (rows, columns), size_px, options, random)
    images = torch.from_numpy(volume.images[neighbors].astype(np.float32))[None]
    shares = torch.from_numpy(volume.targets[slice_number].astype(np.float32) / 255.0)[None]
    image = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)[0]
    share = functional.grid_sample(shares, grid, mode="bilinear", padding_mode="border", align_corners=True)[0]
    return image, share


def random_center(
    heart_px: tuple[float, float],
    shape: tuple[int, int],
    grid_mm: float,
    options: AugmentationOptions,
    random: np.random.Generator,
) -> np.ndarray:
    """Center of a crop as (row, column): near that of the heart, now and then anywhere in the field of view."""
    center = np.asarray(heart_px) + random.uniform(-1, 1, 2) * options.shift_mm / grid_mm
    return random.random(2) * shape if random.random() < options.anywhere_share else center


def random_neighbors(number: int, slices: int, lone_share: float, random: np.random.Generator) -> list[int]:
    """Slice numbers of the three channels: in either order (stacks run both ways), now and then without a neighbor."""
    below, above = max(number - 1, 0), min(number + 1, slices - 1)
    below = number if random.random() < lone_share else below
    above = number if random.random() < lone_share else above
    return [below, number, above] if random.random() < 0.5 else [above, number, below]


def sampling_grid(
    center: np.ndarray, shape: tuple[int, int], size_px: int, options: AugmentationOptions, random: np.random.Generator
) -> Tensor:
    """Where each pixel of the crop is taken from, `(1, size, size, 2)` as `grid_sample` wants it."""
    # Turns and mirror are drawn even where they are not used, so that these options change nothing else.
    angle_degrees = random.uniform(-1, 1) * options.rotation_degrees
    quarter_turn = 90.0 * int(random.integers(4))
    logarithm = random.normal(0, options.log_scale, 2).mean() + random.normal(0, options.log_aspect, 2)
    shear = np.array([[1.0, random.normal(0, options.shear)], [0.0, 1.0]])
    mirror = np.diag([1.0 if random.random() < 0.5 or not options.mirror else -1.0, 1.0])
    angle = np.deg2rad(angle_degrees + quarter_turn if options.quarter_turns else angle_degrees)
    scale = np.exp(np.clip(logarithm, -0.4, 0.4))
    if options.scale:
        scale = scale * (1.0 + random.uniform(-1, 1) * options.scale)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ shear @ np.diag(scale) @ mirror
    offsets = np.arange(size_px) - (size_px - 1) / 2.0
    places = np.stack(np.meshgrid(offsets, offsets, indexing="ij"), axis=-1)
    if options.elastic_share and random.random() < options.elastic_share:
        places = places + _bend(size_px, options, random)
    points = places @ matrix.T + center
    # grid_sample wants (column, row) in -1..1.
    unit = 2.0 * points / (np.asarray(shape) - 1.0) - 1.0
    return torch.from_numpy(unit[..., ::-1].astype(np.float32).copy())[None]


def _bend(size_px: int, options: AugmentationOptions, random: np.random.Generator) -> np.ndarray:
    """Displacement of each pixel of a crop, `(size, size, 2)` in pixels."""
    spacing = options.elastic_spacing_px
    points = -(-size_px // spacing) + 1
    side = (points - 1) * spacing + 1
    control = torch.from_numpy(random.normal(0.0, options.elastic_px, (1, 2, points, points)))
    field = functional.interpolate(control, (side, side), mode="bicubic", align_corners=True)[0]
    return np.asarray(field[:, :size_px, :size_px].permute(1, 2, 0).numpy())


def random_look(images: Tensor, options: AugmentationOptions, generator: torch.Generator) -> Tensor:
    """Normalized images `(batch, 3, size, size)` with another gamma, bias field, contrast, blur and noise."""
    batch = images.shape[0]

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    unit = (images - low) / (high - low + 1e-6)
    unit = unit ** torch.exp(options.gamma_log * normal(batch, 1, 1, 1))
    field = functional.interpolate(normal(batch, 1, 4, 4), images.shape[-2:], mode="bicubic", align_corners=True)
    unit = unit * torch.exp(options.bias_field * 0.5 * field)
    if options.rician_share:
        noisy = torch.rand((batch, 1, 1, 1), generator=generator) < options.rician_share
        strength = noisy * options.rician * torch.rand((batch, 1, 1, 1), generator=generator)
        # The magnitude of a signal with noise in both channels of the receiver (Gudbjartsson 1995).
        unit = torch.hypot(unit + strength * normal(*unit.shape), strength * normal(*unit.shape))
    images = renormalize(unit)
    blurred = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    chosen = torch.rand((batch, 1, 1, 1), generator=generator) < options.blur_share
    images = torch.where(chosen, blurred, images)
    strength = options.noise * torch.rand((batch, 1, 1, 1), generator=generator)
    images = images + strength * torch.randn(images.shape, generator=generator)
    contrast = torch.exp(options.contrast_log * normal(batch, 1, 1, 1))
    return images * contrast + options.brightness * normal(batch, 1, 1, 1)


def renormalize(images: Tensor) -> Tensor:
    """`crops.normalize` in torch: each image clipped at its percentiles, mean 0, variance 1."""
    flat = images.flatten(-2)
    low, high = torch.quantile(flat, torch.tensor([0.01, 0.99]), dim=-1)[..., None, None]
    clipped = torch.minimum(torch.maximum(images, low), high)
    mean = clipped.mean((-2, -1), keepdim=True)
    return (clipped - mean) / (clipped.std((-2, -1), keepdim=True, unbiased=False) + 1e-6)
