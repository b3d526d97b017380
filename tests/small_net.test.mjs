// node tests/small_net.test.mjs < SETTINGS: what small_net.js computes for each, and the formulas that it writes
import {readFileSync} from 'node:fs';
import {formulas, pass} from '../mlp_foundations/small_net.js';

const settings = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(settings.map(v => ({...pass(v), formulas: formulas(v, pass(v))}))));
