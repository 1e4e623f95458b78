"""What leaves (floor 2): tables, pictures, the HTML report, label files.

Functions of this room turn a `Study` into text or bytes; `write_outputs` is the only one that
writes files.
"""

from CardioSAMLib.report.contours import contours_png
from CardioSAMLib.report.curves import curves_csv, curves_png
from CardioSAMLib.report.html_report import report_html
from CardioSAMLib.report.measurements import measurements_csv, measurements_json
from CardioSAMLib.report.outputs import OUTPUTS, Output, write_outputs
from CardioSAMLib.report.segmentation_file import segmentation_nifti
from CardioSAMLib.report.study import Study
from CardioSAMLib.report.table import Comparison, comparison_table, measurement_table, models_table

__all__ = [
    "OUTPUTS",
    "Comparison",
    "Output",
    "Study",
    "comparison_table",
    "contours_png",
    "curves_csv",
    "curves_png",
    "measurement_table",
    "measurements_csv",
    "measurements_json",
    "models_table",
    "report_html",
    "segmentation_nifti",
    "write_outputs",
]
