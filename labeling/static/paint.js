/** Draws on canvases what view.js says. */

import { levelFor, tile, tilesSeen, toScreen } from "./camera.js";

/** Give a canvas as many pixels as the screen has under it. */
export function sized(canvas, { width, height }, ratio) {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
}

/**
 * Draw the photo from coarse to fine with the tiles that are there.
 *
 * @returns {boolean} whether anything of the photo could be drawn
 */
export function paintPhoto(canvas, photo, pictures, { camera, view, ratio }) {
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#101010";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = camera.scale * ratio < 4;
  context.imageSmoothingQuality = "medium";
  const goal = levelFor(camera, photo, ratio);
  let drawn = false;
  for (let level = photo.levels - 1; level >= goal; level--)
    for (const piece of tilesSeen(camera, photo, view, level)) {
      const bitmap = pictures.get(photo, piece);
      if (!bitmap) continue;
      const near = toScreen(camera, view, piece);
      const far = toScreen(camera, view, { x: piece.x + piece.width, y: piece.y + piece.height });
      const [x, y] = [Math.round(near.x * ratio), Math.round(near.y * ratio)];
      context.drawImage(bitmap, x, y, Math.round(far.x * ratio) - x, Math.round(far.y * ratio) - y);
      drawn = true;
    }
  return drawn;
}

const SHAPES = {
  ring: (context, { x, y, r }) => context.arc(x, y, r, 0, 2 * Math.PI),
  square: (context, { x, y, r }) => context.rect(x - r, y - r, 2 * r, 2 * r),
  dot: (context, { x, y, r }) => context.arc(x, y, r, 0, 2 * Math.PI),
  line: (context, { x, y, x2, y2 }) => {
    context.moveTo(x, y);
    context.lineTo(x2, y2);
  },
  cross(context, { x, y, r }) {
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + dx * 2.5, y + dy * 2.5);
      context.lineTo(x + dx * r, y + dy * r);
    }
  },
};

/** Draw shapes, each with a dark edge so that it shows on any surface. */
export function paintShapes(canvas, shapes, colors, ratio) {
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  for (const shape of shapes) {
    context.beginPath();
    SHAPES[shape.kind](context, shape);
    context.setLineDash([]);
    context.strokeStyle = colors.edge;
    context.lineWidth = shape.width + 1.5;
    if (!shape.dash && shape.color !== "pointer") context.stroke();
    context.setLineDash(shape.dash ?? []);
    context.strokeStyle = colors[shape.color];
    context.lineWidth = shape.width;
    context.stroke();
  }
}

/** Grey values of a square of the photo around a point, from the finest tiles there are. */
export async function greyWindow(photo, pictures, point, halfPx) {
  const side = 2 * halfPx;
  const corner = { x: Math.floor(point.x) - halfPx, y: Math.floor(point.y) - halfPx };
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [side, side];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const sidePx = photo.tilePx;
  const index = (value, size) => Math.min(Math.max(Math.floor(value / sidePx), 0), Math.ceil(size / sidePx) - 1);
  for (let row = index(corner.y, photo.height); row <= index(corner.y + side, photo.height); row++)
    for (let column = index(corner.x, photo.width); column <= index(corner.x + side, photo.width); column++) {
      const piece = tile(photo, 0, column, row);
      const bitmap = await pictures.fetch(photo, piece);
      if (!bitmap) return null;
      context.drawImage(bitmap, piece.x - corner.x, piece.y - corner.y);
    }
  const { data } = context.getImageData(0, 0, side, side);
  const grey = Float32Array.from({ length: side * side }, (_, i) =>
    data[4 * i + 3] ? 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2] : NaN,
  );
  return { window: { data: filled(grey), side }, corner };
}

/** Beyond the photo's edge there is nothing: take the mean, which no spot stands out from. */
function filled(grey) {
  const known = grey.filter((value) => value === value);
  const mean = known.reduce((a, b) => a + b, 0) / Math.max(known.length, 1);
  return grey.map((value) => (value === value ? value : mean));
}
