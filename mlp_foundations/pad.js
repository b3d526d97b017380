// A square to draw on, and the net that reads it. Each pad keeps what it knows in `root.pad`.
import {toMnist} from './digit.js';
import {backward, crossEntropy, forward, softmax, step} from './net.js';
import {stepThrough} from './steps.js';
import {floats, keepKeys, num} from './unfold.js';

const SIDE = 280;
const PEN = 22;
// a 4 in two strokes, to begin with
const EXAMPLE = [
  [
    [150, 45],
    [120, 95],
    [80, 150],
    [205, 150],
  ],
  [
    [180, 95],
    [172, 160],
    [168, 240],
  ],
];

// The layers of sizes (784, ..., 10) from one list of numbers: w1, b1, w2, b2, ...
function unpack(all, sizes) {
  const layers = [];
  let at = 0;
  for (const [k, n] of sizes.slice(1).entries()) {
    const end = at + sizes[k] * n;
    layers.push({w: all.slice(at, end), b: all.slice(end, end + n)});
    at = end + n;
  }
  return layers;
}
const copy = layers => layers.map(({w, b}) => ({w: w.slice(), b: b.slice()}));

// Draw `values`, `across` in a row, on a small canvas: 0 is white or, where values may be negative, grey
function draw(canvas, values, across, signed = false) {
  const most = Math.max(...values.map(Math.abs)) || 1;
  [canvas.width, canvas.height] = [across, Math.ceil(values.length / across)];
  const picture = new ImageData(canvas.width, canvas.height);
  for (const [i, v] of values.entries()) {
    const grey = signed ? 127.5 - (127.5 * v) / most : 255 - (255 * v) / most;
    picture.data.set([grey, grey, grey, 255], 4 * i);
  }
  canvas.getContext('2d').putImageData(picture, 0, 0);
}

// Where JupyterLab shows this pad with a kernel: the field that the kernel reads, and where it answers; else undefined
function kernel(root) {
  const cell = root.closest('.jp-Cell');
  const at = cell ? [...cell.querySelectorAll('.mlp-pad')].indexOf(root) : -1;
  const asked = cell?.querySelectorAll('.mlp-pad-asked textarea')[at];
  return asked && {asked, shown: cell.querySelectorAll('.mlp-pad-shown')[at]};
}

// Ask the kernel for the stepper of this digit: true if it answers within three seconds
let asked = 0;
async function askKernel(root, {greys, label, lessons}) {
  const field = kernel(root)?.asked;
  if (!field) return false;
  asked += 1;
  const mine = String(asked);
  field.value = JSON.stringify({asked: mine, greys: [...greys], label, lessons});
  field.dispatchEvent(new Event('input', {bubbles: true}));
  for (let k = 0; k < 30 && field.placeholder !== mine; k++) await new Promise(done => setTimeout(done, 100));
  return field.placeholder === mine;
}

function start(root) {
  const find = name => root.querySelector(`.p-${name}`);
  const {mean, std, lr, sizes} = JSON.parse(root.dataset.net);
  const given = unpack(Float64Array.from(floats(find('weights').dataset.all)), sizes);
  const pad = {
    layers: copy(given),
    mean,
    std,
    lr,
    strokes: structuredClone(EXAMPLE),
    taught: [],
    lessons: [],
    pen: [140, 140],
    down: false,
    toMnist,
  };
  root.pad = pad;
  const paper = find('paper').getContext('2d', {willReadFrequently: true});
  const say = text => {
    find('said').textContent = text;
  };

  // The drawing as pixels, as a row of the net's input, and what the net makes of it
  pad.read = greys =>
    forward(
      pad.layers,
      Float64Array.from(greys, v => (v / 256 - mean) / std),
    );
  const look = () => {
    paper.fillStyle = '#fff';
    paper.fillRect(0, 0, SIDE, SIDE);
    [paper.lineWidth, paper.lineCap, paper.lineJoin] = [PEN, 'round', 'round'];
    for (const stroke of pad.strokes) {
      paper.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) paper.lineTo(x, y);
      paper.stroke();
    }
    const rgba = paper.getImageData(0, 0, SIDE, SIDE).data;
    pad.greys = toMnist(
      Float64Array.from({length: SIDE * SIDE}, (_, i) => 1 - rgba[4 * i] / 255),
      SIDE,
    );
    show();
  };

  // Everything that the page shows of `pad.greys`
  const show = () => {
    const {greys} = pad;
    pad.acts = pad.read(greys || new Uint8Array(784));
    pad.p = softmax(pad.acts.at(-1));
    pad.best = pad.p.indexOf(Math.max(...pad.p));
    if (!pad.chosen) find('label').value = pad.best;
    pad.label = +find('label').value;
    pad.loss = crossEntropy(pad.acts.at(-1), pad.label);
    pad.grads = backward(pad.layers, pad.acts, pad.label);
    draw(find('digit'), greys || new Uint8Array(784), 28);
    find('digit').ariaLabel = greys
      ? `The drawing as 28 × 28 pixels, ${greys.filter(v => v > 0).length} of them not white`
      : 'Nothing is drawn';
    const hidden = pad.acts.filter((_, k) => k && k % 2 === 0);
    const canvases = [...root.querySelectorAll('.p-units canvas')];
    for (const [k, units] of hidden.entries()) {
      const top = units.indexOf(Math.max(...units));
      draw(canvases[k], units, 10);
      canvases[k].ariaLabel =
        `${units.length} hidden units: ${units.filter(v => v > 0).length} are above 0, the largest is unit ${top} with ${num(units[top])}`;
    }
    find('numbers').textContent = hidden.map(units => [...units].map(num).join(', ')).join('; ');
    for (const [j, row] of [...find('bars').children].entries()) {
      const share = greys ? pad.p[j] : 0;
      row.style.setProperty('--p', share);
      row.querySelector('output').value = greys ? share.toFixed(share > 0.0005 && share < 0.01 ? 3 : 2) : '';
      row.querySelector('b').textContent = greys && j === pad.best ? '◀' : '';
    }
    const wish = pad.grads.acts[0].map(g => -g);
    draw(find('wish'), greys ? wish : wish.fill(0), 28, true);
    find('wish').ariaLabel = greys
      ? `The gradient of the loss with respect to the pixels, its sign turned, 28 × 28 values: for ${wish.filter(v => v > 0).length} pixels more ink would make it surer that this is a ${pad.label}`
      : 'Nothing is drawn';
    find('loss').textContent = greys ? `Loss for ${pad.label}: ${num(pad.loss)}. ` : '';
    find('taught').textContent = `Taught ${pad.taught.length} time${pad.taught.length === 1 ? '' : 's'}.`;
    for (const name of ['unteach', 'reset']) find(name).ariaDisabled = !pad.taught.length;
    for (const name of ['undo', 'clear']) find(name).ariaDisabled = !pad.strokes.length;
    find('teach').ariaDisabled = !greys;
  };
  const tell = () =>
    say(pad.greys ? `Read as ${pad.best}, ${Math.round(100 * pad.p[pad.best])} %.` : 'Nothing is drawn.');
  const redraw = () => {
    look();
    tell();
    follow();
  };

  // The stepper: of the page, or of the kernel where one answers
  const opened = () => find('step').ariaExpanded === 'true';
  const follow = () => {
    find('step').ariaDisabled = !pad.greys && !opened();
    if (opened() && pad.greys) steps();
  };
  const steps = async () => {
    if (await askKernel(root, pad)) find('steps').replaceChildren();
    else if (opened()) stepThrough(pad, find('steps'));
  };

  // --- a pointer, or the keys -------------------------------------------------------------------------------------------
  const box = find('paper');
  let stroke = null;
  let asked = false;
  const add = point => {
    stroke.push(point);
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      look();
    });
  };
  const at = e => {
    const {left, top, width} = box.getBoundingClientRect();
    return [((e.clientX - left) * SIDE) / width, ((e.clientY - top) * SIDE) / width];
  };
  const begin = point => {
    if (pad.first) pad.strokes = []; // the example goes when somebody draws
    pad.first = false;
    stroke = [];
    pad.strokes.push(stroke);
    add(point);
  };
  box.addEventListener('pointerdown', e => {
    if (!e.isPrimary || e.button || stroke) return;
    box.setPointerCapture(e.pointerId);
    begin(at(e));
  });
  box.addEventListener('pointermove', e => {
    if (!e.isPrimary || !stroke || pad.down) return;
    const all = e.getCoalescedEvents?.() || [];
    for (const o of all.length ? all : [e]) add(at(o));
  });
  const lift = () => {
    if (!stroke) return;
    stroke = null;
    pad.down = false;
    redraw();
  };
  for (const name of ['pointerup', 'pointercancel']) box.addEventListener(name, e => e.isPrimary && lift());

  const movePen = (dx, dy) => {
    pad.pen = [pad.pen[0] + dx, pad.pen[1] + dy].map(v => Math.min(SIDE - PEN / 2, Math.max(PEN / 2, v)));
    const [x, y] = pad.pen.map(v => Math.round((100 * v) / SIDE));
    find('pen').style.cssText = `left: ${x}%; top: ${y}%`;
    if (pad.down) add([...pad.pen]);
    else say(`Pen at ${x} % across, ${y} % down.`);
  };
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  box.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (moves[e.key]) movePen(...moves[e.key].map(v => v * (e.shiftKey ? 28 : 7)));
    else if (e.key === ' ') {
      if (pad.down) lift();
      else if (!stroke) {
        begin([...pad.pen]);
        pad.down = true;
        say('Pen down.');
      }
    } else if (e.key === 'Backspace') press('undo');
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  box.addEventListener('blur', lift);

  // --- the buttons ------------------------------------------------------------------------------------------------------
  const act = {
    undo: () => pad.strokes.pop(),
    clear: () => {
      pad.strokes = [];
      pad.chosen = false;
    },
    example: () => {
      pad.strokes = structuredClone(EXAMPLE);
      pad.first = true;
      pad.chosen = false;
    },
    teach: () => {
      const before = pad.loss;
      pad.taught.push(copy(pad.layers));
      pad.lessons.push({greys: [...pad.greys], label: pad.label});
      step(pad.layers, pad.grads.layers, lr);
      show();
      say(
        `Loss for ${pad.label}: ${num(before)} before, ${num(pad.loss)} now. Read as ${pad.best}, ${Math.round(100 * pad.p[pad.best])} %.`,
      );
      follow();
      return {said: true};
    },
    unteach: () => {
      pad.layers = pad.taught.pop();
      pad.lessons.pop();
    },
    step: () => {
      find('step').ariaExpanded = !opened();
      if (opened()) steps();
      else {
        find('steps').replaceChildren();
        kernel(root)?.shown?.replaceChildren();
      }
      return {said: true};
    },
    reset: () => {
      [pad.layers, pad.taught, pad.lessons] = [copy(given), [], []];
    },
  };
  const press = name => {
    if (!name || find(name).ariaDisabled === 'true') return;
    [stroke, pad.down] = [null, false];
    if (!act[name]()?.said) redraw();
  };
  root.addEventListener('click', e => press(e.target.closest('button[data-do]')?.dataset.do));
  find('label').addEventListener('change', () => {
    pad.chosen = true;
    show();
    follow();
  });
  keepKeys(root);
  root.dataset.live = true;
  find('all').hidden = false;
  find('none')?.remove();
  act.example();
  look();
}
for (const root of document.querySelectorAll('.mlp-pad:not([data-live])')) start(root);
