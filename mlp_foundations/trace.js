// The stepper: one step at a time, by buttons and keys, and a line that unfolds one value.
import {floats, keepKeys, MADE, matrix, unfold} from './unfold.js';

// What step `section` is made of, from the tensors in the page
function madeOf(section, tensors) {
  const made = JSON.parse(section.dataset.made);
  const get = ([k, turned]) => (turned ? tensors[k].t : tensors[k]);
  return {...made, of: made.of.map(get), hand: made.hand && get(made.hand)};
}

// Make `root` live; `made`: what each step is made of, or null where it can't be unfolded
export function startStepper(root, made) {
  const nav = root.querySelector('.t-nav');
  nav.innerHTML = nav.dataset.html;
  const all = o => [...root.querySelectorAll(o)];
  const steps = all('.t-step');
  const last = steps.length - 1;
  let at = 0;
  const show = k => {
    at = Math.max(0, Math.min(last, k));
    for (const [i, o] of steps.entries()) o.hidden = i !== at;
    root.dataset.at = at;
    if (made[at] && !steps[at].querySelector('.t-unfold')) unfold(steps[at], made[at]());
    for (const b of all('.t-map button')) {
      if (+b.dataset.to === at) b.setAttribute('aria-current', 'step');
      else b.removeAttribute('aria-current');
    }
    for (const b of all('.t-go button'))
      b.setAttribute('aria-disabled', at === (b.dataset.by < 0 ? 0 : last));
    const text = o => steps[at].querySelector(o)?.textContent || '';
    root.querySelector('.t-now').textContent = ['.t-title', '.t-formula', '.t-said'].map(text).join('. ');
  };
  root.addEventListener('click', e => {
    const b = e.target.closest('button');
    if (b) show(b.dataset.to ? +b.dataset.to : at + +b.dataset.by);
  });
  root.addEventListener('keydown', e => {
    const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last}[e.key];
    if (to === undefined || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || e.target.matches('input'))
      return;
    e.preventDefault();
    e.stopPropagation();
    show(to);
  });
  root.dataset.live = root.dataset.lmSuppressShortcuts = 'true'; // the second: JupyterLab leaves the keys to us
  root.tabIndex = 0;
  keepKeys(root);
  show(+root.dataset.start);
}

for (const root of document.querySelectorAll('.mlp-trace:not([data-live])')) {
  const stored = JSON.parse(root.querySelector('.t-data').dataset.all);
  const tensors = stored.map(([rows, cols, text]) => matrix(rows, cols, floats(text)));
  const steps = [...root.querySelectorAll('.t-step')];
  startStepper(
    root,
    steps.map(o => o.dataset.made && JSON.parse(o.dataset.made).op in MADE && (() => madeOf(o, tensors))),
  );
}
