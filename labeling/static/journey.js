/** The way from photo to photo: opening, loading ahead, saying where this page is, hearing of others. */

import { carried, levelFor, tile, tilesSeen, toPhoto } from "./camera.js";
import { call } from "./sender.js";
import { following, lacksReadings, neighbour, openDoc } from "./state.js";

const HERE_MS = 2500;
const GHOSTS_MS = 60_000;

const query = (values) => new URLSearchParams(values).toString();

export class Journey {
  /**
   * @param {{state, look, dispatch}} page
   * @param {import("./pictures.js").Pictures} pictures
   * @param {{sessionId: string, proposes: boolean, lastId: number, heard: () => void}} told
   */
  constructor(page, pictures, told) {
    this.page = page;
    this.pictures = pictures;
    this.told = told;
    this.lastId = told.lastId;
    this.loading = new Map();
    this.asked = new Set();
    this.turnedAt = 0;
  }

  /** Open a photo. `since` is when the person asked for it, on the clock of performance.now(). */
  async open(photoId, since = 0) {
    const { page } = this;
    if (!photoId || photoId === page.state().open || !page.state().photos.has(photoId)) return;
    this.turnedAt = since;
    document.body.dataset.painted = "";
    page.dispatch({ type: "opened", photoId });
    this.addressed();
    if (!page.state().docs.has(photoId)) await this.load(photoId);
    this.arrived();
  }

  /** The page's address names the open photo, so that a reload leads back to it. */
  addressed() {
    history.replaceState(null, "", `#${encodeURIComponent(this.page.state().open)}`);
  }

  /** Another photo is open: say so, and look ahead from there. */
  arrived() {
    this.addressed();
    this.tell();
    this.lookAhead();
  }

  /** The open photo is on the screen for the first time: note how long it took since the key. */
  painted() {
    document.body.dataset.painted = this.page.state().open;
    const start = this.turnedAt;
    if (start) setTimeout(() => performance.measure("dentline:turn", { start, end: performance.now() }));
    this.turnedAt = 0;
  }

  /** On to the next photo to mark. */
  async goOn(since) {
    const { page } = this;
    const left = openDoc(page.state());
    if (!following(page.state())) await this.tell();
    const found = following(page.state());
    if (!found) return this.stay();
    const undecided = left?.status === "new" && page.state().filter !== "disagreed";
    const opened = this.open(found, since);
    if (undecided) page.dispatch({ type: "noticed", text: `${left.id} stays open. If it has no dents, C says so.` });
    return opened;
  }

  /** There is nothing to go on to: say why. */
  stay() {
    const { page } = this;
    const state = page.state();
    const left = [...state.photos.values()].filter((photo) => photo.status === "new" && photo.id !== state.open).length;
    const others = state.people.map((person) => person.annotator).join(", ");
    const text = left && others ? `The ${left} photos left are with ${others}.` : "That was the last one.";
    page.dispatch({ type: "noticed", text });
  }

  /** Bring a photo's saved version; @returns {Promise<boolean>} whether it came. */
  load(photoId) {
    if (!this.loading.has(photoId))
      this.loading.set(photoId, this.fetch(photoId).finally(() => this.loading.delete(photoId)));
    return this.loading.get(photoId);
  }

  async fetch(photoId) {
    const { page } = this;
    const answer = await call(`/api/photo?${query({ photo_id: photoId, reader: page.state().reader })}`);
    if (answer?.status !== 200) {
      if (answer) page.dispatch({ type: "broken", photoId, message: answer.body.error.message });
      else if (photoId === page.state().open) page.dispatch({ type: "noticed", text: "The server does not answer." });
      return false;
    }
    const { photo, annotation, readings } = answer.body;
    const { centers, status, revision, annotator } = annotation;
    const { tile_px: tilePx, ...size } = photo;
    page.dispatch({ type: "loaded", doc: { ...size, tilePx, centers, status, revision, annotator, readings } });
    return true;
  }

  /** Where the person is likely to go next, likeliest first. */
  ahead() {
    const state = this.page.state();
    const ids = [following(state), neighbour(state, 1), ...state.upcoming.slice(0, 2), neighbour(state, -1)];
    return [...new Set(ids)].filter((id) => id && id !== state.open);
  }

  /** Have the next photos here before they are asked for, and what the model proposes on them. */
  lookAhead() {
    const state = this.page.state();
    for (const id of [state.open, ...this.ahead()])
      if (id && (!state.docs.has(id) || lacksReadings(state, id))) this.load(id);
    if (this.told.proposes && !state.reader)
      for (const id of [state.open, ...this.ahead().slice(0, 1)]) this.loadGhosts(id);
  }

  async loadGhosts(photoId) {
    if (!photoId || this.asked.has(photoId)) return;
    this.asked.add(photoId);
    const answer = await call(`/api/proposals?${query({ photo_id: photoId })}`, null, GHOSTS_MS);
    if (answer?.status === 200) this.page.dispatch({ type: "ghosts", photoId, ghosts: answer.body });
    else this.asked.delete(photoId);
  }

  /** Ask for the tiles in sight, under the loupe, and of the next photos as they will be seen. */
  wantTiles() {
    const [state, look] = [this.page.state(), this.page.look()];
    const doc = openDoc(state);
    if (!doc || !look.camera || look.photo?.id !== doc.id) return;
    const top = (photo) => tile(photo, photo.levels - 1, 0, 0);
    const seen = (photo, camera) => tilesSeen(camera, photo, look.view, levelFor(camera, photo, look.ratio));
    const wanted = [[doc, top(doc)], ...seen(doc, look.camera).map((piece) => [doc, piece])];
    if (look.side && look.pointer) {
      const at = toPhoto(look.camera, look.view, look.pointer);
      const place = (value, size) => Math.floor(Math.min(Math.max(value, 0), size - 1) / doc.tilePx);
      wanted.push([doc, tile(doc, 0, place(at.x, doc.width), place(at.y, doc.height))]);
    }
    const ahead = this.ahead().map((id) => state.docs.get(id)).filter(Boolean);
    for (const photo of ahead) wanted.push([photo, top(photo)]);
    for (const photo of ahead.slice(0, 2))
      wanted.push(...seen(photo, carried(look.camera, doc, photo, look.view)).map((piece) => [photo, piece]));
    this.pictures.want(wanted);
  }

  /** Say where this page is; hear what others did and what to mark next. Repeats by itself. */
  tell() {
    if (this.left) return Promise.resolve();
    this.telling ??= this.here().finally(() => (this.telling = null));
    return this.telling;
  }

  async here() {
    clearTimeout(this.timer);
    const { annotator, reader, open } = this.page.state();
    const answer = await call("/api/here", {
      ...{ session_id: this.told.sessionId, annotator, reader, photo_id: open ?? "" },
      ...{ hidden: document.hidden, since: this.lastId },
    });
    this.timer = setTimeout(() => this.tell(), HERE_MS);
    const reachable = answer !== null && answer.status < 500;
    if (this.page.state().line.reachable !== reachable) this.page.dispatch({ type: "line", line: { reachable } });
    if (answer?.status !== 200) return;
    const { changes, last_id, upcoming, people, why } = answer.body;
    this.lastId = last_id;
    this.page.dispatch({ type: "heard", changes, upcoming, people, why });
    this.lookAhead();
    this.told.heard();
  }

  /** The page closes: what was set aside for it is free for others. */
  leave() {
    this.left = true;
    const body = new Blob([JSON.stringify({ session_id: this.told.sessionId })], { type: "application/json" });
    navigator.sendBeacon("/api/leave", body);
  }

  /** The page is shown again as it was when it closed. */
  comeBack() {
    this.left = false;
    return this.tell();
  }
}
