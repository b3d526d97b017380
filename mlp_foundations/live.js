// A training that can be dragged: 196 → 30 → 10 on small digits, by minibatches and SGD, in plain loops.

// Random numbers from 0 to 1, the same for the same seed (mulberry32)
export function generator(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
// Normally distributed numbers, by Box and Muller
const normal = rand => Math.sqrt(-2 * Math.log(1 - rand())) * Math.cos(2 * Math.PI * rand());

// First weights: kaiming_normal for w1, times `scale`; xavier_normal for w2
export function firstWeights(m, nh, c, scale, seed = 42) {
  const rand = generator(seed);
  const some = (n, std) => Float64Array.from({length: n}, () => std * normal(rand));
  return {
    m,
    nh,
    c,
    w1: some(m * nh, scale * Math.sqrt(2 / m)),
    b1: new Float64Array(nh),
    w2: some(nh * c, Math.sqrt(2 / (nh + c))),
    b2: new Float64Array(c),
  };
}

// The numbers 0 to n - 1 in a random order
export function shuffled(n, rand) {
  const order = Array.from({length: n}, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(rand() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Row `r` of x (n, m) through the net: l2 = relu(x@w1 + b1) and out = l2@w2 + b2, written into l2 and out
function forward({m, nh, c, w1, b1, w2, b2}, x, r, l2, out) {
  l2.set(b1);
  for (let i = 0; i < m; i++) {
    const v = x[r * m + i];
    for (let j = 0; j < nh; j++) l2[j] += v * w1[i * nh + j];
  }
  out.set(b2);
  for (let j = 0; j < nh; j++) {
    l2[j] = Math.max(0, l2[j]);
    for (let k = 0; k < c; k++) out[k] += l2[j] * w2[j * c + k];
  }
}

// One step of SGD on the rows `rows` of x and y; the loss before the step is returned
export function batchStep(net, x, y, rows, lr) {
  const {m, nh, c, w1, b1, w2, b2} = net;
  const g = {
    w1: new Float64Array(m * nh),
    b1: new Float64Array(nh),
    w2: new Float64Array(nh * c),
    b2: new Float64Array(c),
  };
  const [l2, out, l1G] = [new Float64Array(nh), new Float64Array(c), new Float64Array(nh)];
  let loss = 0;
  for (const r of rows) {
    forward(net, x, r, l2, out);
    const top = Math.max(...out);
    let sum = 0;
    for (let k = 0; k < c; k++) sum += Math.exp(out[k] - top);
    loss += (Math.log(sum) + top - out[y[r]]) / rows.length;
    for (let k = 0; k < c; k++) {
      const outG = (Math.exp(out[k] - top) / sum - (k === y[r])) / rows.length; // (softmax - onehot)/n
      out[k] = outG;
      g.b2[k] += outG;
    }
    for (let j = 0; j < nh; j++) {
      l1G[j] = 0;
      for (let k = 0; k < c; k++) {
        g.w2[j * c + k] += l2[j] * out[k];
        if (l2[j] > 0) l1G[j] += w2[j * c + k] * out[k];
      }
      g.b1[j] += l1G[j];
    }
    for (let i = 0; i < m; i++) {
      const v = x[r * m + i];
      for (let j = 0; j < nh; j++) g.w1[i * nh + j] += v * l1G[j];
    }
  }
  for (const [w, wG] of [
    [w1, g.w1],
    [b1, g.b1],
    [w2, g.w2],
    [b2, g.b2],
  ])
    for (let i = 0; i < w.length; i++) w[i] -= lr * wG[i];
  return loss;
}

// The share of hidden units that are 0 for all n rows of x, and the share of rows that are read rightly
export function measure(net, x, y, n) {
  const [l2, out, used] = [new Float64Array(net.nh), new Float64Array(net.c), new Uint8Array(net.nh)];
  let right = 0;
  for (let r = 0; r < n; r++) {
    forward(net, x, r, l2, out);
    for (let j = 0; j < net.nh; j++) if (l2[j] > 0) used[j] = 1;
    right += out.indexOf(Math.max(...out)) === y[r];
  }
  return {dead: used.filter(o => !o).length / net.nh, right: right / n};
}

// n digits of 196 pixels, two pixels in a byte, as numbers on one scale
function unpack(text, n, mean, std) {
  const bytes = Uint8Array.from(atob(text), o => o.charCodeAt(0));
  return Float64Array.from(
    {length: n * 196},
    (_, i) => (((bytes[i >> 1] >> (i % 2 ? 0 : 4)) & 15) / 15 - mean) / std,
  );
}
// At each step the mean of the last k values, or of as many as there are
export function meanOfLast(values, k) {
  let sum = 0;
  return values.map((v, i) => {
    sum += v - (i < k ? 0 : values[i - k]);
    return sum / Math.min(i + 1, k);
  });
}
const num = v => String(+v.toPrecision(3));
const percent = v => `${Math.round(100 * v)} %`;
const MOST = 5000;

function start(root) {
  const find = name => root.querySelector(`.v-${name}`);
  const {n, others, mean, std} = JSON.parse(root.dataset.set);
  const x = unpack(find('digits').dataset.train, n, mean, std);
  const xOther = unpack(find('digits').dataset.other, others, mean, std);
  const [y, yOther] = ['ytrain', 'yother'].map(o => [...find('digits').dataset[o]].map(Number));
  const live = {running: false, steps: 0, losses: [], shares: [], rate: 0};
  root.live = live;
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const set = () => ({
    lr: 10 ** find('lr').value,
    bs: 2 ** find('bs').value,
    scale: 10 ** find('scale').value,
  });
  const say = text => {
    find('said').textContent = text;
  };
  let [rand, order] = [null, []];

  const begin = () => {
    Object.assign(live, {
      net: firstWeights(196, 30, 10, set().scale),
      steps: 0,
      rows: 0,
      losses: [],
      shares: [],
      broken: false,
    });
    [rand, order] = [generator(7), []];
    draw();
  };
  const step = () => {
    const {lr, bs} = set();
    if (!order.length) order = shuffled(n, rand);
    const rows = order.splice(0, bs);
    const loss = batchStep(live.net, x, y, rows, lr);
    live.steps += 1;
    live.rows += rows.length;
    live.losses.push(loss);
    live.broken = !Number.isFinite(loss) || !live.net.w1.every(Number.isFinite);
  };

  // --- what is shown ----------------------------------------------------------------------------------------------------
  // values (one a step) as a line in a panel of 300 by `h`; 0 below, `top` above; each point is the mean of its steps
  const path = (values, at, h, top) => {
    const span = Math.max(200, live.steps);
    const bins = new Map();
    for (const [k, v] of values.entries()) {
      const bin = Math.floor((at(k) * 300) / span);
      const [sum, count] = bins.get(bin) || [0, 0];
      bins.set(bin, [sum + v, count + 1]);
    }
    return [...bins]
      .filter(([, [sum]]) => Number.isFinite(sum))
      .map(
        ([bin, [sum, count]], k) =>
          `${k ? 'L' : 'M'}${40 + bin} ${(h[1] - (h[1] - h[0]) * Math.min(1, sum / count / top)).toFixed(1)}`,
      )
      .join('');
  };
  const draw = () => {
    const {net, losses, shares, steps} = live;
    const now = {...measure(net, xOther, yOther, others), dead: measure(net, x, y, 500).dead, at: steps};
    if (shares.at(-1)?.at === steps) shares.pop();
    shares.push(now);
    const recent = losses.slice(-20);
    const loss = recent.reduce((a, b) => a + b, 0) / recent.length;
    for (const [name, values] of [
      ['loss', losses],
      ['mean', meanOfLast(losses, 20)],
    ])
      find(name).setAttribute(
        'd',
        path(values, k => k, [15, 115], 3),
      );
    find('dead').setAttribute(
      'd',
      path(
        shares.map(o => o.dead),
        k => shares[k].at,
        [145, 225],
        1,
      ),
    );
    find('right').setAttribute(
      'd',
      path(
        shares.map(o => o.right),
        k => shares[k].at,
        [145, 225],
        1,
      ),
    );
    find('end').textContent = Math.max(200, steps);
    const epochs = losses.length
      ? ` (${num(live.rows / n)} epochs), loss ${num(loss)} (mean of the last ${recent.length})`
      : '';
    live.text = `${steps} step${steps === 1 ? '' : 's'}${epochs}; ${percent(now.dead)} of the 30 units are dead; ${percent(now.right)} of ${others} other digits are read rightly`;
    const broken = `The loss is no longer a number after ${steps} steps: the learning rate or the scale is too large. Press start again.`;
    find('state').textContent = live.broken ? broken : `${live.text}.`;
    find('state').classList.toggle('v-broken', live.broken);
    find('graph').setAttribute('aria-label', `Curves by step: ${live.text}`);
    find('rate').textContent = live.rate ? `Speed: ${Math.round(live.rate)} steps a second.` : '';
    drawWeights(find('weights'), net);
    const lr = set();
    for (const [name, text] of [
      ['lr', num(lr.lr)],
      ['bs', String(lr.bs)],
      ['scale', num(lr.scale)],
    ]) {
      find(name).ariaValueText = text;
      find(`${name}-text`).textContent = text;
    }
    if (live.broken) stop(broken);
  };

  // --- running ----------------------------------------------------------------------------------------------------------
  const stop = text => {
    live.running = false;
    find('run').textContent = 'run';
    say(text);
  };
  const frame = () => {
    if (!live.running || !root.isConnected) return;
    const from = performance.now();
    for (let k = 0; k < 2 && !live.broken && live.steps < MOST && performance.now() - from < 12; k++) step();
    if (from - live.since > 500) {
      live.rate = ((live.steps - live.counted) * 1000) / (from - live.since);
      Object.assign(live, {since: from, counted: live.steps});
    }
    if (from - live.drawn > (calm.matches ? 500 : 60) || live.broken) {
      live.drawn = from;
      draw();
    }
    if (live.steps >= MOST) pause();
    else requestAnimationFrame(frame);
  };
  const pause = () => {
    draw();
    if (!live.broken) stop(`Paused: ${live.text}.`);
  };
  find('run').addEventListener('click', () => {
    if (live.running) return pause();
    if (live.broken || live.steps >= MOST) begin();
    Object.assign(live, {running: true, since: performance.now(), counted: live.steps, drawn: 0});
    find('run').textContent = 'pause';
    say('Running.');
    requestAnimationFrame(frame);
  });
  find('one').addEventListener('click', () => {
    if (live.broken) return draw();
    step();
    draw();
    if (!live.broken) say(`Loss ${num(live.losses.at(-1))}.`);
  });
  find('again').addEventListener('click', () => {
    stop('At the start again.');
    live.rate = 0;
    begin();
  });
  for (const name of ['lr', 'bs']) find(name).addEventListener('input', draw);
  find('scale').addEventListener('input', () => {
    const {running} = live;
    begin();
    say(`New first weights${running ? '' : ', step 0'}.`);
  });
  // JupyterLab leaves keys to an element that says so itself; it does not look at what is around the focus
  for (const o of root.querySelectorAll('input, button')) o.dataset.lmSuppressShortcuts = 'true';
  root.dataset.live = 'true';
  find('all').hidden = false;
  find('none').remove();
  begin();
}

// The weights of each hidden unit as 14 * 14 pixels, ten in a row: black positive, white negative, grey 0
function drawWeights(canvas, {w1, nh}) {
  const most = w1.reduce((a, v) => Math.max(a, Math.abs(v)), 0) || 1;
  const [w, h] = [149, 15 * Math.ceil(nh / 10) - 1];
  if (canvas.width !== w) [canvas.width, canvas.height] = [w, h];
  const picture = new ImageData(w, h);
  picture.data.fill(255);
  for (let j = 0; j < nh; j++)
    for (let i = 0; i < 196; i++) {
      const at = (15 * Math.floor(j / 10) + Math.floor(i / 14)) * w + 15 * (j % 10) + (i % 14);
      const grey = 127.5 - (127.5 * w1[i * nh + j]) / most;
      picture.data.set([grey, grey, grey, 255], 4 * at);
    }
  canvas.getContext('2d').putImageData(picture, 0, 0);
  canvas.ariaLabel = `The first-layer weights of ${nh} hidden units as images of 14 × 14; the largest in size is ${num(most)}`;
}
if (typeof document !== 'undefined')
  for (const root of document.querySelectorAll('.mlp-live:not([data-live])')) start(root);
