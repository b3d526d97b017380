"Scripts and styles are files: biome lints and formats them, node tests what needs no browser."
import json, os, shutil, subprocess
from itertools import pairwise
from pathlib import Path

import pytest, torch

from mlp_foundations.layers import Lin, Model, Relu
from mlp_foundations.training import CrossEntropy

root = Path(__file__).resolve().parent.parent
biome = root/'node_modules'/'.bin'/'biome'

def run(*args): return subprocess.run([str(o) for o in args], cwd=root, capture_output=True, text=True, encoding='utf-8')
def need(there, what):
    if not there: (pytest.fail if os.environ.get('REQUIRE_BROWSER') else pytest.skip)(f'no {what}: run the line with npm in .ci/run')

def test_lint_and_format():
    need(biome.exists(), 'biome')
    res = run(biome, 'check', '--error-on-warnings')
    assert res.returncode==0, res.stdout+res.stderr

@pytest.mark.parametrize('text, rule', [('a = 1\n', 'format'), ("const a = 1;\nif (a == '1') alert(a);\n", 'noDoubleEquals')])
def test_biome_finds_what_is_wrong(tmp_path, text, rule):
    need(biome.exists(), 'biome')
    (tmp_path/'a.js').write_text(text)
    shutil.copy(root/'biome.json', tmp_path)
    res = subprocess.run([str(biome), 'check', '--error-on-warnings', 'a.js'], cwd=tmp_path, capture_output=True, text=True)
    assert res.returncode and rule in res.stdout+res.stderr

def cases(seed=0):
    "Nets of one to three linear layers in float64, each with a row and a label; one has logits so large that they would overflow"
    g = torch.Generator().manual_seed(seed)
    for sizes,scale in [((3, 4), 1.), ((5, 4, 3), 1.), ((6, 5, 4, 3), 1.), ((5, 4, 3), 1e3), ((784, 50, 10), 1.)]:
        pairs = [(torch.randn(i, o, generator=g, dtype=torch.float64)*scale/i**.5, torch.randn(o, generator=g, dtype=torch.float64)) for i,o in pairwise(sizes)]
        yield pairs,torch.randn(1, sizes[0], generator=g, dtype=torch.float64),torch.tensor([1]),.1

def ours(pairs, x, targ, lr):
    "What the package computes"
    layers = [l for w,b in pairs for l in (Relu(), Lin(w, b))][1:]
    model = Model(layers, CrossEntropy())
    loss = model(x, targ)
    model.backward()
    acts = [x, *(l.out for l in layers)]
    grads = [o.g for o in acts],[(w.g, b.g) for w,b in pairs]
    return acts,loss,grads,[(w-lr*w.g, b-lr*b.g) for w,b in pairs]

def same(got, want): # JSON has no NaN
    return len(got)==want.numel() and torch.allclose(torch.tensor([torch.nan if o is None else o for o in got], dtype=torch.float64), want.flatten(), rtol=1e-10, atol=1e-12)
def wrong(got, want):
    "The names of what differs"
    acts,loss,(acts_g,layers_g),stepped = want
    pairs = [('act', *o) for o in zip(got['acts'], acts)] + [('grad', *o) for o in zip(got['grads']['acts'], acts_g)]
    for kind,a,b in [('layer grad', got['grads']['layers'], layers_g), ('step', got['stepped'], stepped)]:
        for l,(w,bias) in zip(a, b, strict=True): pairs += [(kind, l['w'], w), (kind, l['b'], bias)]
    return {kind for kind,a,b in pairs if not same(a, b)} | ({'loss'} if not same([got['loss']], loss) else set())

def answers(text=None, tmp=None):
    "What net.js says, or `text` in its place"
    need(shutil.which('node'), 'node')
    here = root
    if text:
        here = tmp
        for o in ('tests', 'mlp_foundations'): (tmp/o).mkdir()
        shutil.copy(root/'tests'/'net.test.mjs', tmp/'tests')
        (tmp/'package.json').write_text('{"type": "module"}')
        (tmp/'mlp_foundations'/'net.js').write_text(text, encoding='utf-8')
    sent = [dict(layers=[dict(w=w.flatten().tolist(), b=b.tolist()) for w,b in pairs], x=x[0].tolist(), targ=targ.item(), lr=lr) for pairs,x,targ,lr in cases()]
    res = subprocess.run(['node', str(here/'tests'/'net.test.mjs')], input=json.dumps(sent), capture_output=True, text=True, encoding='utf-8')
    assert res.returncode==0, res.stderr
    return [wrong(got, ours(*o)) for got,o in zip(json.loads(res.stdout), cases(), strict=True)]

def test_net(): assert answers()==[set()]*5
@pytest.mark.parametrize('old, new, what', [
    ('Math.max(v, 0)', 'v', 'act'), ('p - (j === targ)', 'p', 'grad'), ('[i] > 0)', '[i] > 1)', 'grad'), ('= v * g;', '= g;', 'layer grad'), ('inpG[i] += g', 'inpG[i] = g', 'grad'),
    ('Math.exp(v - top)', 'Math.exp(v)', 'loss'), (') + top', ')', 'loss'), ('-= lr *', '+= lr *', 'step'), ('layersG[k].b = outG', 'layersG[k].b = inp', 'layer grad')])
def test_a_wrong_net_is_found(tmp_path, old, new, what):
    text = (root/'mlp_foundations'/'net.js').read_text(encoding='utf-8')
    assert old in text and what in set().union(*answers(text.replace(old, new), tmp_path))
