"What the stepper says that a value is made of adds up to the value, for every kind of step; and a picture's squares are the values that they show."
import json, re, shutil, subprocess
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest, torch

from mlp_foundations.layers import Lin, Model, Module, Mse, Relu
from mlp_foundations.show import _grid, _layout
from mlp_foundations.trace import _unfolding, trace
from mlp_foundations.training import CrossEntropy
from test_javascript import need

root = Path(__file__).resolve().parent.parent

class Tanh(Module):
    "Slope by slope"
    def forward(self, inp): return inp.tanh()
    def bwd(self, out, inp): inp.g = out.g*(1-out**2)
class Softmax(Module):
    "Each output hangs on all inputs of its row"
    def forward(self, inp): return inp.softmax(1)
    def bwd(self, out, inp): inp.g = out*(out.g-(out.g*out).sum(1, keepdim=True))
class Half(Lin):
    "Half of the right gradient"
    def bwd(self, out, inp):
        super().bwd(out, inp)
        self.w.g = self.w.g/2

def recordings():
    g = torch.Generator().manual_seed(0)
    def lin(i, o, cls=Lin): return cls(torch.randn(i, o, generator=g)/i**.5, torch.randn(o, generator=g))
    def x(n, m): return torch.randn(n, m, generator=g)
    yield trace(Model([lin(3, 4), Relu(), lin(4, 1)], Mse()), x(5, 3), torch.randn(5, generator=g))
    yield trace(Model([lin(3, 8), Tanh(), lin(8, 3), Relu(), lin(3, 4)], CrossEntropy()), x(6, 3), torch.tensor([0, 1, 2, 3, 1, 1]))
    for n in (1, 2): yield trace(Model([lin(3, 4), Softmax(), lin(4, 1)], Mse()), x(n, 3), torch.randn(n, generator=g))
    yield trace(Model([lin(784, 50), Relu(), lin(50, 10)], CrossEntropy()), x(1, 784), torch.tensor([3]))
    yield trace(Model([Lin(torch.tensor([[0., 500.]]), torch.zeros(2))], CrossEntropy()), torch.ones(1, 1), torch.tensor([0]))
    yield trace(Model([lin(3, 4, Half), Relu(), lin(4, 1)], Mse()), x(5, 3), torch.randn(5, generator=g))

SHAPES = [(5, 3), (1, 50), (50, 1), (784, 50), (1, 784), (784, 1), (70, 784), (13, 5), (12, 6), (100, 2), (3, 784), (784, 400), (16, 9)]
def node(script=None, tmp=None):
    "What unfold.js makes of the recordings, or `script` in its place"
    need(shutil.which('node'), 'node')
    here = root
    if script:
        here = tmp
        for o in ('tests', 'mlp_foundations'): (tmp/o).mkdir()
        shutil.copy(root/'tests'/'unfold.test.mjs', tmp/'tests')
        (tmp/'package.json').write_text('{"type": "module"}')
        (tmp/'mlp_foundations'/'unfold.js').write_text(script, encoding='utf-8')
    sent = []
    for rec in recordings():
        tensors,made = _unfolding(rec._steps())
        sent.append(dict(tensors=[[r, c, np.frombuffer(b64decode(t), '<f4').tolist()] for r,c,t in tensors], made=made))
    res = subprocess.run(['node', str(here/'tests'/'unfold.test.mjs')], input=json.dumps(dict(recordings=sent, shapes=SHAPES)), capture_output=True, text=True, encoding='utf-8')
    assert script or res.returncode==0, res.stderr
    return json.loads(res.stdout) if res.returncode==0 else None # a script that stops is wrong

def number(text): return float(text.replace('−', '-'))
def adds_up(o):
    "Do the numbers that are written come to the value, in the digits that are shown?"
    if '·' not in o['text'] or '/' in o['text'] or 'max' in o['text']: return True
    total = large = 0.
    for part in re.sub(r', together ', '·', re.sub(r'\d+ that (is|are) 0', '0', re.sub(r'\d+ more', '1', o['text']))).split(' + '):
        v = np.prod([number(k.strip('()')) for k in part.split('·')])
        total,large = total+v,max(large, abs(v))
    return abs(total-(o['total'] or 0.))<.02*large+1e-6

def faults(out):
    "What differs from the recordings, and which steps can't be unfolded"
    if not out: return ['stopped']
    res = []
    for k,(rec,values) in enumerate(zip(recordings(), out['values'], strict=True)):
        for s,got in zip(rec._steps(), values, strict=True):
            if got is None: res.append(f'{k} {s.name}: none')
            else:
                want = _grid(s.want if s.want is not None else s.value).flatten().float()[:400]
                if not torch.allclose(torch.tensor([float(o['total'] or 0) for o in got]), want, rtol=1e-4, atol=1e-5): res.append(f'{k} {s.name}')
                res += [f"{k} {s.name}: {o['text']} = {o['total']}" for o in got if not adds_up(o)][:1]
    return res

def squares(out):
    "The shapes whose picture shows other values than are said"
    res = []
    for (r,c),places in zip(SHAPES, out['places'], strict=True):
        t = torch.arange(float(r*c)).view(r, c)
        m,*_ = _layout(t)
        got = torch.tensor([[torch.nan if o is None else t[tuple(o)] for o in line] for line in places])
        if got.shape!=m.shape or not torch.allclose(got.double(), m, equal_nan=True): res.append((r, c))
    return res

OWN = ['1 l2: none', '2 l2: none', '3 l2: none', '5 loss: none'] # the forward pass of a layer of one's own is no sum that we know; the log of 0 is none
def test_every_value_is_the_sum_that_is_said(): assert faults(node())==OWN
def test_a_square_is_the_value_that_it_shows(): assert not squares(node())

@pytest.mark.parametrize('old, new', [("dot(i, j, a, b), [", "dot(j, i, a, b), ["), ('a.at(i, k), b.at(k, j)', 'a.at(i, k), b.at(j, k)'), ('i * cols + j, 0', 'j, 0'), ('** 2 / a.all.length', '** 2'), ('-Math.log', 'Math.log'),
                                      ('/ p.rows) * up', ') * up'), ('most + 1 ? used', 'most + 1 ? used.slice(1)'), ('Math.max(0, a.at(i, j))]', 'a.at(i, j)]')])
def test_a_wrong_sum_is_found(tmp_path, old, new):
    text = (root/'mlp_foundations'/'unfold.js').read_text(encoding='utf-8')
    assert old in text and faults(node(text.replace(old, new), tmp_path))!=OWN
@pytest.mark.parametrize('old, new', [('rows === 784 ||', ''), ('% 29) * 28', '% 29) * 29'), ('* across', '* 9'), ('2 * cols', 'cols')])
def test_a_wrong_square_is_found(tmp_path, old, new):
    text = (root/'mlp_foundations'/'unfold.js').read_text(encoding='utf-8')
    assert old in text and squares(node(text.replace(old, new, 1), tmp_path))

def test_what_is_too_large_is_left_out():
    model = Model([Lin(torch.zeros(784, 50), torch.zeros(50)), Relu(), Lin(torch.ones(50, 10), torch.zeros(10))], CrossEntropy())
    steps = trace(model, torch.ones(500, 784), torch.zeros(500, dtype=torch.int64))._steps()
    tensors,made = _unfolding(steps)
    assert sum(r*c for r,c,_ in tensors)<=64_000 and {s.name for s,o in zip(steps, made) if o is None}>={'l1', 'w1.g'} and any(made)
