/** The page: state and look, the actions that change them, and what follows outside. */

import { snapped, WINDOW_PX } from "./blob.js";
import { carried, levelFor, tile, tilesSeen, toPhoto } from "./camera.js";
import { action as actionOf } from "./keys.js";
import * as looking from "./look.js";
import { greyWindow } from "./paint.js";
import * as panels from "./panels.js";
import { Pictures } from "./pictures.js";
import { call, Keeper, Sender } from "./sender.js";
import { Stage } from "./stage.js";
import * as stating from "./state.js";
import { Strip } from "./strip.js";
import { openGhosts, words } from "./view.js";

const HERE_MS = 2500;
const NOTICE_MS = 4000;
const GHOSTS_MS = 60_000;
const $ = (id) => document.getElementById(id);

const random = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
const sessionId = random() + random();
let ticket = 0;
/** Ids of saves sort in the order they were made. */
const newSaveId = () => `${Date.now().toString(36).padStart(9, "0")}-${(ticket++).toString(36).padStart(6, "0")}-${random()}`;

const page = { state: () => state, look: () => look, dispatch, turn, intent };
const pictures = new Pictures(() => paintSoon());
const sender = new Sender(page);
const strip = new Strip($("thumbs"), $("rail"), (id) => open(id));
const jump = new panels.Jump((id) => open(id));

let state = stating.initial("");
let look = looking.initial(JSON.parse(localStorage.getItem("dentline:look") ?? "{}"));
let keeper = null;
let project = {};
let lastId = 0;
let turnedAt = 0;
let scheduled = false;
let worded = {};

const stage = new Stage(
  {
    stage: $("stage"),
    side: $("side"),
    photo: $("photo"),
    marks: $("marks"),
    loupe: $("loupe"),
    loupeMarks: $("loupe-marks"),
    spot: $("spot"),
  },
  page,
  pictures,
);

function dispatch(event) {
  const before = state;
  state = stating.reduce(state, { saveId: newSaveId(), ...event, ...(event.saveId && { saveId: event.saveId }) });
  if (state.box !== before.box) {
    const kept = keeper.keep(state.box);
    if (kept !== state.line.kept) state = stating.reduce(state, { type: "line", line: { kept } });
    if (state.box.length > before.box.length) queueMicrotask(() => sender.kick());
  }
  if (state.open !== before.open) look = looking.reduce(look, { type: "dragged", drag: null });
  const doc = stating.openDoc(state);
  if (doc && (look.photo?.id !== doc.id || look.photo?.version !== doc.version)) turn({ type: "turned", photo: doc });
  if (state.notice && state.notice !== before.notice) fade(state.notice);
  paintSoon();
}

function turn(event) {
  const before = look;
  look = looking.reduce(look, event);
  if (look !== before) paintSoon();
  if (look.camera !== before.camera || look.brightness !== before.brightness || look.contrast !== before.contrast) keepLook();
}

let lookTimer = 0;
function keepLook() {
  clearTimeout(lookTimer);
  lookTimer = setTimeout(() => localStorage.setItem("dentline:look", JSON.stringify(looking.kept(look))), 300);
}

let fadeTimer = 0;
function fade(text) {
  clearTimeout(fadeTimer);
  fadeTimer = setTimeout(() => state.notice === text && dispatch({ type: "noticed", text: null }), NOTICE_MS);
}

/* Painting. */

function paintSoon() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(paint);
}

function paint() {
  scheduled = false;
  const drawn = stage.paint();
  if (state !== worded.state || looking.panels(look) !== worded.panels) {
    worded = { state, panels: looking.panels(look) };
    panels.showWords(words(state), state, look);
    panels.showCard(state, choose);
    strip.update(state);
    document.body.dataset.photo = state.open ?? "";
    recall();
  }
  if (drawn) document.body.dataset.camera = [look.camera.scale, look.camera.x, look.camera.y].join(" ");
  if (drawn && document.body.dataset.painted !== state.open) painted();
  wantTiles();
}

/** The versions of the open photo, asked for again when it was saved. */
let recalled = "";
async function recall() {
  const { open: photoId, reader } = state;
  const key = photoId && `${photoId} ${state.photos.get(photoId)?.revision} ${look.side}`;
  if (key === recalled) return;
  recalled = key;
  const answer = look.side && photoId && (await call(`/api/history?${new URLSearchParams({ photo_id: photoId, reader })}`));
  if (answer?.status === 200 && photoId === state.open)
    panels.showHistory(answer.body.history, (past) => act("bring-back", past));
}

function choose(choice) {
  const photoId = state.open;
  if (choice === "again") dispatch({ type: "retried", photoId });
  else dispatch({ type: "resolved", photoId, choice: choice === "saved" ? "theirs" : choice });
  if (choice === "saved") load(photoId);
  sender.kick();
}

/** The open photo is on the screen for the first time: note how long it took since the key. */
function painted() {
  document.body.dataset.painted = state.open;
  const start = turnedAt;
  if (start) setTimeout(() => performance.measure("dentline:turn", { start, end: performance.now() }));
  turnedAt = 0;
}

function wantTiles() {
  const doc = stating.openDoc(state);
  if (!doc || !look.camera || look.photo?.id !== doc.id) return;
  const top = (photo) => tile(photo, photo.levels - 1, 0, 0);
  const seen = (photo, camera) => tilesSeen(camera, photo, look.view, levelFor(camera, photo, look.ratio));
  const wanted = [[doc, top(doc)], ...seen(doc, look.camera).map((piece) => [doc, piece])];
  if (look.side && look.pointer) {
    const at = toPhoto(look.camera, look.view, look.pointer);
    const place = (value, size) => Math.floor(Math.min(Math.max(value, 0), size - 1) / doc.tilePx);
    wanted.push([doc, tile(doc, 0, place(at.x, doc.width), place(at.y, doc.height))]);
  }
  const ahead = nextIds().map((id) => state.docs.get(id)).filter(Boolean);
  for (const photo of ahead) wanted.push([photo, top(photo)]);
  for (const photo of ahead.slice(0, 2))
    wanted.push(...seen(photo, carried(look.camera, doc, photo, look.view)).map((piece) => [photo, piece]));
  pictures.want(wanted);
}

/* Going from photo to photo. */

/** Where the person is likely to go next, likeliest first. */
function nextIds() {
  const on = stating.following(state);
  const ids = [on, stating.neighbour(state, 1), ...state.upcoming.slice(0, 2), stating.neighbour(state, -1)];
  return [...new Set(ids)].filter((id) => id && id !== state.open);
}

const loading = new Map();
function load(photoId) {
  if (!loading.has(photoId)) loading.set(photoId, fetchDoc(photoId).finally(() => loading.delete(photoId)));
  return loading.get(photoId);
}

async function fetchDoc(photoId) {
  const answer = await call(`/api/photo?${new URLSearchParams({ photo_id: photoId, reader: state.reader })}`);
  if (!answer || answer.status !== 200) {
    dispatch({ type: "noticed", text: answer ? answer.body.error.message : "The server does not answer." });
    return false;
  }
  const { photo, annotation } = answer.body;
  const { centers, status, revision, annotator } = annotation;
  const { tile_px: tilePx, ...size } = photo;
  dispatch({ type: "loaded", doc: { ...size, tilePx, centers, status, revision, annotator } });
  return true;
}

async function open(photoId, since = 0) {
  if (!photoId || photoId === state.open) return;
  turnedAt = since;
  document.body.dataset.painted = "";
  dispatch({ type: "opened", photoId });
  history.replaceState(null, "", `#${encodeURIComponent(photoId)}`);
  if (!state.docs.has(photoId)) await load(photoId);
  tellHere();
  lookAhead();
}

/** Have the next photos here before they are asked for, and what the model proposes on them. */
function lookAhead() {
  for (const id of nextIds()) if (!state.docs.has(id)) load(id);
  if (project.proposes && !state.reader) for (const id of [state.open, ...nextIds().slice(0, 1)]) loadGhosts(id);
}

const asked = new Set();
async function loadGhosts(photoId) {
  if (!photoId || asked.has(photoId)) return;
  asked.add(photoId);
  const answer = await call(`/api/proposals?${new URLSearchParams({ photo_id: photoId })}`, null, GHOSTS_MS);
  if (answer?.status === 200) dispatch({ type: "ghosts", photoId, ghosts: answer.body });
  else asked.delete(photoId);
}

async function goOn(since) {
  const known = stating.following(state);
  if (known) return open(known, since);
  await tellHere();
  const found = stating.following(state);
  if (found) return open(found, since);
  const left = [...state.photos.values()].filter((photo) => photo.status === "new" && photo.id !== state.open).length;
  const text = left ? `The ${left} photos left are with ${state.people.map((p) => p.annotator).join(", ")}.` : "That was the last one.";
  dispatch({ type: "noticed", text });
}

let hereTimer = 0;
let telling = null;
function tellHere() {
  telling ??= here().finally(() => (telling = null));
  return telling;
}

/** Say where this page is; hear what others did and what to mark next. */
async function here() {
  clearTimeout(hereTimer);
  const answer = await call("/api/here", {
    session_id: sessionId,
    annotator: state.annotator,
    reader: state.reader,
    photo_id: state.open ?? "",
    hidden: document.hidden,
    since: lastId,
  });
  hereTimer = setTimeout(tellHere, HERE_MS);
  if (answer?.status !== 200) return dispatch({ type: "line", line: { reachable: answer !== null && answer.status < 500 } });
  const { changes, last_id, upcoming, people } = answer.body;
  lastId = last_id;
  if (!state.line.reachable) dispatch({ type: "line", line: { reachable: true } });
  dispatch({ type: "heard", changes, upcoming, people });
  sender.kick();
  lookAhead();
}

/* Actions. */

const doc = () => stating.openDoc(state);

async function snap(index, point) {
  const found = await snapPoint(point);
  if (!found) return dispatch({ type: "noticed", text: "No spot stands out there." });
  if (index >= 0) dispatch({ type: "moved", index, point: found });
  else dispatch({ type: "marked", point: found });
}

async function snapPoint(point) {
  const grey = await greyWindow(doc(), pictures, point, WINDOW_PX);
  const at = grey && snapped(grey.window, { x: point.x - grey.corner.x, y: point.y - grey.corner.y });
  return at && { x: at.x + grey.corner.x, y: at.y + grey.corner.y };
}

function select(step) {
  const n = doc()?.centers.length;
  if (!n) return;
  const index = (state.selected + step + (state.selected < 0 && step < 0 ? 1 : 0) + n) % n;
  dispatch({ type: "selected", index });
  turn({ type: "shown", point: doc().centers[index] });
}

function nudge(dx, dy) {
  const center = doc()?.centers[state.selected];
  if (center) dispatch({ type: "moved", index: state.selected, point: { x: center.x + dx, y: center.y + dy } });
}

async function step(type) {
  const entry = (type === "undone" ? state.past : state.future).at(-1);
  if (entry && !state.docs.has(entry.photoId)) await load(entry.photoId);
  dispatch({ type });
}

function accept(all) {
  const ghosts = look.ghosts ? openGhosts(state) : [];
  if (!ghosts.length) return;
  const at = look.pointer && toPhoto(look.camera, look.view, look.pointer);
  const off = (ghost) => (at ? Math.hypot(ghost.x - at.x, ghost.y - at.y) : -ghost.p);
  dispatch({ type: "accepted", points: all ? ghosts : [ghosts.reduce((a, b) => (off(b) < off(a) ? b : a))] });
}

function declare(status, since) {
  if (!doc()) return;
  const before = state.notice;
  dispatch({ type: "declared", status });
  const said = state.notice !== before ? state.notice : null;
  goOn(since).then(() => said && dispatch({ type: "noticed", text: said }));
}

function nextFilter() {
  const names = Object.keys(stating.FILTERS);
  dispatch({ type: "filtered", filter: names[(names.indexOf(state.filter) + 1) % names.length] });
}

function removeChosen() {
  if (doc()?.centers[state.selected]) dispatch({ type: "removed", index: state.selected });
}

function snapChosen() {
  if (!doc()) return;
  const at = look.pointer && toPhoto(look.camera, look.view, look.pointer);
  const chosen = doc().centers[state.selected];
  if (chosen) snap(state.selected, chosen);
  else if (at) snap(-1, at);
}

const toggle = (panel) => () => turn({ type: "toggled", panel });
const scaled = (scale) => () => turn({ type: "scaled", scale: scale / look.ratio });
const toned = (name, by) => () => turn({ type: "toned", [name]: look[name] * by });

const ACTIONS = {
  snap: snapChosen,
  remove: removeChosen,
  "select-next": () => select(1),
  "select-previous": () => select(-1),
  "nudge-left": () => nudge(-1, 0),
  "nudge-right": () => nudge(1, 0),
  "nudge-up": () => nudge(0, -1),
  "nudge-down": () => nudge(0, 1),
  escape: () => dispatch({ type: "selected", index: -1 }),
  undo: () => step("undone"),
  redo: () => step("redone"),
  "go-on": goOn,
  clean: (since) => declare("clean", since),
  skip: (since) => declare("skipped", since),
  next: (since) => open(stating.neighbour(state, 1), since),
  previous: (since) => open(stating.neighbour(state, -1), since),
  first: (since) => open(stating.listedIds(state)[0], since),
  last: (since) => open(stating.listedIds(state).at(-1), since),
  jump: () => jump.open(state),
  filter: nextFilter,
  "zoom-in": () => turn({ type: "zoomed", factor: 1.3 }),
  "zoom-out": () => turn({ type: "zoomed", factor: 1 / 1.3 }),
  fit: () => turn({ type: "fitted" }),
  actual: scaled(1),
  double: scaled(2),
  darker: toned("brightness", 1 / 1.12),
  brighter: toned("brightness", 1.12),
  flatter: toned("contrast", 1 / 1.12),
  steeper: toned("contrast", 1.12),
  plain: () => turn({ type: "toned", brightness: 1, contrast: 1 }),
  side: toggle("side"),
  outlines: toggle("outlines"),
  strip: toggle("strip"),
  ghosts: toggle("ghosts"),
  accept: () => accept(false),
  "accept-all": () => accept(true),
  "bring-back": (past) => dispatch({ type: "restored", version: past }),
  help: () => $("help-dialog").showModal(),
};

const INTENTS = {
  mark: ({ at, snap: wanted }) => {
    if (!doc()) return;
    const point = toPhoto(look.camera, look.view, at);
    if (point.x < 0 || point.y < 0 || point.x >= doc().width || point.y >= doc().height) return;
    if (wanted) snap(-1, point);
    else dispatch({ type: "marked", point });
  },
  remove: ({ index }) => dispatch({ type: "removed", index }),
  select: ({ index }) => dispatch({ type: "selected", index }),
  drag: ({ index, by }) => turn({ type: "dragged", drag: index < 0 ? null : { index, point: offset(index, by) } }),
  drop: ({ index, by }) => {
    const point = offset(index, by);
    turn({ type: "dragged", drag: null });
    dispatch({ type: "moved", index, point });
  },
  pan: ({ dx, dy }) => turn({ type: "panned", dx, dy }),
  zoom: ({ factor, at }) => turn({ type: "zoomed", factor, at }),
  aim: ({ at }) => turn({ type: "pointed", at }),
};

const offset = (index, by) => {
  const center = doc().centers[index];
  return { x: center.x + by.x / look.camera.scale, y: center.y + by.y / look.camera.scale };
};

function intent(one) {
  if (stating.trouble(state, state.open) && !["pan", "zoom", "aim"].includes(one.what)) return;
  INTENTS[one.what](one);
}

/** Actions that change the photo wait until a conflict about it is settled. */
const CHANGES = ["snap", "remove", "nudge-left", "nudge-right", "nudge-up", "nudge-down", "undo", "redo", "clean", "skip", "accept", "accept-all", "bring-back"];

function act(name, since) {
  if (CHANGES.includes(name) && stating.trouble(state, state.open)) return;
  ACTIONS[name](since);
}

function listen() {
  addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, dialog")) return;
    if (event.key === " ") {
      stage.space = true;
      paintSoon();
      return event.preventDefault();
    }
    const stuck = stating.trouble(state, state.open);
    const button = stuck && $("conflict-choices").children[Number(event.key) - 1];
    if (button) return button.click();
    const name = actionOf(event);
    if (!name) return;
    event.preventDefault();
    act(name, event.timeStamp);
  });
  addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    stage.space = false;
    paintSoon();
  });
  addEventListener("blur", () => (stage.space = false));
  for (const button of document.querySelectorAll("[data-action]"))
    button.addEventListener("click", (event) => {
      act(button.dataset.action, event.timeStamp);
      $("marks").focus({ preventScroll: true });
    });
  for (const name of ["brightness", "contrast"])
    $(name).addEventListener("input", (event) => turn({ type: "toned", [name]: 2 ** Number(event.target.value) }));
  $("help-button").addEventListener("click", () => ACTIONS.help());
  $("place").addEventListener("click", () => ACTIONS.jump());
  $("save").addEventListener("click", () => open(words(state).stuck[0]));
  $("person").addEventListener("click", rename);
  document.addEventListener("visibilitychange", () => tellHere());
  addEventListener("online", () => tellHere());
  addEventListener("offline", () => dispatch({ type: "line", line: { reachable: false } }));
  addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));
  addEventListener("pagehide", () => {
    const body = new Blob([JSON.stringify({ session_id: sessionId })], { type: "application/json" });
    navigator.sendBeacon("/api/leave", body);
  });
  addEventListener("beforeunload", (event) => {
    if (state.box.length && !state.line.kept) event.preventDefault();
  });
}

async function rename() {
  const annotator = await panels.askName(state.annotator);
  localStorage.setItem("dentline:name", annotator);
  dispatch({ type: "named", annotator });
}

async function begin() {
  panels.fillFilters((filter) => dispatch({ type: "filtered", filter }));
  panels.fillSheet();
  let answers;
  while ((answers = await Promise.all([call("/api/project"), call("/api/photos")])).includes(null))
    await new Promise((resolve) => setTimeout(resolve, 1000));
  [project] = answers.map((answer) => answer.body);
  const { photos, last_id } = answers[1].body;
  lastId = last_id;
  document.title = `${project.name} – Dentline`;
  $("project").textContent = project.name;
  keeper = new Keeper(project.id);
  state = { ...state, box: keeper.load(), annotator: localStorage.getItem("dentline:name") ?? "" };
  dispatch({ type: "listed", photos });
  stage.measure();
  listen();
  if (!photos.length) {
    $("empty").hidden = false;
    $("empty").textContent = `No photos yet: put JPEG or PNG files into the folder photos of ${project.name} and reload.`;
  }
  if (!state.annotator) await rename();
  await tellHere();
  const asked = decodeURIComponent(location.hash.slice(1));
  open(state.photos.has(asked) ? asked : (stating.following(state) ?? state.order[0]));
  sender.kick();
}

begin();
