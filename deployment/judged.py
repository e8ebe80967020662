"""What scores.db knows of judgements: the answers that wait for one, and what was said of the others."""

import json
import sqlite3
from typing import Any


def to_judge(connection: sqlite3.Connection, sample_bound: str, most: int) -> list[dict[str, Any]]:
    """Return the newest answers that nobody judged: flagged ones, and those of the drawn sample.

    Args:
        sample_bound: what the random part of a sampled answer's id sorts before.
    """
    columns = "score_id, scored_at, model_id, photo_sha256, photo_id, part_id, station, width_px, height_px, p, verdict"
    found = connection.execute(
        f"SELECT {columns} FROM score s WHERE (verdict <> 'ok' OR substr(score_id, 13, 4) < ?) "
        "AND NOT EXISTS (SELECT 1 FROM feedback f WHERE f.score_id = s.score_id) ORDER BY seq DESC LIMIT ?",
        (sample_bound, most),
    ).fetchall()
    places = "SELECT x, y, p FROM defect WHERE score_id = ? ORDER BY number"
    return [
        dict(zip(columns.split(", "), row, strict=True))
        | {"defects": [{"x": x, "y": y, "p": p} for x, y, p in connection.execute(places, (row[0],))]}
        for row in found
    ]


def judgements(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Return the last judgement of each judged answer with what the answer was, in the order they were given."""
    columns = (
        "f.feedback_id, f.given_at, f.truth, f.operator, f.marks, s.score_id, s.photo_sha256, s.photo_id, s.part_id"
    )
    names = [name.split(".")[1] for name in columns.split(", ")]
    found = connection.execute(
        f"SELECT {columns}, s.verdict, s.model_id FROM feedback f JOIN score s USING (score_id) "
        "WHERE f.seq = (SELECT max(seq) FROM feedback l WHERE l.score_id = f.score_id) ORDER BY f.seq"
    ).fetchall()
    rows = [dict(zip([*names, "verdict", "model_id"], row, strict=True)) for row in found]
    places = "SELECT x, y FROM defect WHERE score_id = ? ORDER BY number"
    for row in rows:
        row["marks"] = [tuple(mark) for mark in json.loads(row["marks"])]
        row["called"] = connection.execute(places, (row["score_id"],)).fetchall()
    return rows
