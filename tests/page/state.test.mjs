import assert from "node:assert/strict";
import test from "node:test";
import * as outbox from "../../labeling/static/outbox.js";
import { following, initial, neighbour, reduce, trouble } from "../../labeling/static/state.js";

let ticket = 0;
const run = (state, ...events) =>
  events.reduce((now, event) => reduce(now, { saveId: `s${String(ticket++).padStart(5, "0")}`, ...event }), state);

const line = (id, status = "new", dents = 0) => ({ id, status, dents, revision: 0, annotator: "", disagreed: false });
const blank = (id) => ({ id, width: 100, height: 80, levels: 1, tilePx: 1024, centers: [], status: "new", revision: 0, annotator: "", readings: [] });
const page = () =>
  run(
    initial("Ada"),
    { type: "listed", photos: [line("a.jpg"), line("b.jpg"), line("c.jpg")] },
    { type: "loaded", doc: blank("a.jpg") },
    { type: "loaded", doc: blank("b.jpg") },
    { type: "opened", photoId: "a.jpg" },
  );
const at = (x, y) => ({ type: "marked", point: { x, y } });
const doc = (state, id = "a.jpg") => state.docs.get(id);
/** What the server would answer to the oldest entry. */
const stored = (state, over = {}) => {
  const entry = outbox.next(state.box);
  const { photoId, centers, status, annotator, began } = entry;
  const annotation = { photo_id: photoId, centers, status, annotator, revision: began.revision + 1, ...over };
  return { type: "acknowledged", saveId: entry.saveId, annotation };
};

test("each click is one save that says the revision it began from", () => {
  const state = run(page(), at(10, 10), at(20, 20));
  assert.deepEqual(state.box.map((entry) => [entry.began.revision, entry.centers.length]), [[0, 1], [1, 2]]);
  assert.deepEqual(state.photos.get("a.jpg"), { ...line("a.jpg", "marked", 2), annotator: "Ada" });
  const after = run(state, stored(state));
  assert.equal(after.box.length, 1);
  assert.equal(doc(after).centers.length, 2, "what is on its way stays shown");
});

test("a mark stays on the photo and is kept to a hundredth of a pixel", () => {
  const state = run(page(), at(-5, 500), at(10.12345, 7));
  assert.deepEqual(doc(state).centers, [{ x: 0, y: 79.99 }, { x: 10.12, y: 7 }]);
});

test("undo and redo go through every step, over photos, and save each", () => {
  let state = run(page(), at(10, 10), at(20, 20), { type: "moved", index: 0, point: { x: 11, y: 11 } },
    { type: "opened", photoId: "b.jpg" }, { type: "declared", status: "clean" });
  const end = state;
  for (let i = 0; i < 4; i++) state = run(state, { type: "undone" });
  assert.equal(state.open, "a.jpg", "undo leads back to the photo it changes");
  assert.deepEqual([doc(state).centers, doc(state).status, doc(state, "b.jpg").status], [[], "new", "new"]);
  assert.equal(run(state, { type: "undone" }).notice, "Nothing to undo.");
  for (let i = 0; i < 4; i++) state = run(state, { type: "redone" });
  assert.deepEqual([doc(state).centers, doc(state, "b.jpg").status], [doc(end).centers, "clean"]);
  assert.equal(state.box.length, 12);
});

test("undo takes back only what was done, not what somebody else added since", () => {
  let state = run(page(), at(10, 10));
  state = run(state, stored(state));
  const theirs = { photo_id: "a.jpg", centers: [{ x: 10, y: 10 }, { x: 50, y: 50 }], status: "marked", annotator: "Bo", revision: 2 };
  state = run(state, { type: "heard", changes: [theirs] });
  assert.equal(state.notice, "Bo changed this photo.");
  state = run(state, { type: "undone" });
  assert.deepEqual(doc(state).centers, [{ x: 50, y: 50 }]);
  assert.equal(outbox.newest(state.box, { photoId: "a.jpg", reader: "" }).began.revision, 2);
});

test("no dents here takes marks out, says so, and can be undone", () => {
  const state = run(page(), at(10, 10), at(20, 20), { type: "declared", status: "clean" });
  assert.deepEqual([doc(state).status, doc(state).centers], ["clean", []]);
  assert.match(state.notice, /2 marks taken out/);
  assert.equal(doc(run(state, { type: "undone" })).centers.length, 2);
});

test("skipping leaves marks alone; taking the last mark out leaves the photo unreviewed", () => {
  const marked = run(page(), at(10, 10));
  assert.equal(run(marked, { type: "declared", status: "skipped" }), marked);
  assert.equal(doc(run(marked, { type: "removed", index: 0 })).status, "new");
});

test("off line, a photo keeps one entry, unless it was sent and may be stored", () => {
  const off = { type: "line", line: { reachable: false } };
  let state = run(page(), off, at(1, 1), at(2, 2), at(3, 3));
  assert.deepEqual(state.box.map((entry) => [entry.began.revision, entry.centers.length]), [[0, 3]]);
  assert.equal(doc(state).revision, 1);
  state = run(page(), at(1, 1));
  state = run(state, { type: "sending", saveId: state.box[0].saveId }, off, at(2, 2), at(3, 3));
  assert.deepEqual(state.box.map((entry) => [entry.began.revision, entry.centers.length]), [[0, 1], [1, 3]]);
});

test("a conflict holds that photo's saves back and no other's; each choice leads where it says", () => {
  let state = run(page(), at(10, 10));
  state = run(state, stored(state), at(20, 20), { type: "removed", index: 0 });
  const current = { photo_id: "a.jpg", centers: [{ x: 10, y: 10 }, { x: 50, y: 50 }], status: "marked", annotator: "Bo", revision: 2 };
  const first = state.box[0];
  state = run(state, { type: "refused", saveId: first.saveId, trouble: { code: "conflict", message: "m", current } });
  assert.equal(outbox.next(state.box), undefined);
  assert.equal(outbox.saveState(state.box, state.line).state, "conflict");
  const other = run(state, { type: "opened", photoId: "b.jpg" }, { type: "declared", status: "clean" });
  assert.equal(outbox.next(other.box).photoId, "b.jpg");
  assert.equal(trouble(other, "b.jpg"), null);

  const choose = (choice) => run(state, { type: "resolved", photoId: "a.jpg", choice });
  assert.deepEqual(doc(choose("theirs")).centers, current.centers);
  assert.deepEqual(choose("theirs").box, []);
  assert.deepEqual(doc(choose("mine")).centers, [{ x: 20, y: 20 }]);
  assert.deepEqual(choose("mine").box.map((entry) => entry.began.revision), [2]);
  assert.deepEqual(doc(choose("both")).centers, [{ x: 50, y: 50 }, { x: 20, y: 20 }]);
});

test("a reload shows what is still on its way on top of what is stored", () => {
  const before = run(page(), at(10, 10), at(20, 20));
  const state = run(initial("Ada", "", before.box), { type: "listed", photos: [line("a.jpg")] }, { type: "loaded", doc: blank("a.jpg") });
  assert.deepEqual([doc(state).centers.length, doc(state).revision], [2, 2]);
});

test("what others save shows in the strip; an own answer heard late changes nothing", () => {
  const theirs = { photo_id: "c.jpg", centers: [{ x: 1, y: 1 }], status: "marked", annotator: "Bo", revision: 1 };
  let state = run(page(), { type: "heard", changes: [theirs] });
  assert.deepEqual(state.photos.get("c.jpg"), { id: "c.jpg", status: "marked", dents: 1, revision: 1, annotator: "Bo", disagreed: false });
  state = run(state, at(10, 10));
  const answer = stored(state);
  state = run(state, answer, at(20, 20));
  assert.equal(doc(run(state, { type: "heard", changes: [answer.annotation] })).centers.length, 2);
});

test("second readings are a chain of their own", () => {
  const blind = run(initial("Bo", "Bo"), { type: "listed", photos: [line("a.jpg")] }, { type: "loaded", doc: blank("a.jpg") }, { type: "opened", photoId: "a.jpg" }, at(1, 1));
  assert.equal(blind.box[0].reader, "Bo");
  const first = run(initial("Bo", "", blind.box), { type: "listed", photos: [line("a.jpg")] }, { type: "loaded", doc: blank("a.jpg") });
  assert.deepEqual(doc(first).centers, []);
});

test("next follows the filter, go on follows the queue", () => {
  let state = run(page(), { type: "heard", upcoming: ["a.jpg", "c.jpg"] });
  assert.equal(following(state), "c.jpg");
  assert.equal(neighbour(state, 1), "b.jpg");
  assert.equal(neighbour(state, -1), null);
  state = run(state, at(1, 1), { type: "filtered", filter: "marked" });
  assert.equal(following(state), null);
});

test("the save state is always one of five sentences", () => {
  const entry = run(page(), at(1, 1)).box;
  const on = { reachable: true, kept: true };
  const off = { reachable: false, kept: true };
  assert.deepEqual(outbox.saveState([], on), { state: "saved", text: "Saved" });
  assert.equal(outbox.saveState(entry, on).state, "saving");
  assert.match(outbox.saveState(entry, off).text, /^Not saved: offline, 1 change kept here$/);
  assert.match(outbox.saveState(entry, { reachable: false, kept: false }).text, /only in this tab/);
  assert.equal(outbox.saveState([], off).text, "Offline, all saved");
});
