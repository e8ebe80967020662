/** The photo's stage: canvases, pointers and wheel. Reports intents; draws when told. */

import { toPhoto } from "./camera.js";
import { HELD_MS, idle, step } from "./gestures.js";
import { paintPhoto, paintShapes, sized } from "./paint.js";
import { centerAt, shapes, tone } from "./view.js";

const LOUPE_PX = 48;

export class Stage {
  /**
   * @param {object} parts canvases by name: photo, marks, loupe, loupeMarks; stage, spot
   * @param {{state, look, intent, turn}} page state() and look(), and where intents and looks go
   */
  constructor(parts, page, pictures) {
    this.parts = parts;
    this.page = page;
    this.pictures = pictures;
    this.gesture = idle;
    this.space = false;
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(
      ["mark", "hovered", "selected", "pointer", "ghost", "mine", "theirs", "edge"].map((name) => [
        name,
        style.getPropertyValue(`--${name}`).trim(),
      ]),
    );
    for (const [name, type] of [["pointerdown", "down"], ["pointermove", "move"], ["pointerup", "up"], ["pointercancel", "cancel"]])
      parts.marks.addEventListener(name, (event) => this.pointer(type, event));
    parts.marks.addEventListener("pointerleave", () => page.turn({ type: "pointed", at: null }));
    parts.marks.addEventListener("contextmenu", (event) => event.preventDefault());
    parts.marks.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    parts.marks.addEventListener("auxclick", (event) => event.preventDefault());
    new ResizeObserver(() => this.measure()).observe(parts.stage);
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => this.measure());
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.parts.stage;
    this.page.turn({ type: "resized", view: { width, height }, ratio: devicePixelRatio });
  }

  pointer(type, event) {
    const at = { x: event.offsetX, y: event.offsetY };
    const touch = event.pointerType === "touch";
    const { state, look } = this.page;
    if (type === "down") {
      this.parts.marks.focus({ preventScroll: true });
      this.parts.marks.setPointerCapture(event.pointerId);
      if (touch) setTimeout(() => this.take({ type: "held", id: event.pointerId, at }), HELD_MS);
    }
    this.page.turn({ type: "pointed", at: touch && type !== "down" && type !== "move" ? null : at });
    const on = type === "down" ? centerAt(state(), look(), at, touch ? 24 : undefined) : -1;
    const { button, pointerId: id, shiftKey } = event;
    this.take({ type, id, touch, button, at, on, snap: shiftKey, pan: this.space });
  }

  take(event) {
    const [gesture, intents] = step(this.gesture, event);
    this.gesture = gesture;
    this.page.turn({ type: "panning", on: gesture.mode === "pan" || gesture.mode === "pinch" });
    for (const intent of intents) this.page.intent(intent);
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.002;
    const at = { x: event.offsetX, y: event.offsetY };
    this.page.turn({ type: "zoomed", factor: Math.exp(-event.deltaY * unit * speed), at });
  }

  /** Draw everything. @returns {boolean} whether the open photo could be drawn */
  paint() {
    const { parts, pictures } = this;
    const [state, look] = [this.page.state(), this.page.look()];
    for (const canvas of [parts.photo, parts.marks]) sized(canvas, look.view, look.ratio);
    parts.photo.style.filter = parts.loupe.style.filter = tone(look);
    paintShapes(parts.marks, shapes(state, look), this.colors, look.ratio);
    const over = this.space || look.panning ? (look.panning ? "panning" : "pan") : look.pointer && centerAt(state, look, look.pointer) >= 0 ? "mark" : "";
    parts.marks.dataset.over = over;
    if (!look.photo || !look.camera) return false;
    const drawn = paintPhoto(parts.photo, look.photo, pictures, look);
    this.paintLoupe(state, look);
    return drawn;
  }

  paintLoupe(state, look) {
    const { loupe, loupeMarks, spot } = this.parts;
    const point = this.watched(state, look);
    if (!look.loupe || !point) {
      for (const canvas of [loupe, loupeMarks]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
      spot.textContent = "";
      return;
    }
    const side = loupe.clientWidth;
    const scale = Math.max(side / LOUPE_PX, look.camera.scale * 1.5);
    const glass = { ...look, view: { width: side, height: side }, camera: { scale, x: point.x, y: point.y } };
    for (const canvas of [loupe, loupeMarks]) sized(canvas, glass.view, look.ratio);
    paintPhoto(loupe, look.photo, this.pictures, glass);
    const middle = { x: side / 2, y: side / 2 };
    const seen = shapes(state, { ...glass, pointer: null, outlines: true });
    paintShapes(loupeMarks, [...seen, { kind: "cross", ...middle, r: 11, color: "pointer", width: 1 }], this.colors, look.ratio);
    const [x, y] = [point.x.toFixed(1), point.y.toFixed(1)];
    spot.textContent = `x ${x}   y ${y}   ${Math.round(look.camera.scale * 100)} %`;
  }

  /** What the loupe shows: the centre on the move, the pointer, or the chosen mark. */
  watched(state, look) {
    if (look.drag) return look.drag.point;
    if (look.pointer) return toPhoto(look.camera, look.view, look.pointer);
    return state.docs.get(state.open)?.centers[state.selected] ?? null;
  }
}
