/**
 * How the person looks at the photo: camera, tone, pointer, which panels show. Pure; kept from photo
 * to photo, and (but for the pointer) from visit to visit.
 */

import { carried, fit, panned, showing, zoomedAt } from "./camera.js";

export const initial = (kept = {}) => ({
  camera: null,
  photo: null,
  view: { width: 1, height: 1 },
  ratio: 1,
  pointer: null,
  drag: null,
  panning: false,
  held: false,
  brightness: 1,
  contrast: 1,
  side: true,
  strip: true,
  outlines: true,
  ghosts: true,
  ...kept,
});

/** What is worth keeping for the next visit. */
export const kept = ({ camera, brightness, contrast, side, strip, outlines, ghosts }) => ({
  ...{ camera, brightness, contrast, side, strip, outlines, ghosts },
});

/** What the bars and panels show of it, as one comparable value. */
export const panels = ({ brightness, contrast, side, strip, ghosts }) =>
  [brightness, contrast, side, strip, ghosts].join();

const bounded = (value) => Math.min(Math.max(Math.round(value * 100) / 100, 0.25), 4);
const middle = (look) => ({ x: look.view.width / 2, y: look.view.height / 2 });

const EVENTS = {
  resized(look, { view, ratio }) {
    const camera = look.photo && (look.camera?.fitted ?? true) ? fit(look.photo, view) : look.camera;
    return { ...look, view, ratio, camera };
  },
  /** Another photo is looked at. */
  turned(look, { photo }) {
    const from = look.photo ?? photo;
    return { ...look, photo, camera: carried(look.camera, from, photo, look.view), drag: null };
  },
  zoomed: (look, { factor, at }) => ({
    ...look,
    camera: zoomedAt(look.camera, look.photo, look.view, factor, at ?? look.pointer ?? middle(look)),
  }),
  /** Zoom to a number of CSS pixels a photo pixel. */
  scaled(look, { scale, at }) {
    return EVENTS.zoomed(look, { factor: scale / look.camera.scale, at });
  },
  fitted: (look) => ({ ...look, camera: fit(look.photo, look.view) }),
  panned: (look, { dx, dy }) => ({ ...look, camera: panned(look.camera, look.photo, dx, dy) }),
  shown: (look, { point }) => ({ ...look, camera: showing(look.camera, look.photo, look.view, point) }),
  pointed: (look, { at }) => ({ ...look, pointer: at }),
  dragged: (look, { drag }) => ({ ...look, drag }),
  panning: (look, { on }) => (look.panning === on ? look : { ...look, panning: on }),
  held: (look, { on }) => ({ ...look, held: on }),
  toned: (look, { brightness = look.brightness, contrast = look.contrast }) => ({
    ...look,
    brightness: bounded(brightness),
    contrast: bounded(contrast),
  }),
  toggled: (look, { panel }) => ({ ...look, [panel]: !look[panel] }),
};

export function reduce(look, event) {
  if (!look.photo && ["zoomed", "scaled", "fitted", "panned", "shown"].includes(event.type)) return look;
  return EVENTS[event.type](look, event);
}
