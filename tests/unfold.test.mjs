// node tests/unfold.test.mjs < CASES: the values that unfold.js adds up for each step, and where it sees the values of a picture
import {readFileSync} from 'node:fs';
import {layout, MADE, matrix, sum} from '../mlp_foundations/unfold.js';

const {recordings, shapes} = JSON.parse(readFileSync(0, 'utf8'));
const values = recordings.map(({tensors, made}) =>
  made.map(o => {
    if (!o || !(o.op in MADE)) return null;
    const of = o.of.map(([k, turned]) => {
      const m = matrix(...tensors[k]);
      return turned ? m.t : m;
    });
    const parts = k => sum(MADE[o.op](Math.floor(k / o.cols), k % o.cols, ...of, o.cols));
    return Array.from({length: Math.min(o.rows * o.cols, 400)}, (_, k) => parts(k));
  }),
);
const places = shapes.map(([rows, cols]) => {
  const {w, h, at} = layout(rows, cols);
  return Array.from({length: h}, (_, y) => Array.from({length: w}, (_, x) => at(y, x)));
});
console.log(JSON.stringify({values, places}));
