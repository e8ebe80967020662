/** The strip of thumbnails: only those in sight are made. */

import { listedIds } from "./state.js";

export class Strip {
  constructor(scroller, rail, choose) {
    this.scroller = scroller;
    this.rail = rail;
    this.cells = new Map();
    this.shown = null;
    scroller.addEventListener("scroll", () => this.fill(), { passive: true });
    scroller.addEventListener(
      "wheel",
      (event) => {
        if (Math.abs(event.deltaY) > Math.abs(event.deltaX)) scroller.scrollLeft += event.deltaY;
      },
      { passive: true },
    );
    rail.addEventListener("click", (event) => {
      const cell = event.target.closest(".thumb");
      if (cell) choose(cell.dataset.id);
    });
  }

  /** Show the photos as they are; follows the open one when it changed. */
  update(state) {
    const before = this.state;
    this.state = state;
    if (!before || ["order", "photos", "filter", "open"].some((name) => state[name] !== before[name])) {
      this.ids = listedIds(state);
      if (state.open && !this.ids.includes(state.open)) this.ids = withOpen(state, this.ids);
    }
    if (!before || state.open !== before.open || state.filter !== before.filter || !before.order.length) this.follow();
    this.fill();
  }

  get step() {
    return (this.scroller.clientHeight < 80 ? 72 : 96) + 6;
  }

  follow() {
    const at = this.ids.indexOf(this.state.open);
    this.rail.style.width = `${this.ids.length * this.step + 16}px`;
    if (at >= 0) this.scroller.scrollLeft = at * this.step - (this.scroller.clientWidth - this.step) / 2;
  }

  fill() {
    if (!this.state) return;
    const { photos, open, people } = this.state;
    this.rail.style.width = `${this.ids.length * this.step + 16}px`;
    const first = Math.max(Math.floor(this.scroller.scrollLeft / this.step) - 2, 0);
    const last = Math.min(first + Math.ceil(this.scroller.clientWidth / this.step) + 4, this.ids.length);
    const seen = new Set(this.ids.slice(first, last));
    for (const [id, cell] of this.cells)
      if (!seen.has(id)) {
        cell.remove();
        this.cells.delete(id);
      }
    this.ids.slice(first, last).forEach((id, i) => {
      const cell = this.cells.get(id) ?? this.make(id);
      const photo = photos.get(id);
      cell.style.left = `${(first + i) * this.step + 8}px`;
      cell.dataset.status = photo.disagreed ? "disagreed" : photo.status;
      cell.setAttribute("aria-current", String(id === open));
      cell.querySelector(".n").textContent = photo.dents || "";
      cell.querySelector(".at").textContent = people.find((person) => person.photo_id === id)?.annotator ?? "";
    });
  }

  make(id) {
    const cell = document.createElement("button");
    cell.className = "thumb";
    cell.dataset.id = id;
    cell.title = id;
    cell.tabIndex = -1;
    const image = document.createElement("img");
    image.src = `/api/thumbnail?${new URLSearchParams({ photo_id: id })}`;
    image.alt = id;
    image.decoding = "async";
    const n = document.createElement("span");
    n.className = "n";
    const at = document.createElement("span");
    at.className = "at";
    cell.append(image, n, at);
    this.cells.set(id, cell);
    this.rail.append(cell);
    return cell;
  }
}

/** The open photo keeps its place in the strip though the filter no longer shows it. */
function withOpen(state, ids) {
  const shown = new Set([...ids, state.open]);
  return state.order.filter((id) => shown.has(id));
}
