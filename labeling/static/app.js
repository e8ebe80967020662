/** The page put together: state and look, what is drawn of them, and what the outside is told. */

import { actor } from "./actions.js";
import { Journey } from "./journey.js";
import { Keeper } from "./keeper.js";
import { action } from "./keys.js";
import * as looking from "./look.js";
import * as panels from "./panels.js";
import { Pictures } from "./pictures.js";
import { call, Sender } from "./sender.js";
import { Stage } from "./stage.js";
import * as stating from "./state.js";
import { Strip } from "./strip.js";
import { versions, words } from "./view.js";

const NOTICE_MS = 4000;
const $ = (id) => document.getElementById(id);

const random = () => Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
const sortable = (n, length) => n.toString(36).padStart(length, "0");
let ticket = 0;
/** Ids of saves sort in the order they were made. */
const newSaveId = () => [sortable(Date.now(), 9), sortable(ticket++, 6), random()].join("-");

let state = stating.initial("");
let look = looking.initial(JSON.parse(localStorage.getItem("dentline:look") ?? "{}"));

const intent = ({ what, ...detail }) => act(what, detail);
const page = { state: () => state, look: () => look, dispatch, turn, intent };
const broken = (photoId, message) => dispatch({ type: "broken", photoId, message });
const pictures = new Pictures(() => paintSoon(), broken);
const sender = new Sender(page);
const strip = new Strip($("thumbs"), $("rail"), (id) => journey.open(id));
const jump = new panels.Jump((id) => journey.open(id));
const canvases = { photo: $("photo"), marks: $("marks"), loupe: $("loupe"), loupeMarks: $("loupe-marks") };
const stage = new Stage({ stage: $("stage"), side: $("side"), spot: $("spot"), ...canvases }, page, pictures);
let projectId;
let savesKept;
let stepsKept;
let stepsRoom = Infinity;
let journey;
let act;

function dispatch(event) {
  const before = state;
  state = stating.reduce(state, { saveId: newSaveId(), ...event });
  if (state.box !== before.box) keep(before.box);
  if (state.past !== before.past && event.type !== "named") keepSteps();
  if (state.open !== before.open) look = looking.reduce(look, { type: "dragged", drag: null });
  const doc = stating.openDoc(state);
  if (doc && (look.photo?.id !== doc.id || look.photo?.version !== doc.version)) turn({ type: "turned", photo: doc });
  if (state.notice && state.notice !== before.notice) fade(state.notice);
  paintSoon();
}

/** The queue of saves changed: keep it in the browser, before all else, and send what is new. */
function keep(before) {
  let kept = savesKept.keep(state.box);
  if (!kept && stepsKept.keep([])) kept = savesKept.keep(state.box);
  if (kept !== state.line.kept) state = stating.reduce(state, { type: "line", line: { kept } });
  if (state.box.length > before.length) queueMicrotask(() => sender.kick());
}

/** Keep what was done for undo after a reload: where the browser has no room for all, the newest part. */
function keepSteps() {
  const steps = [...state.past, ...state.future];
  const kept = () => stepsKept.keep(steps.slice(Math.max(steps.length - stepsRoom, 0)));
  while (!kept() && stepsRoom) stepsRoom = Math.floor(Math.min(stepsRoom, steps.length) / 2);
}

function turn(event) {
  const before = look;
  look = looking.reduce(look, event);
  if (look === before) return;
  paintSoon();
  if (look.camera !== before.camera || looking.panels(look) !== looking.panels(before)) keepLook();
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

let scheduled = false;
function paintSoon() {
  if (!scheduled) requestAnimationFrame(paint);
  scheduled = true;
}

let worded = {};
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
  if (drawn && document.body.dataset.painted !== state.open) journey.painted();
  journey?.wantTiles();
}

/** Somebody decided what stands. */
function choose(choice) {
  const photoId = state.open;
  if (choice === "again") dispatch({ type: "retried", photoId });
  else if (versions(state)?.why === "readings") dispatch({ type: "settled", choice });
  else dispatch({ type: "resolved", photoId, choice: choice === "saved" ? "theirs" : choice });
  if (choice === "saved") journey.load(photoId);
  sender.kick();
}

/** The versions of the open photo, asked for again when it was saved. */
let recalled = "";
async function recall() {
  const { open: photoId, reader } = state;
  const key = `${photoId} ${state.photos.get(photoId)?.revision} ${look.side}`;
  if (key === recalled || !photoId || !look.side) return;
  recalled = key;
  const answer = await call(`/api/history?${new URLSearchParams({ photo_id: photoId, reader })}`);
  if (answer?.status === 200 && photoId === state.open)
    panels.showHistory(answer.body.history, (past) => act("bring-back", past));
}

/** How well people agree, asked for again when something was saved. */
let agreed = "";
async function askAgreement() {
  const key = `${journey.lastId} ${state.annotator}`;
  if (key === agreed || !look.side || state.box.length) return;
  agreed = key;
  const answer = await call(`/api/agreement?${new URLSearchParams({ annotator: state.annotator })}`);
  if (answer?.status !== 200) return;
  panels.showAgreement(answer.body, state.reader, () => {
    dispatch({ type: "filtered", filter: "disagreed" });
    if (!state.photos.get(state.open)?.disagreed) journey.open(stating.listedIds(state)[0]);
  });
}

/** Labels the model disagrees with, asked for again when something was saved. */
let advice = "";
let doubted = -1;
async function askDoubts() {
  if (doubted === journey.lastId || !look.side || state.reader || !journey.told.proposes) return;
  doubted = journey.lastId;
  const answer = await call("/api/doubts");
  if (answer?.status !== 200) return;
  const { doubts } = answer.body;
  dispatch({ type: "doubted", doubts });
  panels.showDoubts(doubts, advice, async (doubt) => {
    await journey.open(doubt.photo_id);
    turn({ type: "shown", point: doubt });
  });
}

function listen() {
  addEventListener("keydown", pressed);
  addEventListener("keyup", (event) => event.key === " " && stage.hold(false));
  addEventListener("blur", () => stage.hold(false));
  for (const button of document.querySelectorAll("[data-action]"))
    button.addEventListener("click", (event) => {
      act(button.dataset.action, event.timeStamp);
      $("marks").focus({ preventScroll: true });
    });
  for (const name of ["brightness", "contrast"])
    $(name).addEventListener("input", (event) => turn({ type: "toned", [name]: 2 ** Number(event.target.value) }));
  $("tones-button").addEventListener("click", () => {
    const shown = $("side").toggleAttribute("data-tones");
    $("tones-button").setAttribute("aria-pressed", String(shown));
  });
  $("help-button").addEventListener("click", () => act("help"));
  $("place").addEventListener("click", () => act("jump"));
  $("save").addEventListener("click", () => journey.open(words(state).stuck[0]));
  $("person").addEventListener("click", rename);
  document.addEventListener("visibilitychange", () => journey.tell());
  addEventListener("online", () => journey.tell());
  addEventListener("offline", () => dispatch({ type: "line", line: { reachable: false } }));
  addEventListener("hashchange", () => journey.open(addressed()));
  addEventListener("pagehide", () => journey.leave());
  addEventListener("pageshow", () => journey.comeBack());
  addEventListener("beforeunload", (event) => {
    if (state.box.length && !state.line.kept) event.preventDefault();
  });
}

function pressed(event) {
  if (event.target.closest?.("input, dialog")) return;
  if (event.key === " ") {
    stage.hold(true);
    return event.preventDefault();
  }
  const asks = !$("conflict").hidden && !event.ctrlKey && !event.metaKey;
  const choice = asks && $("conflict-choices").children[event.key - 1];
  if (choice) return choice.click();
  const name = action(event);
  if (!name) return;
  event.preventDefault();
  act(name, event.timeStamp);
}

const addressed = () => decodeURIComponent(location.hash.slice(1));

async function rename() {
  let annotator = "";
  while (!annotator) annotator = await panels.askName(state.annotator);
  localStorage.setItem("dentline:name", annotator);
  if (journey) dispatch({ type: "named", annotator, steps: stepsOf(annotator) });
  return annotator;
}

/** What this person did here, for undo. */
function stepsOf(annotator) {
  stepsKept = new Keeper(`dentline:${projectId}:step:${[annotator, state.reader].map(encodeURIComponent).join(":")}:`);
  return stepsKept.load();
}

/** Ask until the server answers. */
async function patiently(path) {
  for (;;) {
    const answer = await call(path);
    if (answer?.status === 200) return answer.body;
    if (answer) throw new Error(answer.body.error.message);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function begin() {
  panels.fillFilters((filter) => dispatch({ type: "filtered", filter }));
  panels.fillSheet();
  const annotator = localStorage.getItem("dentline:name") || (await rename());
  const reader = location.search === "?second" ? annotator : "";
  const project = await patiently("/api/project");
  const { photos, last_id: lastId } = await patiently(`/api/photos?${new URLSearchParams({ reader })}`);
  document.title = `${project.name} – Dentline`;
  $("project").textContent = project.name;
  projectId = project.id;
  savesKept = new Keeper(`dentline:${projectId}:save:`);
  state = stating.initial(annotator, reader, savesKept.load());
  dispatch({ type: "named", annotator, steps: stepsOf(annotator) });
  const heard = () => {
    sender.kick();
    askAgreement();
    askDoubts();
  };
  journey = new Journey(page, pictures, { sessionId: random() + random(), proposes: project.proposes, lastId, heard });
  act = actor(page, journey, pictures, { jump: () => jump.open(state), help: () => $("help-dialog").showModal() });
  dispatch({ type: "listed", photos });
  stage.measure();
  listen();
  call("/api/advice").then((answer) => (advice = answer?.body.says ?? ""));
  if (!photos.length) panels.showEmpty(project.name, reader);
  await journey.tell();
  await journey.open(state.photos.has(addressed()) ? addressed() : (stating.following(state) ?? state.order[0]));
  sender.kick();
}

begin();
