// node tests/net.test.mjs < CASES: what net.js computes for each case, as JSON
import {readFileSync} from 'node:fs';
import {backward, crossEntropy, forward, step} from '../mlp_foundations/net.js';

const plain = o => JSON.parse(JSON.stringify(o, (_, v) => (ArrayBuffer.isView(v) ? [...v] : v)));
const answers = JSON.parse(readFileSync(0, 'utf8')).map(({layers, x, targ, lr}) => {
  layers = layers.map(({w, b}) => ({w: Float64Array.from(w), b: Float64Array.from(b)}));
  const acts = forward(layers, Float64Array.from(x));
  const grads = backward(layers, acts, targ);
  step(layers, grads.layers, lr);
  return plain({acts, loss: crossEntropy(acts.at(-1), targ), grads, stepped: layers});
});
console.log(JSON.stringify(answers));
