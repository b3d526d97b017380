// A net of two inputs, two hidden units and one output as a graph: its numbers can be dragged, and its gradients follow.

// The forward and the backward pass, as in lesson 04; w1[2 * i + j] leads from x[i] to l1[j]
export function pass({x, w1, b1, w2, b2, targ}) {
  const both = [0, 1];
  const l1 = both.map(j => x[0] * w1[j] + x[1] * w1[2 + j] + b1[j]);
  const l2 = l1.map(v => Math.max(v, 0));
  const out = l2[0] * w2[0] + l2[1] * w2[1] + b2[0];
  const loss = (out - targ[0]) ** 2;
  const outG = 2 * (out - targ[0]);
  const l2G = w2.map(w => outG * w);
  const l1G = l2G.map((g, j) => g * (l1[j] > 0));
  const parts = both.map(i => both.map(j => l1G[j] * w1[2 * i + j])); // x[i] is used twice, once for each unit
  const grads = {
    x: parts.map(([a, b]) => a + b),
    w1: [0, 1, 2, 3].map(k => x[k >> 1] * l1G[k % 2]),
    b1: l1G,
    w2: l2.map(v => v * outG),
    b2: [outG],
  };
  return {l1, l2, out, loss, outG, l2G, l1G, parts, grads};
}

const START = {x: [1.5, -1], w1: [0.8, 0.2, -0.4, -0.9], b1: [0.1, 0.2], w2: [1, -2], b2: [0.3], targ: [0.5]};
// the numbers that can be dragged: name in a formula, list and place in it, middle and width in the graph
const CHIPS = [
  ...[0, 1].map(i => [`x[${i}]`, 'x', i, 90 + 180 * i, 34, 150]),
  ...[66, 144, 216, 294].map((at, k) => [
    `w1[${[0, 0, 1, 1][k]},${[0, 1, 0, 1][k]}]`,
    'w1',
    [0, 1, 2, 3][k],
    at,
    118,
    64,
  ]),
  ...[0, 1].map(j => [`b1[${j}]`, 'b1', j, 36 + 288 * j, 190, 64]),
  ...[0, 1].map(j => [`w2[${j}]`, 'w2', j, 118 + 124 * j, 330, 64]),
  ['b2', 'b2', 0, 300, 402, 64],
  ['targ', 'targ', 0, 300, 482, 64],
];
// the lines between them: from, to, and of which hidden unit's part they are
const LINES = [
  [90, 60, 90, 230, 0],
  [90, 60, 270, 230, 1],
  [270, 60, 90, 230, 0],
  [270, 60, 270, 230, 1],
  [36, 190, 60, 230, 0],
  [324, 190, 300, 230, 1],
  [90, 286, 180, 382, 0],
  [270, 286, 180, 382, 1],
  [270, 402, 240, 402],
  [180, 422, 180, 462],
  [270, 482, 245, 482],
];

// three digits; what is nothing but rounding is 0
export const num = v => String(Math.abs(v) < 1e-10 ? 0 : +v.toPrecision(3)).replaceAll('-', '−');
const inside = v => (num(v)[0] === '−' ? `(${num(v)})` : num(v));
const times = (a, b) => `${num(a)} · ${inside(b)}`;

// Each gradient as its formula with the numbers put in, in the order of the backward pass
export function formulas(v, p) {
  const two = f => [0, 1].map(f);
  return [
    ['out.g', `2 (out − targ) = 2 (${num(p.out)} − ${inside(v.targ[0])}) = ${num(p.outG)}`],
    ...two(j => [`w2[${j}].g`, `l2[${j}] · out.g = ${times(p.l2[j], p.outG)} = ${num(p.grads.w2[j])}`]),
    ['b2.g', `out.g = ${num(p.outG)}`],
    ...two(j => [`l2[${j}].g`, `out.g · w2[${j}] = ${times(p.outG, v.w2[j])} = ${num(p.l2G[j])}`]),
    ...two(j => [
      `l1[${j}].g`,
      `l2[${j}].g · (l1[${j}] > 0) = ${times(p.l2G[j], +(p.l1[j] > 0))} = ${num(p.l1G[j])}`,
    ]),
    ...two(i =>
      two(j => [
        `w1[${i},${j}].g`,
        `x[${i}] · l1[${j}].g = ${times(v.x[i], p.l1G[j])} = ${num(p.grads.w1[2 * i + j])}`,
      ]),
    ).flat(),
    ...two(j => [`b1[${j}].g`, `l1[${j}].g = ${num(p.l1G[j])}`]),
    ...two(i => [
      `x[${i}].g`,
      `l1[0].g · w1[${i},0] + l1[1].g · w1[${i},1] = ${num(p.parts[i][0])} + ${inside(p.parts[i][1])} = ${num(p.grads.x[i])}`,
    ]),
  ];
}

function start(root) {
  const svg = root.querySelector('svg');
  const find = name => root.querySelector(`.n-${name}`);
  const make = (name, attributes, text = '', parent = svg) => {
    const o = document.createElementNS(svg.namespaceURI, name);
    for (const [k, v] of Object.entries(attributes)) o.setAttribute(k, v);
    o.textContent = text;
    parent.append(o);
    return o;
  };
  const net = {values: structuredClone(START), steps: 0};
  root.net = net;
  const lines = LINES.map(([x1, y1, x2, y2]) => make('line', {x1, y1, x2, y2}));
  const box = (x, y, w, h, parent) =>
    make('rect', {x: x - w / 2, y: y - h / 2, width: w, height: h, rx: 6}, '', parent);
  // lines of text around (x, y)
  const words = (x, y, n, parent) =>
    Array.from({length: n}, (_, k) => make('text', {x, y: y + 4 + 15 * (k - (n - 1) / 2)}, '', parent));

  const nodes = [
    [90, 258, 130, 56, 3],
    [270, 258, 130, 56, 3],
    [180, 402, 120, 40, 2],
    [180, 482, 130, 40, 2],
  ].map(([x, y, w, h, n]) => {
    box(x, y, w, h);
    return words(x, y, n);
  });
  const chips = CHIPS.map(([name, list, k, x, y, w]) => {
    const g = make('g', {
      tabindex: 0,
      role: 'slider',
      'aria-label': name,
      'aria-valuemin': -3,
      'aria-valuemax': 3,
      class: 'n-chip',
    });
    box(x, y, w, 50, g);
    return {name, list, k, g, text: words(x, y, 3, g)};
  });
  const listed = formulas(net.values, pass(net.values)).map(([name]) => {
    const li = document.createElement('li');
    li.dataset.name = name;
    find('lines').append(li);
    return li;
  });

  const show = () => {
    const v = net.values;
    const p = pass(v);
    net.pass = p;
    for (const {name, list, k, g, text} of chips) {
      const [value, grad] = [v[list][k], p.grads[list]?.[k]];
      const lines =
        list === 'x'
          ? [
              `${name} = ${num(value)}`,
              `.g = ${num(p.parts[k][0])} + ${inside(p.parts[k][1])}`,
              `= ${num(grad)}`,
            ]
          : [name, num(value), grad === undefined ? '' : `.g ${num(grad)}`];
      for (const [i, o] of text.entries()) o.textContent = lines[i];
      g.setAttribute('aria-valuenow', +value.toFixed(3));
      g.setAttribute(
        'aria-valuetext',
        `${num(value)}${grad === undefined ? '' : `, gradient ${num(grad)}`}; loss ${num(p.loss)}`,
      );
    }
    const shut = p.l1.map(o => o <= 0);
    for (const j of [0, 1]) {
      const [a, b, c] = nodes[j];
      a.textContent = `l1[${j}] ${num(p.l1[j])}  .g ${num(p.l1G[j])}`;
      b.textContent = `l2[${j}] ${num(p.l2[j])}  .g ${num(p.l2G[j])}`;
      c.textContent = shut[j] ? 'ReLU is closed' : 'ReLU is open';
    }
    [nodes[2][0].textContent, nodes[2][1].textContent] = [`out = ${num(p.out)}`, `.g = ${num(p.outG)}`];
    [nodes[3][0].textContent, nodes[3][1].textContent] = [`loss = ${num(p.loss)}`, '(out − targ)²'];
    for (const [i, o] of lines.entries()) o.classList.toggle('n-shut', !!shut[LINES[i][4]]);
    for (const [i, [name, text]] of formulas(v, p).entries()) listed[i].textContent = `${name} = ${text}`;
    find('count').textContent = `Steps: ${net.steps}. Loss: ${num(p.loss)}.`;
  };

  const set = (chip, value) => {
    net.values[chip.list][chip.k] = Math.max(-3, Math.min(3, Math.round(value * 100) / 100));
    show();
  };
  for (const chip of chips) {
    const {g, list, k, name} = chip;
    const get = () => net.values[list][k];
    let from = null;
    g.addEventListener('keydown', e => {
      if (e.ctrlKey || e.altKey || e.metaKey) return;
      const by = {
        ArrowUp: 0.1,
        ArrowRight: 0.1,
        ArrowDown: -0.1,
        ArrowLeft: -0.1,
        PageUp: 1,
        PageDown: -1,
        Home: -9,
        End: 9,
      }[e.key];
      if (!by) return;
      e.preventDefault();
      e.stopPropagation();
      set(chip, get() + by * (e.shiftKey ? 10 : 1));
    });
    g.addEventListener('pointerdown', e => {
      if (e.button || !e.isPrimary) return;
      g.setPointerCapture(e.pointerId);
      g.focus();
      from = [e.clientX, e.clientY, get()];
      e.preventDefault();
    });
    g.addEventListener('pointermove', e => {
      if (from)
        set(chip, Math.round(10 * (from[2] + (e.clientX - from[0] - (e.clientY - from[1])) / 50)) / 10);
    });
    const end = () => {
      from = null;
    };
    for (const o of ['pointerup', 'pointercancel']) g.addEventListener(o, end);
    for (const [o, on] of [
      ['focus', true],
      ['blur', false],
    ])
      g.addEventListener(o, () =>
        root.querySelector(`li[data-name="${name}.g"]`)?.classList.toggle('n-now', on),
      );
  }
  find('step').addEventListener('click', () => {
    for (const [list, grads] of Object.entries(net.pass.grads))
      if (list !== 'x') net.values[list] = net.values[list].map((v, k) => v - 0.05 * grads[k]);
    net.steps += 1;
    show();
    find('said').textContent = `Loss ${num(net.pass.loss)}.`;
  });
  find('again').addEventListener('click', () => {
    [net.values, net.steps] = [structuredClone(START), 0];
    show();
    find('said').textContent = `Loss ${num(net.pass.loss)}.`;
  });
  // JupyterLab leaves keys to an element that says so itself
  for (const o of root.querySelectorAll('button, .n-chip')) o.dataset.lmSuppressShortcuts = 'true';
  root.dataset.live = 'true';
  find('all').hidden = false;
  find('none').remove();
  show();
}
if (typeof document !== 'undefined')
  for (const root of document.querySelectorAll('.mlp-small-net:not([data-live])')) start(root);
