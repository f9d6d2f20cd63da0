from .contents import Summary as Summary
from .page import render as render, short_html as short_html, write_report as write_report
from .quality import errors_in_spreads as errors_in_spreads
from .summary import summarize as summarize
from .words import in_words as in_words
