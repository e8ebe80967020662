/**
 * Snapping: the middle of the dark or bright spot nearest to a place. Pure.
 *
 * A difference of Gaussians at several sizes answers most where a spot of that size is; the strongest
 * answer near the place, weighed down with distance, is refined to a part of a pixel by the parabola
 * through its neighbours (Lindeberg, Feature detection with automatic scale selection, 1998).
 */

const SIGMAS = [2, 3, 4.5, 6.5];
const RATIO = 1.6;

/**
 * A spot stands alone: around it, between 2.2 and 5 of its sizes away, nothing answers as strongly as this share of
 * it. A dent that shows only in what the surface mirrors is a heap of streaks, each the other's rival; its middle is
 * none of them, so that moving the mark to one would do harm.
 */
const RIVAL = 0.6;

/** The grey window a snap looks at: half its side in photo pixels. */
export const WINDOW_PX = 48;

/**
 * @param {{data: Float32Array, side: number}} window grey values, row by row, `side` x `side`
 * @param {{x: number, y: number}} at place in the window; the middle of the first pixel is (0.5, 0.5)
 * @param {number} reach how far the spot may be, in pixels
 * @returns {{x: number, y: number, strength: number} | null} null when nothing stands out
 */
export function snapped({ data, side }, at, reach = 16) {
  let best = null;
  for (const sigma of SIGMAS) {
    const answer = difference(data, side, sigma);
    const floor = 3 * spread(answer);
    const low = (v) => Math.max(Math.floor(v - reach), 1);
    const high = (v) => Math.min(Math.ceil(v + reach), side - 2);
    for (let row = low(at.y); row <= high(at.y); row++)
      for (let column = low(at.x); column <= high(at.x); column++) {
        const distance = Math.hypot(column + 0.5 - at.x, row + 0.5 - at.y);
        const value = Math.abs(answer[row * side + column]);
        if (distance > reach || value < floor || !isPeak(answer, side, column, row)) continue;
        const score = value * Math.exp(-0.5 * (distance / (reach * 0.6)) ** 2);
        if (best && score <= best.score) continue;
        if (!rivalled(answer, side, column, row, sigma)) best = { score, answer, column, row, strength: value };
      }
  }
  if (!best) return null;
  const { answer, column, row, strength } = best;
  const of = (dx, dy) => Math.abs(answer[(row + dy) * side + column + dx]);
  const shift = (before, here, after) => {
    const bend = before - 2 * here + after;
    return bend < 0 ? Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend))) : 0;
  };
  return {
    x: column + 0.5 + shift(of(-1, 0), of(0, 0), of(1, 0)),
    y: row + 0.5 + shift(of(0, -1), of(0, 0), of(0, 1)),
    strength,
  };
}

function isPeak(answer, side, column, row) {
  const sign = Math.sign(answer[row * side + column]);
  const here = sign * answer[row * side + column];
  for (let dy = -1; dy <= 1; dy++)
    for (let dx = -1; dx <= 1; dx++)
      if ((dx || dy) && sign * answer[(row + dy) * side + column + dx] > here) return false;
  return true;
}

function rivalled(answer, side, column, row, sigma) {
  const far = Math.ceil(5 * sigma);
  const limit = RIVAL * Math.abs(answer[row * side + column]);
  for (let y = Math.max(row - far, 0); y <= Math.min(row + far, side - 1); y++)
    for (let x = Math.max(column - far, 0); x <= Math.min(column + far, side - 1); x++) {
      const away = Math.hypot(x - column, y - row);
      if (away >= 2.2 * sigma && away <= far && Math.abs(answer[y * side + x]) > limit) return true;
    }
  return false;
}

function difference(data, side, sigma) {
  const fine = blurred(data, side, sigma);
  const coarse = blurred(data, side, sigma * RATIO);
  return fine.map((value, i) => value - coarse[i]);
}

/** The usual size of an answer: its median absolute value, as a standard deviation. */
function spread(answer) {
  const sorted = Float32Array.from(answer, Math.abs).sort();
  return Math.max(sorted[sorted.length >> 1] * 1.4826, 0.05);
}

function blurred(data, side, sigma) {
  const radius = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const sum = kernel.reduce((a, b) => a + b);
  return pass(pass(data, side, kernel, sum, radius, 1), side, kernel, sum, radius, side);
}

function pass(data, side, kernel, sum, radius, step) {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const along = step === 1 ? i % side : Math.floor(i / side);
    let total = 0;
    for (let k = -radius; k <= radius; k++) {
      const place = Math.min(Math.max(along + k, 0), side - 1);
      total += kernel[k + radius] * data[i + (place - along) * step];
    }
    out[i] = total / sum;
  }
  return out;
}
