/** Lists of dent centres, each `{x, y}` in photo pixels: comparing, finding, merging. Pure. */

/** A click is kept to a hundredth of a pixel: finer than any screen shows. */
export const rounded = ({ x, y }) => ({ x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100 });

/** The nearest place that lies on the photo, which covers [0, width) x [0, height). */
export const onPhoto = ({ x, y }, { width, height }) =>
  rounded({ x: Math.min(Math.max(x, 0), width - 0.01), y: Math.min(Math.max(y, 0), height - 0.01) });

export const equal = (a, b) => a.x === b.x && a.y === b.y;

export const sameList = (a, b) => a.length === b.length && a.every((center, i) => equal(center, b[i]));

/** Whether two versions say the same about a photo. */
export const sameVersion = (a, b) => a.status === b.status && sameList(a.centers, b.centers);

/** `list` without the centres of `gone`, each taken out once. */
export function minus(list, gone) {
  const left = [...list];
  for (const center of gone) {
    const at = left.findIndex((other) => equal(other, center));
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

/** The list with each place once: a dent has one centre. */
export function once(list) {
  const places = new Map(list.map((center) => [`${center.x} ${center.y}`, center]).reverse());
  return places.size === list.length ? list : list.filter((center) => places.get(`${center.x} ${center.y}`) === center);
}

/** Index of the centre nearest to `point` and within `reach` pixels, or -1. */
export function nearest(list, point, reach) {
  let best = -1;
  let least = reach * reach;
  list.forEach((center, i) => {
    const distance = (center.x - point.x) ** 2 + (center.y - point.y) ** 2;
    if (distance <= least) [best, least] = [i, distance];
  });
  return best;
}

/** What a status has to be, given the centres: only `marked` has any. */
export const statusFor = (centers, wanted) =>
  centers.length ? "marked" : wanted === "marked" ? "new" : wanted;

/**
 * The change `base` -> `mine` made to `theirs`: what a person added is added, what they took out is
 * taken out. With `theirs` equal to `base` this is exactly `mine`. Undo is the same thing backwards.
 *
 * @param {{centers, status}} base the version both began from
 * @returns {{centers, status}}
 */
export function merge(base, mine, theirs) {
  if (sameVersion(base, theirs)) return { centers: mine.centers, status: mine.status };
  const added = minus(mine.centers, base.centers);
  const gone = minus(base.centers, mine.centers);
  const kept = minus(theirs.centers, gone);
  const centers = [...kept, ...minus(added, kept)];
  return { centers, status: statusFor(centers, mine.status === base.status ? theirs.status : mine.status) };
}
