"""What looks wrong (floor 2): notes a reader of the numbers should see."""

from CardioSAMLib.quality.check import QualityReport, check
from CardioSAMLib.quality.registry import RULES
from CardioSAMLib.quality.rules import Measured, Rule

__all__ = ["RULES", "Measured", "QualityReport", "Rule", "check"]
