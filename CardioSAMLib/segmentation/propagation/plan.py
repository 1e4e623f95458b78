"""What is drawn from what: from the drawn slices outward along the stack, then each slice around the cycle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from CardioSAMLib.segmentation.propagation.propagator import SliceKey

NO_STARTS: Mapping[SliceKey, int] = MappingProxyType({})


@dataclass(frozen=True)
class SliceStep:
    """A slice that is drawn from its neighbor in the same frame."""

    source: SliceKey
    target: SliceKey


@dataclass(frozen=True)
class Course:
    """A slice that is drawn in the target frames from the same slice in the frames `drawn`; both in rising order."""

    slice_number: int
    drawn: tuple[int, ...]
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they can be made, then courses, which do not depend on each other."""

    steps: tuple[SliceStep, ...]
    courses: tuple[Course, ...]

    def parents(self, frames: int, targets: Collection[SliceKey]) -> dict[SliceKey, tuple[SliceKey, ...]]:
        """What each target is drawn from. Steps through slices that are no targets are followed back to their start."""
        stepped = {step.target: step.source for step in self.steps}

        def visible(key: SliceKey) -> SliceKey:
            while key in stepped and key not in targets:
                key = stepped[key]
            return key

        parents: dict[SliceKey, tuple[SliceKey, ...]]
        parents = {target: (visible(source),) for target, source in stepped.items() if target in targets}
        for course in self.courses:
            for frame in course.targets:
                ends = between(frame, course.drawn, frames)
                keys = tuple(dict.fromkeys(visible((end, course.slice_number)) for end in ends))
                parents[frame, course.slice_number] = keys
        return parents


def plan_of(
    contoured: Collection[SliceKey],
    empty: Collection[SliceKey],
    targets: Collection[SliceKey],
    starts: Mapping[SliceKey, int] = NO_STARTS,
) -> Plan:
    """How the targets are reached.

    contoured: slices that stand as they are drawn, in the order in which they are preferred where two are equally near.
    empty: slices that stand and hold nothing; what lies behind them along the stack stays empty. targets: none of both.
    starts: of targets that are to be drawn along the stack, the number of the slice of their frame that stands, and
    from which they are.

    A slice number without contours in any frame is first drawn in each frame in which the nearest slice number has
    some (only in those that are targets, if that is enough), from neighbor to neighbor; and then, as all the others, in
    the other frames. Slices that are passed on the way are drawn, too, whether or not they are targets.
    """
    steps: dict[SliceKey, SliceKey] = {}
    courses = []
    for number in sorted({number for _, number in targets}):
        wanted = {frame for frame, at in targets if at == number}
        begun = {frame: starts[frame, number] for frame in sorted(wanted) if (frame, number) in starts}
        roots = [frame for frame, at in contoured if at == number]
        if not roots and wanted - set(begun):
            near = contoured or empty
            start = nearest((at for _, at in near), number)
            there = [frame for frame, at in near if at == start]
            if wanted <= set(there):
                there = [frame for frame in there if frame in wanted]
            begun = {**dict.fromkeys(there, start), **begun}
        for frame, start in begun.items():
            steps.update(_way(frame, start, number, empty))
        drawn = {*roots, *begun, *(frame for frame, at in empty if at == number)}
        if wanted - drawn:
            courses.append(Course(number, tuple(sorted(drawn)), tuple(sorted(wanted - drawn))))
    return Plan(tuple(SliceStep(source, target) for target, source in steps.items()), tuple(courses))


def nearest(slices: Iterable[int], number: int) -> int:
    """Of these slice numbers the one nearest to another; of two equally near the first."""
    return min(slices, key=lambda at: abs(at - number))


def between(frame: int, drawn: Collection[int], frames: int) -> tuple[int, int]:
    """The drawn frames that come next before and after a frame that is not drawn, around a cycle of `frames`."""
    before = min(drawn, key=lambda other: (frame - other) % frames)
    after = min(drawn, key=lambda other: (other - frame) % frames)
    return before, after


def descendants(
    parents: Mapping[SliceKey, tuple[SliceKey, ...]], ancestors: Collection[SliceKey]
) -> frozenset[SliceKey]:
    """All that was drawn from the ancestors, directly or through other slices."""
    children: dict[SliceKey, list[SliceKey]] = {}
    for child, keys in parents.items():
        for key in keys:
            children.setdefault(key, []).append(child)
    found: set[SliceKey] = set()
    waiting = list(ancestors)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def _way(frame: int, start: int, end: int, empty: Collection[SliceKey]) -> Iterator[tuple[SliceKey, SliceKey]]:
    """(target, source) for each slice from start to end; slices that stand as empty are not drawn but passed on."""
    step = 1 if end > start else -1
    for number in range(start + step, end + step, step):
        if (frame, number) not in empty:
            yield (frame, number), (frame, number - step)
