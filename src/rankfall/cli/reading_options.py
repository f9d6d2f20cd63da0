"""The options that say how a file is read, each written once for all commands that read one."""

from typing import Annotated

import typer

TripletColumns = Annotated[
    str | None, typer.Option(help="INPUT lists entries: names or positions of its columns row,col,value.")
]
Duplicates = Annotated[str, typer.Option(help="Entries listed twice: error, mean or last.")]
Labels = Annotated[
    str | None, typer.Option(help="Columns that are not data, as id,city or 1,3; text columns are detected.")
]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the first row contains names; detected by default."),
]
Unknown = Annotated[str | None, typer.Option(help='Codes that mark unknown entries, as in --unknown="-,?,-999".')]
Marks = Annotated[str | None, typer.Option(help="Words behind numbers that are read past, as e,p of 12.3 e.")]
Below = Annotated[str | None, typer.Option(help="Value of a cell such as <0.5: half (the limit), limit or unknown.")]
Separator = Annotated[str | None, typer.Option(help="Separator of cells, or 'tab'; detected by default.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal sign, . or , ; detected by default.")]
Thousands = Annotated[
    str | None,
    typer.Option(help="Separator of thousands: comma, point, space, apostrophe or none; detected by default."),
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the text, as cp1252; detected by default.")]
Comment = Annotated[str | None, typer.Option(help="Sign at the start of comment lines, '' for none.")]
LeaveOut = Annotated[
    str | None, typer.Option(help="More rows to leave out, as 2,22, counted from 1; 'none' keeps units and totals.")
]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a spreadsheet, by name or position.")]
Categories = Annotated[
    str | None,
    typer.Option(help="Columns of words to fill too, as sex,city; or 'auto': those of few different words."),
]
