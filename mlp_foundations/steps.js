// The pass of the digit on a pad, step by step: a stepper that the page makes itself, for the forward and the backward pass.
import {softmax} from './net.js';
import {startStepper} from './trace.js';
import {layout, matrix, num} from './unfold.js';

// 'w1ᵀ' in italics, its number set low
const html = name =>
  name.replace(
    /\b(out|targ|loss|x|g|[lwb](?=\d))(\d*)/g,
    (_, a, k) => `<i>${a}</i>${k ? `<sub>${k}</sub>` : ''}`,
  );
const many = m => m.all.length > 48 || Math.max(m.rows, m.cols) > 12;

// A matrix as a table of numbers, or drawn: white is the smallest value, black the largest, and where one is below 0 grey is 0
function figure(name, m, note) {
  const box = document.createElement('figure');
  const caption = `<figcaption><b>${html(name)}</b> (${m.rows}, ${m.cols})${note ? `<br>${note}` : ''}`;
  if (!many(m)) {
    const turned = m.rows === 1 && m.cols > 6;
    const cell = (i, j) => `<td>${num(m.at(i, j))}</td>`;
    const rows = Array.from({length: turned ? m.cols : m.rows}, (_, i) =>
      turned
        ? `<th scope="row">${i}</th>${cell(0, i)}`
        : Array.from({length: m.cols}, (_, j) => cell(i, j)).join(''),
    );
    box.innerHTML = `<table aria-label="${name}">${rows.map(o => `<tr>${o}</tr>`).join('')}</table>${caption}</figcaption>`;
    return box;
  }
  let [lo, hi] = [0, 0];
  for (const v of m.all) [lo, hi] = [Math.min(lo, v), Math.max(hi, v)];
  const ink = name[0] === 'x' && !name.includes('.'); // the drawing is dark on white
  if (lo < 0 && !ink) [lo, hi] = [-Math.max(-lo, hi), Math.max(-lo, hi)];
  const {w, h, at} =
    m.rows * m.cols === 784
      ? {w: 28, h: 28, at: (y, x) => (m.rows === 1 ? [0, y * 28 + x] : [y * 28 + x, 0])}
      : layout(m.rows, m.cols);
  const said = `white ${num(lo)}, ${lo < 0 && !ink ? 'grey 0, ' : ''}black ${num(hi)}`;
  box.innerHTML = `<canvas class="t-img" role="img"></canvas>${caption}<br>${said}</figcaption>`;
  const canvas = box.firstChild;
  canvas.ariaLabel = `Heat map of ${name}, ${m.rows} by ${m.cols} values: ${said}`;
  [canvas.width, canvas.height] = [w, h];
  canvas.style.width = `${w * (w === 28 ? 4 : Math.max(1, Math.min(16, Math.floor(280 / w))))}px`;
  const picture = new ImageData(w, h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const place = at(y, x);
      const grey = place ? 255 - (255 * (m.at(...place) - lo)) / (hi - lo || 1) : 255;
      picture.data.set([grey, grey, grey, 255], 4 * (y * w + x));
    }
  canvas.getContext('2d').putImageData(picture, 0, 0);
  return box;
}

// The steps of a pad's pass: {phase, layer, name, op, terms: [name, matrix] pairs, value, code}
export function passOf({layers, acts, grads, label}) {
  const row = v => matrix(1, v.length, v);
  const names = acts.map((_, i) => (i === 0 ? 'x' : i === acts.length - 1 ? 'out' : `l${i}`));
  const [a, g] = [acts.map(row), grads.acts.map(row)];
  const p = row(softmax(acts.at(-1)));
  const hot = row(Float64Array.from(acts.at(-1), (_, j) => +(j === label)));
  const one = row(Float64Array.of(1));
  const loss = row(Float64Array.of(-Math.log(p.at(0, label))));
  const [end, steps] = [acts.length - 1, []];
  const add = (phase, layer, name, formula, op, terms, value, code) =>
    steps.push({phase, layer, name, formula, op, terms, value, code});
  const parts = layers.map(({w, b}, k) => ({w: matrix(a[2 * k].cols, b.length, w), b: row(b), n: k + 1}));
  for (const [k, {w, b, n}] of parts.entries()) {
    const [i, o] = [2 * k, 2 * k + 1];
    if (k)
      add(
        'forward',
        'Relu',
        names[i],
        `max(0, ${names[i - 1]})`,
        'max(0, #)',
        [[names[i - 1], a[i - 1]]],
        a[i],
        'return relu(inp)',
      );
    add(
      'forward',
      'Lin',
      names[o],
      `${names[i]} · w${n} + b${n}`,
      '# · # + #',
      [
        [names[i], a[i]],
        [`w${n}`, w],
        [`b${n}`, b],
      ],
      a[o],
      'return inp@self.w + self.b',
    );
  }
  add(
    'loss',
    'CrossEntropy',
    'loss',
    '−log softmax(out) at targ',
    'mean of −log # at #',
    [
      ['softmax(out)', p],
      ['targ', row(Float64Array.of(label))],
    ],
    loss,
    'return cross_entropy(inp, targ)',
  );
  add(
    'backward',
    'CrossEntropy',
    'out.g',
    'softmax(out) − onehot(targ)',
    '1/n (# − #) × #',
    [
      ['softmax(out)', p],
      ['onehot(targ)', hot],
      ['loss.g', one],
    ],
    g[end],
    'inp.g = (softmax(inp) - one_hot(targ))/n',
  );
  for (const [k, {w, n}] of [...parts.entries()].reverse()) {
    const [i, o] = [2 * k, 2 * k + 1];
    const [inp, out] = [names[i], `${names[o]}.g`];
    add(
      'backward',
      'Lin',
      `${inp}.g`,
      `${out} · w${n}ᵀ`,
      '# · #',
      [
        [out, g[o]],
        [`w${n}ᵀ`, w.t],
      ],
      g[i],
      'inp.g = out.g@self.w.t()',
    );
    add(
      'backward',
      'Lin',
      `w${n}.g`,
      `${inp}ᵀ · ${out}`,
      '# · #',
      [
        [`${inp}ᵀ`, a[i].t],
        [out, g[o]],
      ],
      matrix(a[i].cols, g[o].cols, grads.layers[k].w),
      'self.w.g = inp.t()@out.g',
    );
    add(
      'backward',
      'Lin',
      `b${n}.g`,
      `1ᵀ · ${out}`,
      '# · #',
      [
        ['1ᵀ', one],
        [out, g[o]],
      ],
      row(grads.layers[k].b),
      'self.b.g = out.g.sum(0)',
    );
    if (k) {
      const gate = row(Float64Array.from(acts[i - 1], v => +(v > 0)));
      add(
        'backward',
        'Relu',
        `${names[i - 1]}.g`,
        `(${names[i - 1]} > 0) × ${inp}.g`,
        '# × #',
        [
          [`(${names[i - 1]} > 0)`, gate],
          [`${inp}.g`, g[i]],
        ],
        g[i - 1],
        'inp.g = out.g*(inp>0)',
      );
    }
  }
  return steps;
}

const SIGNS = {
  '# · # + #': ['', ' · ', ' + '],
  '# · #': ['', ' · '],
  '# × #': ['', ' × '],
  '1/n (# − #) × #': ['', ' − ', ' × '],
  'mean of −log # at #': ['−log', ' at '],
};

function section(s, k, n) {
  const o = document.createElement('section');
  o.className = 't-step';
  o.ariaLabel = `Step ${k + 1} of ${n}`;
  o.innerHTML = `<p class="t-title">Step ${k + 1} of ${n}, ${s.phase}: ${s.layer}</p><p class="t-formula">${html(s.name)} = ${html(s.formula)}</p><pre class="t-code">${s.code}</pre><div class="t-eq"></div>`;
  const signs = SIGNS[s.op] || [''];
  for (const [i, [sign, name, m]] of [
    ...s.terms.map(([name, m], i) => [signs[i], name, m]),
    ['=', s.name, s.value],
  ].entries()) {
    const term = document.createElement('div');
    term.className = i === s.terms.length ? 't-term t-result' : 't-term';
    term.innerHTML = `<span>${sign}</span>`;
    term.append(figure(name, m));
    o.querySelector('.t-eq').append(term);
  }
  return o;
}

// Put a stepper of the digit that is on `pad` into `place`
export function stepThrough(pad, place) {
  const steps = passOf(pad);
  const root = document.createElement('div');
  root.className = 'mlp-trace';
  root.dataset.start = place.firstElementChild?.dataset.at || 0;
  root.role = 'group';
  root.ariaLabel = 'The pass of your digit, step by step';
  const button = (s, k) => `<button type="button" data-to="${k}">${html(s.name)}</button>`;
  const boxes = [];
  for (const [k, s] of steps.entries()) {
    if (s.phase !== 'backward') boxes.push({layer: s.layer, there: button(s, k), back: [], at: boxes.length});
  }
  let at = boxes.length;
  for (const [k, s] of steps.entries()) {
    if (s.phase !== 'backward') continue;
    if (at === boxes.length || s.layer !== boxes[at].layer) at--;
    boxes[at].back.push(button(s, k));
  }
  const map = boxes
    .map(
      o =>
        `<li><b>${o.layer}</b><span class="t-there">${o.there} →</span><span>← ${o.back.join('')}</span></li>`,
    )
    .join('');
  const go = [
    [-99, 'first'],
    [-1, '← back'],
    [1, 'next →'],
    [99, 'last'],
  ]
    .map(([by, name]) => `<button type="button" data-by="${by}">${name}</button>`)
    .join('');
  const nav = document.createElement('div');
  nav.className = 't-nav';
  nav.dataset.html = `<ul class="t-map" aria-label="The steps by layer: the forward pass above, the backward pass below">${map}</ul><div class="t-go">${go} <span>or the keys ←, →, Home and End</span></div><p class="t-now" aria-live="polite"></p>`;
  root.append(nav, ...steps.map((s, k) => section(s, k, steps.length)));
  place.replaceChildren(root);
  startStepper(
    root,
    steps.map(s => () => ({
      name: s.name,
      op: s.op,
      of: s.terms.map(o => o[1]),
      rows: s.value.rows,
      cols: s.value.cols,
    })),
  );
}
