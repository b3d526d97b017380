// node tests/live.test.mjs < CASE: twenty steps of live.js from given weights on given batches, what it measures, and its random numbers
import {readFileSync} from 'node:fs';
import {batchStep, firstWeights, generator, meanOfLast, measure, shuffled} from '../mlp_foundations/live.js';

const {net, x, y, batches, lr} = JSON.parse(readFileSync(0, 'utf8'));
for (const name of ['w1', 'b1', 'w2', 'b2']) net[name] = Float64Array.from(net[name]);
const rows = Float64Array.from(x);
const losses = batches.map(o => batchStep(net, rows, y, o, lr));
const first = [0.1, 1, 10].map(scale => [...firstWeights(196, 30, 10, scale).w1]);
const seen = measure(net, rows, y, y.length);
const plain = Object.fromEntries(['w1', 'b1', 'w2', 'b2'].map(o => [o, [...net[o]]]));
const mean = meanOfLast(losses, 3);
console.log(JSON.stringify({losses, mean, net: plain, seen, first, order: shuffled(500, generator(1))}));
