/**
 * What is to be seen: state and look -> shapes to draw and words to show. Pure.
 *
 * A shape is `{kind: "ring"|"square"|"cross"|"dot"|"line", x, y, r?, x2?, y2?, color, width, dash?}` in
 * CSS pixels; colours are names of the style sheet.
 */

import { toPhoto, toScreen } from "./camera.js";
import { nearest } from "./centers.js";
import { saveState, troubles } from "./outbox.js";
import { FILTERS, following, openDoc, trouble } from "./state.js";

/** Side of the square that will be cut around a centre, in photo pixels (dentline.geometry.PATCH_PX). */
export const PATCH_PX = 64;

const REACH_PX = 12;

/** The centres as they are seen now: one of them may be on the move. */
export function shownCenters(state, look) {
  const doc = openDoc(state);
  if (!doc) return [];
  return look.drag ? doc.centers.with(look.drag.index, look.drag.point) : doc.centers;
}

/** Index of the centre a screen point is on, or -1. */
export function centerAt(state, look, at, reach = REACH_PX) {
  if (!look.camera) return -1;
  return nearest(shownCenters(state, look), toPhoto(look.camera, look.view, at), reach / look.camera.scale);
}

/** Why a photo's saves are refused for another reason than a conflict, or null. */
export function refusal(state) {
  const stuck = trouble(state, state.open);
  return stuck && !versions(state) ? stuck.trouble.message : null;
}

/**
 * The two versions of the open photo between which somebody has to decide: a conflict of saves, or a
 * second reading that differs. Null where there is nothing to decide.
 */
export function versions(state) {
  const stuck = trouble(state, state.open);
  if (stuck) {
    if (stuck.trouble.code !== "conflict" || !stuck.trouble.current) return null;
    const theirs = stuck.trouble.current;
    const title = theirs.annotator === stuck.mine.annotator ? "Yours, from another window" : theirs.annotator;
    return { why: "conflict", mine: { title: "Yours", ...version(stuck.mine) }, theirs: { title, ...version(theirs) } };
  }
  const doc = openDoc(state);
  const [second] = doc?.readings ?? [];
  if (!second) return null;
  const [mine, theirs] = [doc, second].map((one) => ({ title: one.annotator, ...version(one) }));
  return { why: "readings", mine, theirs };
}

const version = ({ centers, status }) => ({ centers, status });

/** Everything drawn over the photo, in the order it is drawn. */
export function shapes(state, look) {
  if (!look.camera || !openDoc(state)) return [];
  const place = (center) => toScreen(look.camera, look.view, center);
  const radius = Math.max((PATCH_PX / 2) * look.camera.scale, 7);
  const both = versions(state);
  const theirs = both?.theirs.centers.flatMap(mark(place, radius, "theirs", look)) ?? [];
  if (both?.why === "conflict") return [...theirs, ...both.mine.centers.flatMap(mark(place, radius, "mine", look))];
  const centers = shownCenters(state, look);
  const under = look.drag ? look.drag.index : look.pointer ? centerAt(state, look, look.pointer) : -1;
  const ghosts = look.ghosts ? openGhosts(state).flatMap((ghost) => ghostShapes(place(ghost), radius)) : [];
  const drawn = [...ghosts, ...theirs];
  for (const doubt of openDoubts(state))
    drawn.push({ kind: "square", ...place(doubt), r: radius + 6, color: "doubt", width: 1.5, dash: [3, 3] });
  centers.forEach((center, i) => {
    const color = i === state.selected || i === look.drag?.index ? "selected" : i === under ? "hovered" : "mark";
    drawn.push(...mark(place, radius, color, look)(center));
    if (color !== "mark") drawn.push({ kind: "square", ...place(center), r: radius, color, width: 1, dash: [4, 4] });
  });
  if (look.pointer && under < 0 && !look.drag && !look.panning && look.outlines)
    drawn.push(
      { kind: "ring", ...look.pointer, r: radius, color: "pointer", width: 1.25 },
      { kind: "square", ...look.pointer, r: radius, color: "pointer", width: 1.25, dash: [3, 5] },
    );
  return drawn;
}

const mark = (place, radius, color, look) => (center) => {
  const at = place(center);
  const ring = { kind: "ring", ...at, r: radius, color, width: color === "mark" ? 1.5 : 2 };
  const cross = { kind: "cross", ...at, r: 7, color, width: 1.5 };
  return look.outlines ? [ring, cross] : [cross];
};

const ghostShapes = (at, radius) => [
  { kind: "ring", ...at, r: radius, color: "ghost", width: 1.5, dash: [5, 5] },
  { kind: "dot", ...at, r: 2.5, color: "ghost", width: 1 },
];

/** What the model doubts about the open photo. */
const openDoubts = (state) => (state.reader ? [] : state.doubts.filter((doubt) => doubt.photo_id === state.open));

const DOUBTS = { missed: "dent missed?", "no dent": "no dent?", "off centre": "off centre?" };

export const doubtWords = ({ photo_id, kind }) => `${DOUBTS[kind]} ${photo_id}`;

/** Proposals of the model that no mark stands on yet. */
export function openGhosts(state) {
  const doc = openDoc(state);
  const ghosts = (doc && state.ghosts.get(doc.id)?.proposals) ?? [];
  return ghosts.filter((ghost) => nearest(doc.centers, ghost, PATCH_PX / 4) < 0);
}

/** What the button of the proposals says: those made before there is a label are a guess, and so called. */
export const ghostWords = (state, n) =>
  state.ghosts.get(state.open)?.guess
    ? { count: `${n} guessed`, title: "Accept all. A guess: the network has seen no label of this part ( Shift+G )" }
    : { count: String(n), title: "Accept all proposals ( Shift+G )" };

/** Counts for the filters and the progress bar. */
export function tally(state) {
  const counts = Object.fromEntries(Object.keys(FILTERS).map((name) => [name, 0]));
  let dents = 0;
  for (const photo of state.photos.values()) {
    for (const [name, shows] of Object.entries(FILTERS)) counts[name] += shows(photo) ? 1 : 0;
    dents += photo.dents;
  }
  return { ...counts, dents, done: counts.all - counts.new - counts.skipped };
}

const STATUS_WORDS = { new: "Not reviewed", clean: "No dents", skipped: "Skipped" };

const dents = (n) => counted(n, "dent");

export const statusWords = ({ status, centers }) => STATUS_WORDS[status] ?? dents(centers.length);

/** The words of the bars: title, place in the list, save state, who else is here. */
export function words(state) {
  const doc = openDoc(state);
  const counts = tally(state);
  const at = state.order.indexOf(state.open);
  const others = state.people.filter((person) => person.photo_id === state.open);
  return {
    title: state.open ?? "",
    place: at < 0 ? "" : `${at + 1} / ${state.order.length}`,
    status: doc ? statusWords(doc) : "",
    statusName: doc?.status ?? "new",
    progress: `${counts.done} of ${counts.all} photos, ${dents(counts.dents)}`,
    share: counts.all ? counts.done / counts.all : 0,
    counts,
    save: saveState(state.box, state.line),
    company: others.length ? `${others.map((person) => person.annotator).join(", ")} also here` : "",
    people: state.people.map((person) => person.annotator),
    stuck: troubles(state.box).map((one) => one.photoId),
    reader: state.reader,
    why: doc?.status === "new" ? (state.why[state.open] ?? "") : "",
    broken: state.broken.get(state.open),
    more: following(state) !== null,
    notice: state.notice,
  };
}

const percent = (value) => Math.round(value * 100);

const counted = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

/** The agreement figures as sentences: each with its 95 % interval and what it rests on. */
export function agreementWords(figures) {
  if (!figures) return [];
  const { centers, photos, kappa, apart_px: apart } = figures;
  const range = ({ low, high }) => (low === null ? "" : ` (${percent(low)} to ${percent(high)})`);
  const share = (found) => `${percent(found.value)} %${range(found)}`;
  return [
    photos.value !== null && `Dented or clean: ${share(photos)} alike, ${counted(photos.n, "photo")}`,
    centers.value !== null && `Centres: ${share(centers)} paired, ${counted(centers.n, "centre")}`,
    kappa.value !== null && `Cohen's kappa ${kappa.value.toFixed(2)}`,
    apart.value !== null && `Paired centres ${apart.value.toFixed(1)} px apart`,
  ].filter(Boolean);
}

/** The CSS filter of the photo, the loupe included. */
export const tone = ({ brightness, contrast }) =>
  brightness === 1 && contrast === 1 ? "none" : `brightness(${brightness}) contrast(${contrast})`;
