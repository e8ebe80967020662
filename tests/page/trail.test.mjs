import assert from "node:assert/strict";
import test from "node:test";
import { initial, reduce } from "../../labeling/static/state.js";
import { change, done, reversed, sorted } from "../../labeling/static/trail.js";

/** A repeatable draw of whole numbers below `n`. */
function draws(seed) {
  let now = seed;
  return (n) => (now = (now * 1103515245 + 12345) % 2147483648) % n;
}

let ticket = 0;
const run = (state, event) => reduce(state, { saveId: `s${String(ticket++).padStart(6, "0")}`, ...event });
const line = { id: "a.jpg", status: "new", dents: 0, revision: 0, annotator: "", disagreed: false };
const blank = { id: "a.jpg", width: 100, height: 80, centers: [], status: "new", revision: 0, annotator: "", readings: [] };
const opened = (box, doc) => {
  const listed = run(initial("Ada", "", box), { type: "listed", photos: [line] });
  return run(run(listed, { type: "loaded", doc }), { type: "opened", photoId: "a.jpg" });
};
const version = (state) => ({ centers: state.docs.get("a.jpg").centers, status: state.docs.get("a.jpg").status });

test("whatever was done, every version comes back by undo and again by redo, also over reloads", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const draw = draws(seed);
    let state = opened([], blank);
    const seen = [version(state)];
    for (let i = 0; i < 30; i++) {
      const n = state.docs.get("a.jpg").centers.length;
      const point = { x: draw(100), y: draw(80) };
      const events = [
        { type: "marked", point },
        { type: "marked", point },
        ...(n ? [{ type: "moved", index: draw(n), point }, { type: "removed", index: draw(n) }] : []),
        { type: "accepted", points: [point, { x: draw(100), y: draw(80) }] },
        { type: "declared", status: ["clean", "skipped", "new"][draw(3)] },
      ];
      const before = state.past.length;
      state = run(state, events[draw(events.length)]);
      if (state.past.length > before) seen.push(version(state));
    }
    const reload = () => {
      const steps = JSON.parse(JSON.stringify([...state.future, ...state.past])).sort(() => draw(3) - 1);
      state = run(opened(state.box, { ...blank, ...version(state) }), { type: "named", annotator: "Ada", steps });
    };
    for (const wanted of seen.slice(0, -1).reverse()) {
      if (!draw(4)) reload();
      state = run(state, { type: "undone" });
      assert.deepEqual(version(state), wanted);
    }
    assert.equal(run(state, { type: "undone" }).notice, "Nothing to undo.");
    for (const wanted of seen.slice(1)) {
      if (!draw(4)) reload();
      state = run(state, { type: "redone" });
      assert.deepEqual(version(state), wanted);
    }
    assert.equal(run(state, { type: "redone" }).notice, "Nothing to redo.");
  }
});

test("a new change after an undo ends what could be done again", () => {
  const state = [{ type: "marked", point: { x: 1, y: 1 } }, { type: "undone" }, { type: "marked", point: { x: 2, y: 2 } }]
    .reduce(run, opened([], blank));
  assert.deepEqual([state.past.length, state.future.length], [1, 0]);
  assert.deepEqual(sorted([...state.past]).future, []);
});

test("a step leaves alone what others did since, and puts nothing in twice", () => {
  const before = { centers: [{ x: 1, y: 1 }], status: "marked" };
  const step = change(before, { centers: [{ x: 1, y: 1 }, { x: 2, y: 2 }], status: "marked" });
  const theirs = { centers: [{ x: 9, y: 9 }, { x: 2, y: 2 }], status: "marked" };
  assert.deepEqual(done(reversed(step), theirs), { centers: [{ x: 9, y: 9 }], status: "marked" });
  assert.deepEqual(done(step, theirs), theirs);
  assert.deepEqual(done(reversed(step), { centers: [{ x: 2, y: 2 }], status: "marked" }), { centers: [], status: "new" });
});
