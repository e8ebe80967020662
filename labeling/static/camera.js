/**
 * Where the photo lies on the screen. Pure.
 *
 * A camera is `{scale, x, y, fitted}`: the photo point (x, y) is at the middle of the view, `scale` CSS
 * pixels a photo pixel. Sizes are `{width, height}`; screen points are CSS pixels from the view's corner.
 */

const MOST = 32;

export function fit(photo, view) {
  const scale = Math.min(view.width / photo.width, view.height / photo.height) * 0.98;
  return { scale, x: photo.width / 2, y: photo.height / 2, fitted: true };
}

export const toPhoto = (camera, view, { x, y }) => ({
  x: camera.x + (x - view.width / 2) / camera.scale,
  y: camera.y + (y - view.height / 2) / camera.scale,
});

export const toScreen = (camera, view, { x, y }) => ({
  x: view.width / 2 + (x - camera.x) * camera.scale,
  y: view.height / 2 + (y - camera.y) * camera.scale,
});

/** The photo never leaves the view: its visible part keeps the view's middle on it. */
const held = (camera, photo) => ({
  ...camera,
  x: Math.min(Math.max(camera.x, 0), photo.width),
  y: Math.min(Math.max(camera.y, 0), photo.height),
});

/** Zoom by `factor` with the photo point under the screen point `at` staying there. */
export function zoomedAt(camera, photo, view, factor, at) {
  const least = Math.min(fit(photo, view).scale, 1) / 2;
  const scale = Math.min(Math.max(camera.scale * factor, least), MOST);
  const under = toPhoto(camera, view, at);
  return held(
    {
      scale,
      x: under.x - (at.x - view.width / 2) / scale,
      y: under.y - (at.y - view.height / 2) / scale,
      fitted: false,
    },
    photo,
  );
}

/** Move the photo by (dx, dy) CSS pixels. */
export const panned = (camera, photo, dx, dy) =>
  held({ ...camera, x: camera.x - dx / camera.scale, y: camera.y - dy / camera.scale, fitted: false }, photo);

/** The camera for the next photo: fitted stays fitted; else the same zoom at the same share of the photo. */
export function carried(camera, from, to, view) {
  if (!camera || !from || camera.fitted) return fit(to, view);
  return held(
    { ...camera, x: (camera.x / from.width) * to.width, y: (camera.y / from.height) * to.height },
    to,
  );
}

/** Bring a photo point into the view if it is not (with a margin), else leave the camera. */
export function showing(camera, photo, view, point) {
  const at = toScreen(camera, view, point);
  const inside = at.x > 40 && at.y > 40 && at.x < view.width - 40 && at.y < view.height - 40;
  return inside ? camera : held({ ...camera, x: point.x, y: point.y, fitted: false }, photo);
}

/** The level whose pixels are at least as fine as the screen's: level k is the photo halved k times. */
export const levelFor = (camera, photo, ratio) =>
  Math.min(Math.max(Math.floor(Math.log2(1 / (camera.scale * ratio)) + 1e-9), 0), photo.levels - 1);

/**
 * The tiles of a level that the view sees, nearest to the middle first.
 *
 * @returns {{level, column, row, x, y, width, height}[]} the place of each in photo pixels
 */
export function tilesSeen(camera, photo, view, level) {
  const side = photo.tilePx * 2 ** level;
  const corner = toPhoto(camera, view, { x: 0, y: 0 });
  const far = toPhoto(camera, view, { x: view.width, y: view.height });
  const range = (low, high, size) => [
    Math.max(Math.floor(low / side), 0),
    Math.min(Math.ceil(high / side), Math.ceil(size / side)) - 1,
  ];
  const [left, right] = range(corner.x, far.x, photo.width);
  const [top, bottom] = range(corner.y, far.y, photo.height);
  const seen = [];
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++) seen.push(tile(photo, level, column, row));
  const off = (t) => Math.hypot(t.x + t.width / 2 - camera.x, t.y + t.height / 2 - camera.y);
  return seen.sort((a, b) => off(a) - off(b));
}

/** One tile and the photo pixels it covers. */
export function tile(photo, level, column, row) {
  const side = photo.tilePx * 2 ** level;
  const [x, y] = [column * side, row * side];
  return {
    level,
    column,
    row,
    x,
    y,
    width: Math.min(side, photo.width - x),
    height: Math.min(side, photo.height - y),
  };
}
