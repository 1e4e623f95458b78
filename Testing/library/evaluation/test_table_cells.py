"""Claims about the numbers in summary tables: their digits follow from their units."""

import re

from CardioSAMLib.evaluation.protocols.tables import overall_table, structures_table
from CardioSAMLib.evaluation.result import SummaryTable
from CardioSAMLib.evaluation.table_cells import row_texts

DIGITS = {"": 3, "mm": 2, "mL": 1}


def test_a_heading_that_ends_with_a_unit_decides_for_its_column():
    table = SummaryTable("t", "T", ("group", "HD95 (mm)", "error (points)"), (("DCM", 4.5678, -1.26), ("HCM", None, 2)))
    assert row_texts(table) == [("DCM", "4.57", "−1.3"), ("HCM", "–", "2")]


def test_a_column_of_units_decides_where_headings_do_not():
    table = SummaryTable("t", "T", ("metric", "unit", "mean"), (("Dice", "", 0.9123), ("HD95", "mm", 4.5678)))
    assert row_texts(table) == [("Dice", "", "0.912"), ("HD95", "mm", "4.57")]


def test_numbers_of_no_known_unit_have_three_figures():
    columns = ("measurement", "bias", "ICC(2,1)", "upper limit", "caveat")
    table = SummaryTable("t", "T", columns, (("EF", 4.5678, 0.98765, 128.76, None), ("EDV", -12.345, 1.0, 0.0, "few")))
    assert row_texts(table) == [("EF", "4.57", "0.988", "129", "–"), ("EDV", "−12.3", "1.000", "0.000", "few")]


def test_the_tables_of_every_evaluation_have_the_digits_of_the_metric_of_the_row(make_result):
    for make_table in (overall_table, structures_table):
        table = make_table(make_result(5).scored)
        places = [table.columns.index(name) for name in ("mean", "SD", "median", "mean without both empty")]
        for row in row_texts(table):
            unit = row[table.columns.index("unit")]
            for place in places:
                assert re.fullmatch(rf"−?\d+\.\d{{{DIGITS[unit]}}}", row[place]), row
