// A multilayer perceptron for one row, in plain loops. `layers` is a list of {w, b}: w is (n_in, n_out), row after row.
// Between two linear layers stands a ReLU; the loss is the cross-entropy. Vectors are Float64Arrays.

// inp@w + b
function lin(inp, {w, b}) {
  const out = Float64Array.from(b);
  for (const [i, v] of inp.entries()) {
    if (v) for (const j of out.keys()) out[j] += v * w[i * out.length + j];
  }
  return out;
}
const relu = inp => inp.map(v => Math.max(v, 0));

// What each layer makes of x: [x, l1, l2, ..., out]; out are the logits
export function forward(layers, x) {
  const acts = [x, lin(x, layers[0])];
  for (const layer of layers.slice(1)) {
    acts.push(relu(acts.at(-1)));
    acts.push(lin(acts.at(-1), layer));
  }
  return acts;
}

// The probabilities, and the loss of the right answer, targ; the largest logit is taken off first, so nothing overflows
export function softmax(out) {
  const e = out.map(v => Math.exp(v - Math.max(...out)));
  return e.map(v => v / e.reduce((a, b) => a + b));
}
export function crossEntropy(out, targ) {
  const top = Math.max(...out);
  return Math.log(out.reduce((sum, v) => sum + Math.exp(v - top), 0)) + top - out[targ];
}

// The gradients of the loss with respect to acts, in their order: the last is softmax - onehot; and to w and b of each layer
export function backward(layers, acts, targ) {
  const actsG = acts.map(o => new Float64Array(o.length));
  actsG[acts.length - 1] = softmax(acts.at(-1)).map((p, j) => p - (j === targ));
  const layersG = layers.map(({w, b}) => ({w: new Float64Array(w.length), b: new Float64Array(b.length)}));
  for (let k = layers.length - 1; k >= 0; k--) {
    const [inp, inpG, outG] = [acts[2 * k], actsG[2 * k], actsG[2 * k + 1]];
    const {w} = layers[k];
    layersG[k].b = outG;
    for (const [i, v] of inp.entries())
      for (const [j, g] of outG.entries()) {
        inpG[i] += g * w[i * outG.length + j]; // out.g@w.t()
        layersG[k].w[i * outG.length + j] = v * g; // inp.t()@out.g
      }
    if (k) actsG[2 * k - 1] = inpG.map((g, i) => g * (acts[2 * k - 1][i] > 0)); // the ReLU before
  }
  return {acts: actsG, layers: layersG};
}

// One step of SGD: w -= lr * w.g, in place
export function step(layers, layersG, lr) {
  for (const [k, layer] of layers.entries())
    for (const name of ['w', 'b'])
      for (const i of layer[name].keys()) layer[name][i] -= lr * layersG[k][name][i];
}
