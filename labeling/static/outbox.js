/**
 * The queue of saves on their way to the server. Pure.
 *
 * An entry says what one click made of one photo and the version it began from:
 * `{saveId, photoId, reader, annotator, began: {revision, centers, status}, centers, status, attempted, trouble}`.
 * It leaves the queue only when the server has answered that it is stored, or when a person chose
 * another version. Entries of one photo (and of one blind second reader, else `reader` is "") are a
 * chain: each began where the one before ended.
 */

const sameChain = (a, b) => a.photoId === b.photoId && a.reader === b.reader;

/** The newest entry of a chain `{photoId, reader}`, or undefined. */
export const newest = (box, chain) => box.findLast((entry) => sameChain(entry, chain));

export const pending = (box, chain) => box.filter((entry) => sameChain(entry, chain));

/**
 * Add an entry. `together` (while off line) lets it replace the photo's newest one if that was never
 * sent, so that a long time off line keeps one entry a photo; one that was sent may already be stored.
 */
export function enqueued(box, entry, together) {
  const last = newest(box, entry);
  if (!together || !last || last.attempted || last.annotator !== entry.annotator) return [...box, entry];
  const joined = { ...last, centers: entry.centers, status: entry.status };
  return box.map((other) => (other === last ? joined : other));
}

/** The next entry to send: the oldest whose photo is in no trouble. */
export function next(box) {
  const stuck = box.filter((entry) => entry.trouble);
  return box.find((entry) => !stuck.some((other) => sameChain(other, entry)));
}

const changed = (box, saveId, change) =>
  box.map((entry) => (entry.saveId === saveId ? { ...entry, ...change } : entry));

export const attempted = (box, saveId) => changed(box, saveId, { attempted: true });

/** The server refused the entry: `trouble` is `{code, message, current?}`. It stays until a person chose. */
export const troubled = (box, saveId, trouble) => changed(box, saveId, { trouble });

export const retried = (box, chain) =>
  box.map((entry) => (sameChain(entry, chain) && entry.trouble ? { ...entry, trouble: null } : entry));

export const without = (box, saveId) => box.filter((entry) => entry.saveId !== saveId);

export const withoutChain = (box, chain) => box.filter((entry) => !sameChain(entry, chain));

/** Photos a person has to look at: `{photoId, reader, began, mine, trouble}` each. */
export function troubles(box) {
  return box
    .filter((entry) => entry.trouble)
    .map((entry) => ({ ...entry, mine: newest(box, entry) }));
}

/**
 * What the person always sees.
 *
 * @param {{reachable: boolean, kept: boolean}} line does the server answer, does this browser keep the queue
 * @returns {{state: "saved"|"saving"|"offline"|"conflict"|"refused", text: string}}
 */
export function saveState(box, line) {
  const stuck = troubles(box);
  const conflict = stuck.find((one) => one.trouble.code === "conflict");
  if (conflict) return { state: "conflict", text: "Not saved: changed by someone else" };
  if (stuck.length) return { state: "refused", text: `Not saved: ${stuck[0].trouble.message}` };
  if (line.reachable) return box.length ? { state: "saving", text: "Saving" } : { state: "saved", text: "Saved" };
  if (!box.length) return { state: "offline", text: "Offline, all saved" };
  const n = `${box.length} ${box.length === 1 ? "change" : "changes"}`;
  return { state: "offline", text: `Not saved: offline, ${n} ${line.kept ? "kept here" : "only in this tab"}` };
}
