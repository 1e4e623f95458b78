"""What a quality rule is, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from CardioSAMLib.cine import Cine, QualityNote, Severity
from CardioSAMLib.labels import CineSegmentation


class MeasuredVentricle(Protocol):
    """The measurements of a ventricle that the rules read; None where they could not be computed."""

    @property
    def edv_ml(self) -> float | None: ...
    @property
    def esv_ml(self) -> float | None: ...
    @property
    def sv_ml(self) -> float | None: ...
    @property
    def ef_percent(self) -> float | None: ...
    @property
    def mass_ed_g(self) -> float | None: ...
    @property
    def mass_es_g(self) -> float | None: ...


class MeasuredCurves(Protocol):
    """One value per segmented frame, as in `function.VolumeCurves`."""

    @property
    def frames(self) -> tuple[int, ...]: ...
    @property
    def lv_ml(self) -> tuple[float, ...]: ...
    @property
    def lv_smooth_ml(self) -> tuple[float, ...] | None: ...


class Measured(Protocol):
    """What the rules need of a `CardiacFunction`; rooms of floor 2 do not import each other."""

    @property
    def ed_frame(self) -> int: ...
    @property
    def es_frame(self) -> int | None: ...
    @property
    def lv(self) -> MeasuredVentricle: ...
    @property
    def rv(self) -> MeasuredVentricle: ...
    @property
    def curves(self) -> MeasuredCurves: ...
    @property
    def notes(self) -> tuple[QualityNote, ...]: ...


@dataclass(frozen=True)
class Case:
    """A segmented and measured cine."""

    cine: Cine
    segmentation: CineSegmentation
    function: Measured

    @property
    def key_frames(self) -> tuple[int, ...]:
        """End-diastole, then end-systole where there is one: the frames whose contours become numbers."""
        ed, es = self.function.ed_frame, self.function.es_frame
        return (ed,) if es is None else (ed, es)


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken, in a sentence that says what to look at."""

    message: str
    frame: int | None = None
    slice: int | None = None


Limits = Mapping[str, float]
Search = Callable[[Case, Limits], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule by its code. find: yields its findings under the limits, whose names carry their units."""

    code: str
    severity: Severity
    find: Search
    limits: Limits = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", MappingProxyType(dict(self.limits)))

    def notes(self, case: Case) -> tuple[QualityNote, ...]:
        return tuple(
            QualityNote(self.code, self.severity, finding.message, finding.frame, finding.slice)
            for finding in self.find(case, self.limits)
        )
