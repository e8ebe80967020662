"""The column dictionary as Markdown, from the star itself."""

from dashboards.tables import TABLES, WIDE


def dictionary() -> str:
    """Return the column dictionary as Markdown: the text of docs/dashboard-columns.md."""
    lines = [
        "# The columns of the dashboard",
        "",
        "Written by `python -m dashboards.dictionary` from `dashboards/tables.py`; a test holds it against the files.",
        "",
        "Files are UTF-8 with a byte order mark, comma separated, with dot decimals and one header line. An empty",
        "field is null. Columns ending in `_utc` are UTC, `YYYY-MM-DDTHH:MM:SS` without an offset; `date_key` and",
        "`time_key` are the day and the minute at the station, by the recipe's `time_zone`. Facts lie in monthly",
        "files, by the month in UTC: `fact_score/fact_score_2026-11.csv`; every key resolves. Text that a spreadsheet",
        "would run as a formula has an apostrophe before it.",
    ]
    for table in (*TABLES, WIDE):
        filed = f" Filed by the month of `{table.month}`." if table.month else ""
        lines += ["", f"## {table.name}", "", f"{table.meaning}{filed} Unique: {', '.join(table.key)}.", ""]
        lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            refers = f" → `{column.refers}`" if column.refers else ""
            null = "yes" if column.optional else "no"
            lines.append(f"| `{column.name}` | {column.kind} | {null} | {column.meaning}{refers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(dictionary(), end="")
