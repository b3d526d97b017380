// node tests/steps.test.mjs < CASES: the steps that steps.js makes of a pass, and what each value adds up to
import {readFileSync} from 'node:fs';
import {backward, forward} from '../mlp_foundations/net.js';
import {MADE} from '../mlp_foundations/unfold.js';

globalThis.document = {querySelectorAll: () => []};
const {passOf} = await import('../mlp_foundations/steps.js');
const answers = JSON.parse(readFileSync(0, 'utf8')).map(({layers, x, label}) => {
  layers = layers.map(({w, b}) => ({w: Float64Array.from(w), b: Float64Array.from(b)}));
  const acts = forward(layers, Float64Array.from(x));
  return passOf({layers, acts, grads: backward(layers, acts, label), label}).map(
    ({phase, layer, name, op, terms, value}) => {
      const {rows, cols} = value;
      const of = terms.map(o => o[1]);
      const total = k => MADE[op](Math.floor(k / cols), k % cols, ...of, cols).reduce((s, [, v]) => s + v, 0);
      const all = Array.from({length: rows * cols}, (_, k) => value.at(Math.floor(k / cols), k % cols));
      return {
        phase,
        layer,
        name,
        rows,
        cols,
        all,
        made: Array.from({length: Math.min(400, all.length)}, (_, k) => total(k)),
      };
    },
  );
});
console.log(JSON.stringify(answers));
