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
    const style = getComputedStyle(document.documentElement);
    this.colors = Object.fromEntries(
      ["mark", "hovered", "selected", "pointer", "ghost", "doubt", "mine", "theirs", "edge"].map((name) => [
        name,
        style.getPropertyValue(`--${name}`).trim(),
      ]),
    );
    for (const type of ["down", "move", "up", "cancel"])
      parts.marks.addEventListener(`pointer${type}`, (event) => this.pointer(type, event));
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

  /** The space bar is held, or let go: dragging pans. */
  hold(on) {
    this.page.turn({ type: "held", on });
  }

  /** Where on the canvas, to a part of a pixel: `offsetX` is whole. */
  place({ clientX, clientY }) {
    const corner = this.parts.marks.getBoundingClientRect();
    return { x: clientX - corner.left, y: clientY - corner.top };
  }

  pointer(type, event) {
    const at = this.place(event);
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
    this.take({ type, id, touch, button, at, on, snap: shiftKey, pan: look().held });
  }

  take(event) {
    const [gesture, intents] = step(this.gesture, event);
    this.gesture = gesture;
    if (gesture.touch && ["aim", "hold", "drag"].includes(gesture.mode))
      this.parts.side.dataset.touching = event.at.x > this.parts.stage.clientWidth / 2 ? "right" : "left";
    else delete this.parts.side.dataset.touching;
    this.page.turn({ type: "panning", on: gesture.mode === "pan" || gesture.mode === "pinch" });
    for (const intent of intents) this.page.intent(intent);
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.002;
    const at = this.place(event);
    this.page.turn({ type: "zoomed", factor: Math.exp(-event.deltaY * unit * speed), at });
  }

  /** Draw what changed. @returns {boolean} whether the open photo is drawn */
  paint() {
    const { parts, pictures } = this;
    const [state, look] = [this.page.state(), this.page.look()];
    sized(parts.marks, look.view, look.ratio);
    paintShapes(parts.marks, shapes(state, look), this.colors, look.ratio);
    parts.marks.dataset.over = this.hand(state, look);
    parts.photo.style.filter = parts.loupe.style.filter = tone(look);
    if (!look.photo || !look.camera) return false;
    const now = [look.photo, look.camera, look.view, look.ratio, pictures.arrived];
    if (!this.drawn || now.some((value, i) => value !== this.drawn[i])) {
      sized(parts.photo, look.view, look.ratio);
      this.drawn = now;
      this.shown = paintPhoto(parts.photo, look.photo, pictures, look);
    }
    this.paintLoupe(state, look);
    return this.shown;
  }

  /** What the pointer is about to do, for the cursor. */
  hand(state, look) {
    if (look.panning) return "panning";
    if (look.held) return "pan";
    return look.pointer && centerAt(state, look, look.pointer) >= 0 ? "mark" : "";
  }

  paintLoupe(state, look) {
    const { loupe, loupeMarks, spot } = this.parts;
    const point = look.side && this.watched(state, look);
    const zoom = `${Math.round((look.camera?.scale ?? 1) * 100)} %`;
    const texts = point && [`x ${point.x.toFixed(1)}`, `y ${point.y.toFixed(1)}`, zoom];
    [...spot.children].forEach((part, i) => (part.textContent = texts?.[i] ?? ""));
    loupe.parentElement.dataset.empty = String(!point);
    const side = loupe.clientWidth;
    if (!point || !side) return;
    const scale = Math.max(side / LOUPE_PX, look.camera.scale * 1.5);
    const glass = { ...look, view: { width: side, height: side }, camera: { scale, x: point.x, y: point.y } };
    for (const canvas of [loupe, loupeMarks]) sized(canvas, glass.view, look.ratio);
    paintPhoto(loupe, look.photo, this.pictures, glass);
    const middle = { x: side / 2, y: side / 2 };
    const hair = { kind: "cross", ...middle, r: side / 2, color: "pointer", width: 1 };
    const seen = shapes(state, { ...glass, pointer: null, outlines: true });
    paintShapes(loupeMarks, [...seen, hair], this.colors, look.ratio);
  }

  /** What the loupe shows: the centre on the move, the pointer, or the chosen mark. */
  watched(state, look) {
    if (look.drag) return look.drag.point;
    if (look.pointer) return toPhoto(look.camera, look.view, look.pointer);
    return state.docs.get(state.open)?.centers[state.selected] ?? null;
  }
}
