/**
 * What the page knows, and how an event changes it. Pure: `reduce(state, event)` returns the next state.
 *
 * `photos` maps a photo's id to its line in the strip (`{id, status, dents, revision, annotator, disagreed}`),
 * `order` lists the ids, `reader` is "" or, in a blind second reading, the reader's name. `docs` holds the
 * photos that were loaded, with their centres as the person sees them: saved ones plus what is in `box` on its
 * way to the server. `past` and `future` are the steps of trail.js, for undo and redo.
 */

import { equal, merge, nearest, once, onPhoto, sameVersion, statusFor } from "./centers.js";
import * as outbox from "./outbox.js";
import * as trail from "./trail.js";

/** How far apart two people's centres of one dent may be: labeling.agreement.WITHIN_PX. */
export const SAME_DENT_PX = 16;

export const FILTERS = {
  all: () => true,
  new: (photo) => photo.status === "new",
  marked: (photo) => photo.status === "marked",
  clean: (photo) => photo.status === "clean",
  skipped: (photo) => photo.status === "skipped",
  disagreed: (photo) => photo.disagreed,
};

export const initial = (annotator, reader = "", box = []) => ({
  annotator,
  reader,
  photos: new Map(),
  order: [],
  docs: new Map(),
  open: null,
  selected: -1,
  filter: "all",
  past: [],
  future: [],
  box,
  line: { reachable: true, kept: true },
  upcoming: [],
  why: {},
  doubts: [],
  people: [],
  ghosts: new Map(),
  broken: new Map(),
  notice: null,
});

export const openDoc = (state) => state.docs.get(state.open) ?? null;

const chain = (state, photoId) => ({ photoId, reader: state.reader });

const newest = (state, photoId) => outbox.newest(state.box, chain(state, photoId));

/** What stands in the way of a photo's saves: `{began, mine, trouble}`, or null. */
export const trouble = (state, photoId) =>
  outbox.troubles(outbox.pending(state.box, chain(state, photoId)))[0] ?? null;

const EVENTS = {
  /** Who sits here: what they can undo is what they did, in this browser, on earlier visits too (`steps`). */
  named: (state, { annotator, steps }) => ({ ...state, annotator, ...trail.sorted(steps) }),

  /** The list of photos came: `photos` in the order to show them. */
  listed(state, { photos }) {
    const known = new Map(photos.map((photo) => [photo.id, photo]));
    return { ...state, photos: known, order: photos.map((photo) => photo.id) };
  },

  /** A photo and its saved version came. What is still on its way to the server stays on top. */
  loaded(state, { doc }) {
    const last = newest(state, doc.id);
    const broken = new Map(state.broken);
    broken.delete(doc.id);
    const shown = last ? { ...doc, centers: last.centers, status: last.status, revision: ahead(state, last) } : doc;
    return { ...state, broken, docs: new Map(state.docs).set(doc.id, shown) };
  },

  opened: (state, { photoId }) => ({ ...state, open: photoId, selected: -1, notice: null }),

  marked(state, { point, saveId }) {
    const doc = openDoc(state);
    const centers = [...doc.centers, onPhoto(point, doc)];
    return { ...edited(state, { centers, status: "marked" }, saveId), selected: doc.centers.length };
  },

  /** Several at once: ghosts accepted together. */
  accepted(state, { points, saveId }) {
    const doc = openDoc(state);
    const centers = [...doc.centers, ...points.map((point) => onPhoto(point, doc))];
    return edited(state, { centers, status: statusFor(centers, doc.status) }, saveId);
  },

  moved(state, { index, point, saveId }) {
    const doc = openDoc(state);
    const place = onPhoto(point, doc);
    const others = doc.centers.toSpliced(index, 1);
    const centers = others.some((center) => equal(center, place)) ? others : doc.centers.with(index, place);
    return { ...edited(state, { centers, status: "marked" }, saveId), selected: index };
  },

  removed(state, { index, saveId }) {
    const doc = openDoc(state);
    const centers = doc.centers.toSpliced(index, 1);
    return { ...edited(state, { centers, status: statusFor(centers, doc.status) }, saveId), selected: -1 };
  },

  /** "No dents here" (clean), "leave it open" (skipped, only where nothing is marked), "not reviewed" (new). */
  declared(state, { status, saveId }) {
    const doc = openDoc(state);
    if (status === "skipped" && doc.centers.length) return state;
    const next = { ...edited(state, { centers: [], status }, saveId), selected: -1 };
    const n = doc.centers.length;
    return n ? { ...next, notice: `${n} ${n === 1 ? "mark" : "marks"} taken out. Undo brings them back.` } : next;
  },

  /**
   * Two people saw the open photo differently and somebody decides: what stands is saved anew, even if
   * nothing changes by it, and that settles it.
   */
  settled(state, { choice, saveId }) {
    const doc = openDoc(state);
    const [second] = doc?.readings ?? [];
    if (!second) return state;
    const alone = second.centers.filter((center) => nearest(doc.centers, center, SAME_DENT_PX) < 0);
    const versions = { mine: doc, theirs: second, both: { centers: [...doc.centers, ...alone], status: doc.status } };
    const { centers, status } = versions[choice];
    const after = { centers, status: statusFor(centers, status) };
    return { ...edited(state, after, saveId, state.open, true), selected: -1 };
  },

  /** An earlier version becomes the newest one. */
  restored: (state, { version: { centers, status }, saveId }) => ({
    ...edited(state, { centers, status }, saveId),
    selected: -1,
  }),

  selected: (state, { index }) => ({ ...state, selected: index }),

  undone: (state, { saveId }) => stepped(state, "past", "future", saveId),
  redone: (state, { saveId }) => stepped(state, "future", "past", saveId),

  filtered: (state, { filter }) => ({ ...state, filter }),

  sending: (state, { saveId }) => ({ ...state, box: outbox.attempted(state.box, saveId) }),

  /** The server stored a save. `annotation` is the version it holds now. */
  acknowledged(state, { saveId, annotation }) {
    const entry = state.box.find((other) => other.saveId === saveId);
    const next = { ...state, box: outbox.without(state.box, saveId) };
    return entry && entry.reader !== state.reader ? next : settled(next, annotation);
  },

  refused(state, { saveId, trouble }) {
    return { ...state, box: outbox.troubled(state.box, saveId, trouble) };
  },

  /** Send again what was refused. */
  retried: (state, { photoId }) => ({ ...state, box: outbox.retried(state.box, chain(state, photoId)) }),

  /** A person chose between two versions: mine, theirs, or both. */
  resolved(state, { photoId, choice, saveId }) {
    const stuck = trouble(state, photoId);
    if (!stuck) return state;
    const theirs = stuck.trouble.current ?? { ...stuck.began, photo_id: photoId, annotator: "" };
    const cleared = settled({ ...state, box: outbox.withoutChain(state.box, stuck), selected: -1 }, theirs);
    if (choice === "theirs") return cleared;
    const wanted = choice === "mine" ? stuck.mine : merge(stuck.began, stuck.mine, theirs);
    return edited(cleared, { centers: wanted.centers, status: wanted.status }, saveId, photoId);
  },

  line: (state, { line }) => ({ ...state, line: { ...state.line, ...line } }),

  /** What others did since, who is there, and what to mark next. */
  heard(state, { changes = [], upcoming = state.upcoming, people = state.people, why = state.why }) {
    let next = { ...state, upcoming, people, why };
    for (const annotation of changes) next = overheard(next, annotation);
    return next;
  },

  /** Labels the model disagrees with: `{photo_id, kind, x, y, surprise}` each, the most surprising first. */
  doubted: (state, { doubts }) => ({ ...state, doubts }),

  ghosts: (state, { photoId, ghosts }) => ({ ...state, ghosts: new Map(state.ghosts).set(photoId, ghosts) }),

  /** A photo cannot be shown. */
  broken: (state, { photoId, message }) => ({ ...state, broken: new Map(state.broken).set(photoId, message) }),

  noticed: (state, { text }) => ({ ...state, notice: text }),
};

export function reduce(state, event) {
  return EVENTS[event.type](state, event);
}

/** The revision a photo will have once its whole chain of saves is stored. */
const ahead = (state, last) => {
  const entries = outbox.pending(state.box, last);
  return entries[0].began.revision + entries.length;
};

/** A version made of a photo: shown at once, put in the queue of saves, remembered for undo. */
function edited(state, { centers, status }, saveId, photoId = state.open, always = false) {
  const doc = state.docs.get(photoId);
  const after = { centers: once(centers), status };
  if (sameVersion(doc, after) && !always) return state;
  const next = { ...saved(state, photoId, after, saveId), notice: null };
  if (sameVersion(doc, after)) return next;
  const step = { saveId, photoId, ...trail.change(doc, after), undone: false };
  return { ...next, past: [...state.past, step], future: [] };
}

function saved(state, photoId, after, saveId) {
  const doc = state.docs.get(photoId);
  const entry = {
    saveId,
    ...chain(state, photoId),
    annotator: state.annotator,
    began: { revision: doc.revision, centers: doc.centers, status: doc.status },
    ...after,
    attempted: false,
    trouble: null,
  };
  const box = outbox.enqueued(state.box, entry, !state.line.reachable);
  const grown = box.length - state.box.length;
  const changed = { ...doc, ...after, revision: doc.revision + grown, annotator: state.annotator, readings: [] };
  return withLine({ ...state, box, docs: new Map(state.docs).set(photoId, changed) }, photoId, after, state.annotator);
}

const withLine = (state, photoId, { centers, status }, annotator) => ({
  ...state,
  photos: new Map(state.photos).set(photoId, {
    ...state.photos.get(photoId),
    status,
    dents: centers.length,
    annotator,
    disagreed: false,
  }),
});

/** Undo and redo: the change is taken back from the photo as it is now, whoever else touched it. */
function stepped(state, from, to, saveId) {
  const step = state[from].at(-1);
  if (!step) return { ...state, notice: from === "past" ? "Nothing to undo." : "Nothing to redo." };
  const doc = state.docs.get(step.photoId);
  const after = trail.done(from === "past" ? trail.reversed(step) : step, doc);
  const passed = { ...step, undone: from === "past" };
  const turned = { ...state, [from]: state[from].slice(0, -1), [to]: [...state[to], passed], open: step.photoId };
  if (sameVersion(doc, after)) return { ...turned, notice: "That was changed by someone else since." };
  return { ...saved(turned, step.photoId, after, saveId), selected: -1, notice: null };
}

/** The server's version of a photo becomes the shown one, unless saves of it are still on their way. */
function settled(state, annotation) {
  const photoId = annotation.photo_id;
  if (newest(state, photoId)) return state;
  const { centers, status, revision, annotator, disagreed = false } = annotation;
  const doc = state.docs.get(photoId);
  const readings = disagreed ? doc?.readings : [];
  const stored = { ...doc, centers, status, revision, annotator, readings };
  const docs = doc ? new Map(state.docs).set(photoId, stored) : state.docs;
  const next = withLine({ ...state, docs }, photoId, annotation, annotator);
  next.photos.set(photoId, { ...next.photos.get(photoId), revision, disagreed });
  return next;
}

function overheard(state, annotation) {
  const photoId = annotation.photo_id;
  const known = state.docs.get(photoId)?.revision ?? state.photos.get(photoId)?.revision ?? 0;
  if (!state.photos.has(photoId) || annotation.revision < known || newest(state, photoId)) return state;
  const next = settled(state, annotation);
  const seen = photoId === state.open && annotation.revision > known;
  return seen ? { ...next, selected: -1, notice: `${annotation.annotator} changed this photo.` } : next;
}

/** Loaded photos whose differing second readings have not come yet. */
export const lacksReadings = (state, photoId) =>
  Boolean(state.photos.get(photoId)?.disagreed && state.docs.get(photoId) && !state.docs.get(photoId).readings.length);

/** Ids of the photos the filter shows, in order. */
export const listedIds = (state) => state.order.filter((id) => FILTERS[state.filter](state.photos.get(id)));

/** The photo `step` places on among those the filter shows, or null at the end. */
export function neighbour(state, step) {
  const shows = FILTERS[state.filter];
  for (let at = state.order.indexOf(state.open) + step; state.order[at]; at += step)
    if (shows(state.photos.get(state.order[at]))) return state.order[at];
  return null;
}

/** Where "go on" leads: the next photo to mark from the queue, or on through the filter. */
export function following(state) {
  if (state.filter !== "all" && state.filter !== "new") return neighbour(state, 1);
  const waits = (id) => id !== state.open && state.photos.get(id)?.status === "new";
  return state.upcoming.find(waits) ?? null;
}
