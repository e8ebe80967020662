import assert from "node:assert/strict";
import test from "node:test";
import { snapped } from "../../labeling/static/blob.js";
import { carried, fit, levelFor, panned, tilesSeen, toPhoto, toScreen, zoomedAt } from "../../labeling/static/camera.js";
import { merge, nearest } from "../../labeling/static/centers.js";
import { idle, step } from "../../labeling/static/gestures.js";
import { action, sheet } from "../../labeling/static/keys.js";

const view = { width: 1000, height: 600 };
const photo = { width: 4000, height: 3000, levels: 3, tilePx: 1024 };
const close = (a, b, within = 1e-6) => assert.ok(Math.abs(a.x - b.x) < within && Math.abs(a.y - b.y) < within, `${JSON.stringify(a)} is not ${JSON.stringify(b)}`);

test("screen to photo and back is the same place", () => {
  const camera = { scale: 0.37, x: 1234, y: 987 };
  close(toScreen(camera, view, toPhoto(camera, view, { x: 12, y: 590 })), { x: 12, y: 590 });
});

test("zooming keeps the photo point under the pointer", () => {
  let camera = fit(photo, view);
  const at = { x: 700, y: 200 };
  const under = toPhoto(camera, view, at);
  for (const factor of [1.5, 2, 0.7, 3]) camera = zoomedAt(camera, photo, view, factor, at);
  close(toPhoto(camera, view, at), under);
});

test("the photo cannot be lost from sight", () => {
  const camera = panned(fit(photo, view), photo, 1e6, -1e6);
  assert.deepEqual([camera.x, camera.y], [0, 3000]);
});

test("fitted stays fitted; a zoom is carried to the same share of the next photo", () => {
  const small = { ...photo, width: 2000, height: 1500 };
  assert.deepEqual(carried(fit(photo, view), photo, small, view), fit(small, view));
  const next = carried({ scale: 2, x: 1000, y: 1500, fitted: false }, photo, small, view);
  assert.deepEqual([next.scale, next.x, next.y], [2, 500, 750]);
});

test("the tiles drawn are as fine as the screen, cover the view and no more", () => {
  const camera = fit(photo, view);
  assert.equal(levelFor(camera, photo, 1), 2);
  assert.equal(levelFor(camera, photo, 2), 1);
  assert.equal(levelFor({ ...camera, scale: 3 }, photo, 1), 0);
  assert.equal(tilesSeen(camera, photo, view, 0).length, 12);
  const seen = tilesSeen({ scale: 1, x: 1024, y: 1024 }, photo, view, 0);
  assert.deepEqual(new Set(seen.map((t) => `${t.column},${t.row}`)), new Set(["0,0", "1,0", "0,1", "1,1"]));
  assert.deepEqual(tilesSeen(camera, photo, view, 2), [{ level: 2, column: 0, row: 0, x: 0, y: 0, width: 4000, height: 3000 }]);
});

test("a merge holds what each added and took out", () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => ({ x: n, y: n }));
  const version = (...centers) => ({ centers, status: centers.length ? "marked" : "new" });
  assert.deepEqual(merge(version(a, b), version(a, c), version(a, b, d)), version(a, d, c));
  assert.deepEqual(merge(version(a), version(a, c), version(a, c)), version(a, c), "the same mark twice is one");
  assert.deepEqual(merge(version(a), version(), version(b)), version(b));
  assert.deepEqual(merge(version(), { centers: [], status: "clean" }, version(b)), version(b));
});

test("the nearest centre within reach is found", () => {
  const list = [{ x: 10, y: 10 }, { x: 14, y: 10 }];
  assert.deepEqual([nearest(list, { x: 13, y: 10 }, 5), nearest(list, { x: 90, y: 9 }, 5)], [1, -1]);
});

const surface = (spots, noise = 0) => {
  const side = 96;
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
  const data = Float32Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) + 0.5, Math.floor(i / side) + 0.5];
    const dark = spots.reduce((sum, s) => sum + s.depth * Math.exp(-((x - s.x) ** 2 + (y - s.y) ** 2) / (2 * s.size ** 2)), 0);
    return 120 + 0.3 * x - dark + noise * random();
  });
  return { data, side };
};

test("a snap finds the middle of a dark or bright spot, whatever its size, on a slope and in noise", () => {
  for (const size of [2, 4, 7])
    for (const depth of [40, -40]) {
      const found = snapped(surface([{ x: 50.3, y: 44.8, size, depth }], 8), { x: 45, y: 48 });
      close(found, { x: 50.3, y: 44.8 }, 0.6);
    }
});

test("a snap takes the near spot rather than a stronger one far off, and nothing on an even surface", () => {
  const found = snapped(surface([{ x: 45, y: 48, size: 3, depth: 30 }, { x: 62, y: 48, size: 3, depth: 60 }]), { x: 43, y: 47 });
  close(found, { x: 45, y: 48 }, 1);
  assert.equal(snapped(surface([]), { x: 48, y: 48 }), null);
});

test("a snap leaves streaks alone, which have no middle, and tells neighbouring pits apart", () => {
  const streaks = [-9, 0, 9].flatMap((across, i) =>
    [-12, -6, 0, 6, 12].map((along) => ({ x: 48 + across, y: 48 + along, size: 3, depth: i === 1 ? -40 : 40 })),
  );
  assert.equal(snapped(surface(streaks, 4), { x: 46, y: 47 }), null);
  const pits = [{ x: 40, y: 48, size: 3, depth: 40 }, { x: 58, y: 48, size: 3, depth: 40 }];
  for (const pit of pits) close(snapped(surface(pits, 4), { x: pit.x + 2, y: pit.y - 3 }), pit, 1);
});

const hand = (...events) => {
  let gesture = idle;
  const intents = [];
  for (const event of events) {
    const [next, said] = step(gesture, { id: 1, touch: false, button: 0, on: -1, snap: false, pan: false, ...event });
    gesture = next;
    intents.push(...said);
  }
  return intents.map((intent) => intent.what);
};
const p = (x, y = 0) => ({ x, y });

test("a hand: click, drag, pan, right click", () => {
  assert.deepEqual(hand({ type: "down", at: p(5) }, { type: "move", at: p(7) }, { type: "up", at: p(7) }), ["mark"]);
  assert.deepEqual(hand({ type: "down", at: p(5) }, { type: "move", at: p(25) }, { type: "up", at: p(25) }), ["pan"]);
  assert.deepEqual(hand({ type: "down", at: p(5), on: 2 }, { type: "up", at: p(5) }), ["select"]);
  assert.deepEqual(hand({ type: "down", at: p(5), on: 2 }, { type: "move", at: p(25) }, { type: "up", at: p(26) }), ["drag", "drop"]);
  assert.deepEqual(hand({ type: "down", at: p(5), on: 2, button: 2 }, { type: "up", at: p(5) }), ["remove"]);
  assert.deepEqual(hand({ type: "down", at: p(5), pan: true }, { type: "move", at: p(6) }, { type: "up", at: p(6) }), ["pan"]);
});

test("fingers: two pinch and never mark; one that rests aims; a cancelled drag is undone", () => {
  assert.deepEqual(
    hand({ type: "down", at: p(0), touch: true }, { type: "down", id: 2, at: p(100), touch: true }, { type: "move", id: 2, at: p(200) },
      { type: "up", id: 2, at: p(200) }, { type: "up", at: p(0) }),
    ["drag", "zoom", "pan"],
  );
  assert.deepEqual(hand({ type: "down", at: p(0), touch: true }, { type: "held" }, { type: "move", at: p(30) }, { type: "up", at: p(30) }), ["aim", "aim", "mark"]);
  assert.deepEqual(hand({ type: "down", at: p(0), on: 1 }, { type: "move", at: p(30) }, { type: "cancel", at: p(30) }), ["drag", "drag"]);
});

test("keys: every chord of the table acts, each once, and modifiers count", () => {
  const of = (key, over = {}) => action({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...over });
  assert.equal(of("c"), "clean");
  assert.equal(of("c", { ctrlKey: true }), undefined, "copying is not marking clean");
  assert.equal(of("Z", { metaKey: true, shiftKey: true }), "redo");
  assert.equal(of("C", { shiftKey: true }), undefined);
  assert.equal(of("?", { shiftKey: true }), "help");
  assert.equal(of("+", { shiftKey: true }), "zoom-in");
  const chords = sheet().flatMap(([, rows]) => rows.flatMap(([keys]) => keys));
  assert.equal(new Set(chords).size, chords.length);
});
