"""The temporal module of the CardioSAM paper (Jain 2026): frames of a cine that know of the whole cardiac cycle.

A cine is a circle: after its last frame comes its first, and which frame is the first is the scanner's choice.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from CardioSAMLib.networks.outputs import Outputs

_HIDDEN = 128


class TemporalFeatures(nn.Module):
    """What the frames' embeddings gain by the frames around them: neighbors, then memory in both directions.

    forward: float `(batch, frames, width, rows, columns)`, one whole cycle, to the same shape. The last layer starts at
    zero: a new module returns what it is given.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.neighbors = nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0), padding_mode="circular", groups=width)
        self.onward = CircularConvGRU(width, _HIDDEN)
        self.backward_in_time = CircularConvGRU(width, _HIDDEN)
        self.joined = nn.Conv2d(2 * _HIDDEN, width, 1)
        nn.init.zeros_(self.joined.weight)
        nn.init.zeros_(self.joined.bias)  # type: ignore[arg-type]

    def forward(self, embeddings: Tensor) -> Tensor:
        seen = self.neighbors(embeddings.transpose(1, 2)).transpose(1, 2)
        memory = torch.cat([self.onward(seen), self.backward_in_time(seen.flip(1)).flip(1)], dim=2)
        changed: Tensor = embeddings + self.joined(memory.flatten(0, 1)).reshape(embeddings.shape)
        return changed


class CircularConvGRU(nn.Module):
    """A gated recurrent unit of 3x3 convolutions (Ballas 2016, gates as in cuDNN) that runs round a closed cycle.

    forward: float `(batch, frames, inputs, rows, columns)` to its states `(batch, frames, hidden, rows, columns)`.

    It runs round twice and only the second round is kept, so that every state has a whole cycle behind it. The first
    round has no gradient. Where the cycle is cut matters only by what the unit remembers for longer than a cycle.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.given = nn.Conv2d(inputs, 3 * hidden, 3, padding=1)
        self.remembered = nn.Conv2d(hidden, 3 * hidden, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        batch, count = maps.shape[:2]
        given = self.given(maps.flatten(0, 1))
        frames = given.reshape(batch, count, *given.shape[1:]).unbind(dim=1)
        state = torch.zeros_like(frames[0][:, : self.hidden])
        with torch.no_grad():
            for frame in frames:
                state = self._next(frame, state)
        states = []
        for frame in frames:
            state = self._next(frame, state)
            states.append(state)
        return torch.stack(states, dim=1)

    def _next(self, given: Tensor, state: Tensor) -> Tensor:
        reset, keep, new = given.chunk(3, dim=1)
        reset_by_state, keep_by_state, new_by_state = self.remembered(state).chunk(3, dim=1)
        kept = torch.sigmoid(keep + keep_by_state)
        candidate = torch.tanh(new + torch.sigmoid(reset + reset_by_state) * new_by_state)
        return kept * state + (1.0 - kept) * candidate


class TemporalDecoder(nn.Module):
    """A decoder of single images behind the temporal module.

    forward: the features of an encoder, each `(batch, frames, channels, ...)`, and the size (rows, columns) of the
    images, to what the decoder returns for a batch of all frames, those of a cine in a row.
    """

    def __init__(self, temporal: TemporalFeatures, decoder: nn.Module) -> None:
        super().__init__()
        self.temporal = temporal
        self.decoder = decoder

    def forward(self, features: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor | Outputs:
        return self.decoded((self.temporal(features[0]), *features[1:]), size)

    def decoded(self, features: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor | Outputs:
        """The second half of `forward`, for features whose embedding has been through `temporal`, or some frames of it.

        A loss looks at these embeddings too, and need not pay for decoding every frame.
        """
        answer: Tensor | Outputs = self.decoder(tuple(level.flatten(0, 1) for level in features), size)
        return answer


class CyclePredictors(nn.Module):
    """Two predictors of two 3x3 convolutions each: of the next frame's embedding, and from there back.

    forward: embeddings `(batch, frames, width, rows, columns)` to themselves predicted there and back, same shape.
    They serve the cycle loss in training, and nothing afterwards.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ahead = _predictor(width)
        self.back = _predictor(width)

    def forward(self, embeddings: Tensor) -> Tensor:
        there_and_back: Tensor = self.back(self.ahead(embeddings.flatten(0, 1))).reshape(embeddings.shape)
        return there_and_back


class CycleDecoder(TemporalDecoder):
    """A `TemporalDecoder` in the place of a decoder of single images: the batch axis is one whole cycle, in order.

    width: of the embedding. predictors: of the cycle loss; they serve training alone.
    forward: the features of an encoder, each `(frames, channels, rows, columns)`, and the size of the images, to what
    the decoder returns for all frames.
    """

    def __init__(self, width: int, decoder: nn.Module) -> None:
        super().__init__(TemporalFeatures(width), decoder)
        self.predictors = CyclePredictors(width)

    def forward(self, features: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor | Outputs:
        return super().forward(tuple(level[None] for level in features), size)


def _predictor(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
    )
