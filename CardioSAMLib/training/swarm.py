"""A particle swarm that is asked for points and told how good they were (Kennedy and Eberhart 1995).

It maximizes. Inertia and accelerations are those of the constriction factor (Clerc and Kennedy 2002), the neighborhood
is the whole swarm (global best). A generation moves when all its particles are known, so that their order is of no
matter. All is computed in the unit cube, which the space maps to values. What a swarm was told is its checkpoint: a new
one of the same seed that is told the same asks for the same next point (`training.search` keeps a log for this).
"""

from __future__ import annotations

import math

import numpy as np

from CardioSAMLib.cine import UnusableInput
from CardioSAMLib.training.search_space import SearchSpace, Values

LARGEST_STEP = 0.5
"""Share of a parameter's range that a particle moves by at most. Above 1 one reflection would not bring it back."""


INERTIA, PULL = 0.729, 1.494
"""How much of its velocity a particle keeps, and how much it is drawn both to its own best point and to that of all."""


class Swarm:
    """`ask` for a point, measure it, `tell` how good it was, and so on.

    positions, velocities, best_positions: float `(particles, parameters)`, in the unit cube. best_objectives: float
    `(particles,)`, -inf where nothing usable was found yet.
    """

    def __init__(self, space: SearchSpace, seed: int, particles: int = 12) -> None:
        if particles < 1:
            raise UnusableInput("A swarm needs one or more particles.")
        self.space, self.seed = space, seed
        random = np.random.default_rng((seed, 0))
        shape = (particles, len(space))
        self.positions = random.random(shape)
        # Half the way to another random point (Clerc 2006): uniform velocities would send most to the walls at once.
        self.velocities = (random.random(shape) - self.positions) / 2.0
        self.best_positions = self.positions.copy()
        self.best_objectives = np.full(particles, -math.inf)
        self.generation = 0
        self._told: list[float] = []

    def ask(self) -> dict[str, float]:
        """The point to measure next: the same one until it is told of."""
        return self.space.values_at(self.positions[len(self._told)])

    def tell(self, values: Values, objective: float) -> None:
        """How good the point was that was asked for; a number that is not finite counts as worse than all others.

        Raises UnusableInput where it is another point.
        """
        if dict(values) != self.ask():
            raise UnusableInput("The swarm was told of a point it has not asked for; tell of the one it asks for.")
        self._told.append(objective if math.isfinite(objective) else -math.inf)
        if len(self._told) == len(self.positions):
            self._remember()
            self._move()
            self._told = []

    def _remember(self) -> None:
        told = np.asarray(self._told)
        better = told > self.best_objectives
        self.best_positions[better] = self.positions[better]
        self.best_objectives[better] = told[better]

    def _move(self) -> None:
        """The next generation. Its random numbers depend on seed and generation alone, so that no state is kept."""
        self.generation += 1
        random = np.random.default_rng((self.seed, self.generation))
        own, common = random.random((2, *self.positions.shape))
        leader = self.best_positions[int(self.best_objectives.argmax())]
        velocities = (
            INERTIA * self.velocities
            + PULL * own * (self.best_positions - self.positions)
            + PULL * common * (leader - self.positions)
        )
        self.velocities = np.clip(velocities, -LARGEST_STEP, LARGEST_STEP)
        self.positions = self.positions + self.velocities
        for wall, beyond in ((0.0, self.positions < 0.0), (1.0, self.positions > 1.0)):
            self.positions[beyond] = 2.0 * wall - self.positions[beyond]
            self.velocities[beyond] *= -1.0
