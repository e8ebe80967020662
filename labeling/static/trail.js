/**
 * The trail of what a person did, for undo and redo. Pure.
 *
 * A step `{saveId, photoId, out, in, from, to, undone}` is one change of one photo: the centres taken out and put in,
 * each `[index, x, y]` by rising index, and the status before and after.
 */

import { equal, statusFor } from "./centers.js";

const place = ([, x, y]) => ({ x, y });

/** Centres of `list` that `others` lacks, each once, with their index, which begins at `first`. */
function alone(list, others, first) {
  const left = [...others];
  return list.flatMap((center, index) => {
    const at = left.findIndex((other) => equal(other, center));
    if (at < 0) return [[first + index, center.x, center.y]];
    left.splice(at, 1);
    return [];
  });
}

/** What was changed between two versions `{centers, status}` of a photo. */
export function change(before, after) {
  const [a, b] = [before.centers, after.centers];
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && equal(a[head], b[head])) head++;
  let tail = 0;
  while (tail < most - head && equal(a.at(-1 - tail), b.at(-1 - tail))) tail++;
  const [gone, come] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  return { out: alone(gone, come, head), in: alone(come, gone, head), from: before.status, to: after.status };
}

export const reversed = (step) => ({ ...step, out: step.in, in: step.out, from: step.to, to: step.from });

/**
 * A step done to a photo as it is now, whoever else touched it since: what the step took out is taken out, what it
 * put in is put in where it was. Done to the version it began from, this is exactly the version it made.
 */
export function done(step, { centers, status }) {
  const left = step.out.toReversed().reduce((list, one) => {
    const is = (center) => Boolean(center) && equal(center, place(one));
    const at = is(list[one[0]]) ? one[0] : list.findIndex(is);
    return at < 0 ? list : list.toSpliced(at, 1);
  }, centers);
  const after = step.in.reduce((list, one) => {
    const known = list.some((center) => equal(center, place(one)));
    return known ? list : list.toSpliced(Math.min(one[0], list.length), 0, place(one));
  }, left);
  return { centers: after, status: statusFor(after, step.from === step.to ? status : step.to) };
}

/**
 * The trail again from a heap of kept steps, whose ids sort in the order they were made: those not undone are the
 * past, newest last; those undone are the future, the next to do again last.
 */
export function sorted(steps) {
  const inOrder = [...steps].sort((a, b) => (a.saveId < b.saveId ? -1 : 1));
  return { past: inOrder.filter((step) => !step.undone), future: inOrder.filter((step) => step.undone).reverse() };
}
