/**
 * What a hand means: pointer events -> intents. Pure: `step(gesture, event)` returns `[gesture, intents]`.
 *
 * An event is `{type: "down"|"move"|"up"|"cancel"|"held", id, touch, button, at: {x, y}, on, snap, pan}`:
 * `on` is the centre under the pointer or -1, `held` comes when a touch has rested for HELD_MS. An intent is
 * `{what: "mark"|"remove"|"select"|"drag"|"drop"|"pan"|"zoom"|"aim", ...}`.
 */

export const HELD_MS = 350;

const SLOP_PX = { mouse: 4, touch: 10 };

export const idle = { mode: "idle", points: new Map() };

export function step(gesture, event) {
  const points = new Map(gesture.points);
  const before = points.get(event.id);
  if (event.type === "up" || event.type === "cancel") points.delete(event.id);
  else if (event.type === "down" || (event.type === "move" && before)) points.set(event.id, event.at);
  const next = { ...gesture, points };
  if (event.type === "down") return down(next, event);
  if (!before) return [next, []];
  if (event.type === "held") return gesture.mode === "press" ? [{ ...next, mode: "aim" }, aim(gesture.at)] : [next, []];
  if (event.type === "move") return moved(next, event, before);
  return ended(next, event);
}

const aim = (at) => [{ what: "aim", at }];

function down(gesture, event) {
  if (gesture.points.size === 2) return [{ ...gesture, mode: "pinch" }, [{ what: "drag", index: -1 }]];
  if (gesture.points.size > 2) return [gesture, []];
  const begun = { ...gesture, at: event.at, on: event.on, snap: event.snap, touch: event.touch };
  if (event.button === 2) {
    const picked = event.on < 0 ? [] : [{ what: "remove", index: event.on }];
    return [{ ...begun, mode: "pick" }, picked];
  }
  if (event.pan || event.button === 1) return [{ ...begun, mode: "pan" }, []];
  return [{ ...begun, mode: event.on < 0 ? "press" : "hold" }, []];
}

function moved(gesture, event, before) {
  const [dx, dy] = [event.at.x - before.x, event.at.y - before.y];
  if (gesture.mode === "pinch") return [gesture, pinched(gesture, event, before)];
  if (gesture.mode === "pan") return [gesture, [{ what: "pan", dx, dy }]];
  if (gesture.mode === "aim") return [{ ...gesture, at: event.at }, aim(event.at)];
  if (gesture.mode === "drag") return [gesture, [dragTo(gesture, event)]];
  const by = { dx: event.at.x - gesture.at.x, dy: event.at.y - gesture.at.y };
  if (Math.hypot(by.dx, by.dy) < (gesture.touch ? SLOP_PX.touch : SLOP_PX.mouse)) return [gesture, []];
  if (gesture.mode === "hold") return [{ ...gesture, mode: "drag" }, [dragTo(gesture, event)]];
  if (gesture.mode === "press") return [{ ...gesture, mode: "pan" }, [{ what: "pan", ...by }]];
  return [gesture, []];
}

/** A drag moves the centre by as much as the pointer moved, so that it does not jump to the pointer. */
const dragTo = (gesture, event) => ({
  what: "drag",
  index: gesture.on,
  by: { x: event.at.x - gesture.at.x, y: event.at.y - gesture.at.y },
});

function pinched(gesture, event, before) {
  const [other] = [...gesture.points].filter(([id]) => id !== event.id).map(([, at]) => at);
  if (!other) return [];
  const apart = (point) => Math.max(Math.hypot(point.x - other.x, point.y - other.y), 1);
  const at = { x: (event.at.x + other.x) / 2, y: (event.at.y + other.y) / 2 };
  return [
    { what: "zoom", factor: apart(event.at) / apart(before), at },
    { what: "pan", dx: (event.at.x - before.x) / 2, dy: (event.at.y - before.y) / 2 },
  ];
}

function ended(gesture, event) {
  if (gesture.points.size) return [{ ...gesture, mode: gesture.mode === "pinch" ? "pan" : gesture.mode }, []];
  const rest = { ...idle };
  if (event.type === "cancel") return [rest, [{ what: "drag", index: -1 }]];
  if (gesture.mode === "press") return [rest, [{ what: "mark", at: gesture.at, snap: gesture.snap }]];
  if (gesture.mode === "aim") return [rest, [{ what: "mark", at: gesture.at, snap: false }]];
  if (gesture.mode === "hold") return [rest, [{ what: "select", index: gesture.on }]];
  if (gesture.mode === "drag") return [rest, [{ ...dragTo(gesture, event), what: "drop" }]];
  return [rest, []];
}
