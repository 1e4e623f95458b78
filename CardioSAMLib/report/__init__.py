"""What leaves (floor 2): tables, pictures, the HTML report, label files.

Functions of this room turn a `Study` into text or bytes; `write_outputs` and `write_files` are the only ones that
touch the disk.
"""

from CardioSAMLib.report.atomic import check_writable, write_files
from CardioSAMLib.report.contours import contours_png
from CardioSAMLib.report.curves import curves_csv, curves_png
from CardioSAMLib.report.html_report import report_html
from CardioSAMLib.report.measurements import measurements_csv, measurements_json
from CardioSAMLib.report.outputs import OUTPUTS, Output, write_outputs
from CardioSAMLib.report.segmentation_file import segmentation_image, segmentation_nifti
from CardioSAMLib.report.study import Study
from CardioSAMLib.report.table import Comparison, comparison_table, measurement_table

__all__ = [
    "OUTPUTS",
    "Comparison",
    "Output",
    "Study",
    "check_writable",
    "comparison_table",
    "contours_png",
    "curves_csv",
    "curves_png",
    "measurement_table",
    "measurements_csv",
    "measurements_json",
    "report_html",
    "segmentation_image",
    "segmentation_nifti",
    "write_files",
    "write_outputs",
]
