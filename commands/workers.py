"""The options of every command whose work is dealt into shards."""

from typing import Annotated

import typer

Workers = Annotated[int, typer.Option(min=1, help="processes, or workers of a local Dask cluster")]
Dask = Annotated[str, typer.Option(help="address of a Dask scheduler, tcp://HOST:8786, or local")]
