// One value, and the products and sums that it is made of.

// A matrix: `all` its values, row after row; `t` is the same turned, one value stands for all
export function matrix(rows, cols, all) {
  const m = {rows, cols, all, at: (i, j) => (all.length === 1 ? all[0] : all[i * cols + j])};
  m.t = {rows: cols, cols: rows, all, at: (i, j) => m.at(j, i)};
  return m;
}
// Numbers that are written as base64 of float32
export function floats(text) {
  return new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
}
// JupyterLab leaves keys to an element that says so itself; it does not look at what is around the focus
export function keepKeys(root, names = 'button, input, select, summary, [tabindex]') {
  for (const o of root.querySelectorAll(names)) o.dataset.lmSuppressShortcuts = 'true';
}
export const num = v => String(+v.toPrecision(3)).replaceAll('-', '−');
const inside = v => (v < 0 ? `(${num(v)})` : num(v));
const times = (a, b) => [() => `${num(a)}·${inside(b)}`, a * b];
const dot = (i, j, a, b) => Array.from({length: a.cols}, (_, k) => times(a.at(i, k), b.at(k, j)));

// For each kind of formula: what is added up to value [i, j], as pairs of a function that writes it and its value
export const MADE = {
  '# · # + #': (i, j, a, b, c) => [...dot(i, j, a, b), [() => num(c.at(0, j)), c.at(0, j)]],
  '# · #': dot,
  'J · #': (i, j, a, b, cols) => dot(i * cols + j, 0, a, matrix(b.all.length, 1, b.all)), // a layer's Jacobian
  '# × #': (i, j, a, b) => [times(a.at(i, j), b.at(i, j))],
  'max(0, #)': (i, j, a) => [[() => `max(0, ${num(a.at(i, j))})`, Math.max(0, a.at(i, j))]],
  'mean of (# − #)²': (_i, _j, a, b) =>
    Array.from(a.all, (v, k) => [
      () => `(${num(v)} − ${inside(b.all[k])})²/${a.all.length}`,
      (v - b.all[k]) ** 2 / a.all.length,
    ]),
  'mean of −log # at #': (_i, _j, p, y) =>
    Array.from(y.all, (k, i) => [() => `−log(${num(p.at(i, k))})/${p.rows}`, -Math.log(p.at(i, k)) / p.rows]),
  '1/n (# − #) × #': (i, j, p, hot, up) => [
    [
      () => `(${num(p.at(i, j))} − ${num(hot.at(i, j))})/${p.rows}·${inside(up.at(i, j))}`,
      ((p.at(i, j) - hot.at(i, j)) / p.rows) * up.at(i, j),
    ],
  ],
};

// The parts as a sum: the largest six, and what the others come to
export function sum(parts, most = 6) {
  const used = parts.filter(([, v]) => v !== 0).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const total = list => list.reduce((s, [, v]) => s + v, 0);
  const few = used.length <= most + 1 ? used : used.slice(0, most);
  const texts = few.map(([text]) => text());
  const rest = used.slice(few.length);
  if (rest.length) texts.push(`${rest.length} more, together ${inside(total(rest))}`);
  const zeros = parts.length - used.length;
  if (zeros)
    texts.push(
      zeros === parts.length && zeros === 1 ? parts[0][0]() : `${zeros} that ${zeros === 1 ? 'is' : 'are'} 0`,
    );
  return {text: texts.join(' + '), total: total(parts)};
}

// How a matrix is drawn, as `_layout` in show does: `w` by `h` squares, and for each square the place of its value, or null
export function layout(rows, cols) {
  const turned = cols !== 784 && (rows === 784 || rows > Math.max(12, 2 * cols));
  const [n, m] = turned ? [cols, rows] : [rows, cols];
  const place = (i, j) => (i < n && j < m ? (turned ? [j, i] : [i, j]) : null);
  if (m !== 784) {
    const [r, c] = [Math.ceil(n / 128), Math.ceil(m / 128)];
    const w = Math.ceil(m / c);
    if (n === 1) return {w, h: Math.max(1, Math.floor(w / 16)), at: (_y, x) => place(0, x * c)};
    return {w, h: Math.ceil(n / r), at: (y, x) => place(y * r, x * c)};
  }
  const across = Math.min(n, 10);
  const at = (y, x) => {
    const tile = Math.floor(y / 29) * across + Math.floor(x / 29);
    return y % 29 < 28 && x % 29 < 28 ? place(tile, (y % 29) * 28 + (x % 29)) : null;
  };
  return {w: 29 * across - 1, h: 29 * Math.ceil(Math.min(n, 60) / across) - 1, at};
}

// Put a line into the step `section` that unfolds one value of its result; `made`: {name, op, of, rows, cols, hand}
export function unfold(section, made) {
  const {name, op, of, rows, cols, hand} = made;
  const box = document.createElement('div');
  box.className = 't-unfold';
  const one = rows * cols === 1;
  const field = (label, most) =>
    `<label>${label} <input type="number" min="0" max="${most - 1}" value="0" autocomplete="off"></label> `;
  box.innerHTML = `${one ? '' : `<span>One value of ${name}: ${field('row', rows)}${field('column', cols)}</span>`}<output></output>`;
  const [row, col] = box.querySelectorAll('input');
  const parts = (i, j) => sum(MADE[op](i, j, ...of, cols));
  const show = () => {
    const [i, j] = one
      ? [0, 0]
      : [row, col].map(o => Math.max(0, Math.min(+o.max, Math.round(+o.value) || 0)));
    const {text, total} = parts(i, j);
    const by = hand ? `, but ${num(hand.at(i, j))} by hand` : '';
    box.querySelector('output').value = `${name}${one ? '' : `[${i}, ${j}]`} = ${text} = ${num(total)}${by}`;
    for (const td of section.querySelectorAll('.t-result td')) {
      const [y, x] = [td.parentNode.rowIndex, [...td.parentNode.querySelectorAll('td')].indexOf(td)];
      td.classList.toggle('t-one', rows === 1 && cols > 6 ? y === j : y === i && x === j);
    }
  };
  const pick = (i, j) => {
    if (one) return;
    [row.value, col.value] = [i, j];
    show();
  };
  box.addEventListener('input', show);
  section.addEventListener('click', e => {
    const result = e.target.closest('.t-result');
    const td = e.target.closest('td');
    const picture = e.target.closest('img, canvas');
    if (!result) return;
    if (td) {
      const [y, x] = [td.parentNode.rowIndex, [...td.parentNode.querySelectorAll('td')].indexOf(td)];
      if (rows === 1 && cols > 6) pick(0, y);
      else pick(y, x);
    } else if (picture) {
      const {left, top, width, height} = picture.getBoundingClientRect();
      const {w, h, at} = layout(rows, cols);
      const place = at(
        Math.floor(((e.clientY - top) * h) / height),
        Math.floor(((e.clientX - left) * w) / width),
      );
      if (place) pick(...place);
    }
  });
  // at first the value that is largest in size, among a few hundred
  const step = Math.ceil((rows * cols) / 500);
  let best = [0, 0, -1];
  for (let k = 0; k < rows * cols && !one; k += step) {
    const [i, j] = [Math.floor(k / cols), k % cols];
    const size = Math.abs(MADE[op](i, j, ...of, cols).reduce((s, [, v]) => s + v, 0));
    if (size > best[2]) best = [i, j, size];
  }
  if (!one) [row.value, col.value] = best;
  keepKeys(box);
  section.querySelector('.t-eq').after(box);
  show();
}
