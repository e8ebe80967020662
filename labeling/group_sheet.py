"""One page to look at: pairs that are uncertain side by side, then every group. Opens without a network."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dentline import images
from dentline.files import write_text
from dentline.progress import Progress, silent
from labeling.groups import Member
from labeling.verdicts import Verdict

_PAIR_PX, _GROUP_PX = 360, 110
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } code { background: #f1f1f1; padding: 1px 4px }
.pair { border: 1px solid #ccc; border-radius: 8px; padding: .8rem; margin: 1rem 0 }
.pair figure { display: inline-block; margin: 0 1rem 0 0 } figcaption { font-size: .8rem; color: #555 }
.joined { border-left: 6px solid #2c7fb8 } .apart { border-left: 6px solid #d95f02 }
.way { font-weight: 600 } .group { margin: .7rem 0; border-top: 1px solid #ddd; padding-top: .4rem }
.group figure { display: inline-block; margin: 0 .4rem .4rem 0; vertical-align: top }
.group figcaption { max-width: 110px; overflow-wrap: anywhere; font-size: .65rem } small { color: #555 }
"""


def write(
    path: Path,
    photos: Mapping[str, Path],
    members: Iterable[Member],
    verdicts: Iterable[Verdict],
    project: str,
    progress: Progress = silent,
) -> None:
    """Write the page to `path`. `project` is the folder as the user would type it in a command.

    Raises:
        ImageError: a photo cannot be read.
    """
    groups: dict[str, list[Member]] = {}
    for m in members:
        groups.setdefault(m.group, []).append(m)
    group_of = {m.photo_id: m.group for g in groups.values() for m in g}
    part_of = {m.photo_id: m.part for g in groups.values() for m in g}
    doubtful = [v for v in verdicts if v.photo_a in group_of and v.photo_b in group_of and _in_question(v, part_of)]
    together = {name: g for name, g in groups.items() if len(g) > 1}
    shown = {p for v in doubtful for p in (v.photo_a, v.photo_b)} | {m.photo_id for g in together.values() for m in g}
    small: dict[str, str] = {}
    large: dict[str, str] = {}
    in_pairs = {p for v in doubtful for p in (v.photo_a, v.photo_b)}
    for done, photo_id in enumerate(sorted(shown), 1):
        photo = images.read(photos[photo_id])
        small[photo_id] = _thumbnail(photo, _GROUP_PX, photo_id)
        if photo_id in in_pairs:
            large[photo_id] = _thumbnail(photo, _PAIR_PX, photo_id)
        progress("drawing the sheet", done, len(shown))
    pairs = "\n".join(_pair(v, large, group_of, part_of, project) for v in doubtful)
    rows = "\n".join(_group(name, g, small) for name, g in sorted(together.items()))
    write_text(
        path,
        f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Groups of {escape(project)}</title><style>{_STYLE}</style>
<h1>Which photos show the same part</h1>
<p>{len(group_of)} photos, {len(groups)} groups, {len(together)} of them with more than one photo.
Photos of one group always go to the same side of the split. When all is as it should be:
<code>dentline groups {escape(project)} --confirm</code></p>
<h2>{len(doubtful)} uncertain pairs</h2>
{pairs or "<p>None: every pair was clear.</p>"}
<h2>{len(together)} groups of more than one photo</h2>
{rows or "<p>None: every photo stands alone.</p>"}
</html>
""",
    )


def _in_question(v: Verdict, part_of: Mapping[str, str]) -> bool:
    two_parts = part_of[v.photo_a] != part_of[v.photo_b] and bool(part_of[v.photo_a]) and bool(part_of[v.photo_b])
    return v.certainty == "uncertain" or (v.certainty == "sure" and two_parts)


def _pair(
    v: Verdict, pictures: Mapping[str, str], group_of: Mapping[str, str], part_of: Mapping[str, str], project: str
) -> str:
    one = group_of[v.photo_a] == group_of[v.photo_b]
    outcome = f"in one group, {group_of[v.photo_a]}" if one else "in two groups"
    parts = ""
    if part_of[v.photo_a] != part_of[v.photo_b]:
        parts = f" Declared as {part_of[v.photo_a] or 'nothing'} and {part_of[v.photo_b] or 'nothing'}."
    verb = "apart" if one else "join"
    return f"""<div class="pair {"joined" if one else "apart"}">
<figure>{pictures[v.photo_a]}<figcaption>{escape(v.photo_a)}</figcaption></figure>
<figure>{pictures[v.photo_b]}<figcaption>{escape(v.photo_b)}</figcaption></figure>
<p><span class="way">{v.way}</span>, now {escape(outcome)}.{escape(parts)} {escape(v.reason)}.<br>
<small>evidence {v.evidence:.1f}, correlation {v.correlation:.2f}, overlap {v.overlap:.2f}</small><br>
If that is wrong: <code>dentline groups {escape(project)} --{verb} {escape(v.photo_a)} {escape(v.photo_b)}</code></p>
</div>"""


def _group(name: str, members: list[Member], pictures: Mapping[str, str]) -> str:
    parts = sorted({m.part for m in members if m.part})
    said = f", declared {', '.join(parts)}" if parts else ""
    figures = "".join(
        f"<figure>{pictures[m.photo_id]}<figcaption>{escape(m.photo_id)}</figcaption></figure>" for m in members
    )
    return f"""<div class="group"><b>{escape(name)}</b>
<small>{len(members)} photos, {members[0].origin}{escape(said)}</small><br>{figures}</div>"""


def _thumbnail(photo: NDArray[np.uint8], side_px: int, alt: str) -> str:
    shrink = min(1.0, side_px / max(photo.shape[:2]))
    small = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}" alt="{escape(alt)}">'
