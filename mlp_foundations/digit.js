// A drawing as MNIST would have it.

// `ink`, side * side values from 0 to 1, as MNIST would have it: 28 * 28 greys from 0 to 255, or null if nothing is drawn.
// The longer side of the drawing becomes 20 pixels, its centre of mass the middle of pixel (14, 14), its darkest pixel 255.
export function toMnist(ink, side) {
  let [left, right, top, bottom, mass, cx, cy] = [side, -1, side, -1, 0, 0, 0];
  for (const [i, v] of ink.entries()) {
    if (!v) continue;
    const [x, y] = [i % side, Math.floor(i / side)];
    [left, right, top, bottom] = [
      Math.min(left, x),
      Math.max(right, x),
      Math.min(top, y),
      Math.max(bottom, y),
    ];
    [mass, cx, cy] = [mass + v, cx + v * (x + 0.5), cy + v * (y + 0.5)];
  }
  if (!mass) return null;
  const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
  // where x lies in the small picture; all of the drawing stays inside
  const place = (c, lo, hi) => {
    const shift = Math.min(28 - (hi + 1) * scale, Math.max(-lo * scale, 14.5 - (c / mass) * scale));
    return x => x * scale + shift;
  };
  const [toX, toY] = [place(cx, left, right), place(cy, top, bottom)];
  const out = new Float64Array(784);
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const v = ink[y * side + x];
      if (v) spread(out, v, toX(x), toX(x + 1), toY(y), toY(y + 1));
    }
  const most = Math.max(...out);
  return out.map(v => Math.round((255 * v) / most));
}

// Add v to each pixel of `out`, times the part of it that the rectangle covers
function spread(out, v, x0, x1, y0, y1) {
  const part = (a, b, i) => Math.max(0, Math.min(b, i + 1) - Math.max(a, i));
  for (let r = Math.max(0, Math.floor(y0)); r < Math.min(28, y1); r++)
    for (let c = Math.max(0, Math.floor(x0)); c < Math.min(28, x1); c++)
      out[r * 28 + c] += v * part(x0, x1, c) * part(y0, y1, r);
}
