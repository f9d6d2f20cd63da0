"""The report: a fit or a run as one self-contained HTML page, and the numbers behind it as plain data."""

from rankfall.report.contents import Summary
from rankfall.report.page import render, short_html, write_report
from rankfall.report.quality import errors_in_spreads
from rankfall.report.summary import summarize
from rankfall.report.words import in_words

__all__ = ["Summary", "errors_in_spreads", "in_words", "render", "short_html", "summarize", "write_report"]
