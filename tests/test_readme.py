"The Python that README, CONTRIBUTING and the site's front page show runs as it stands: each block alone, in a new interpreter; the network on one page as one program."
import os, re, subprocess, sys
from pathlib import Path

import nbformat
import pytest
import torch

root = Path(__file__).resolve().parent.parent

def blocks(text): return re.findall(r'^```python\n(.*?)^```', text, re.M|re.S)

def shown():
    "Name and text of each block; of the front page those of its texts and its cells that readers see"
    for name in ('README.md', 'CONTRIBUTING.md'):
        for i,o in enumerate(blocks((root/name).read_text(encoding='utf-8'))): yield f'{name}-{i}', o
    for c in nbformat.read(root/'nbs'/'index.ipynb', 4).cells:
        for i,o in enumerate(blocks(c.source) if c.cell_type=='markdown' else []): yield f'index-{c.id}-{i}', o
        if c.cell_type=='code' and c.source.startswith('from mlp_foundations.all'): yield f'index-{c.id}', c.source

def whole():
    "The cells of the front page that are the whole network, as one program without the drawing"
    cells = [c.source for c in nbformat.read(root/'nbs'/'index.ipynb', 4).cells if c.cell_type=='code' and not c.source.startswith(('#| hide', '#| default_exp'))]
    first = next(i for i,o in enumerate(cells) if o.startswith('import torch'))
    return '\n'.join(['watch = enumerate', *cells[first:next(i for i,o in enumerate(cells) if o.startswith('from mlp_foundations.layers'))]])

def run(source, folder):
    env = dict(os.environ, OMP_NUM_THREADS='1', MPLBACKEND='agg')
    return subprocess.run([sys.executable, '-c', source], cwd=folder, env=env, capture_output=True, text=True, encoding='utf-8')

shown = dict(shown())
def test_there_are_blocks(): assert {o.split('-')[0] for o in shown}>={'README.md', 'index'}

@pytest.mark.parametrize('name', shown)
def test_a_block_runs(name, tmp_path):
    "A name that the block doesn't import, such as `torch`, or an argument that is gone"
    res = run(shown[name], tmp_path)
    assert not res.returncode, res.stderr[-2000:]

def test_a_block_that_forgets_an_import_is_found(tmp_path): assert 'NameError' in run('from mlp_foundations.data import *\ntorch.zeros(3)', tmp_path).stderr

@pytest.mark.parametrize('seed', range(3))
def test_the_whole_network_on_one_page(seed, tmp_path):
    "It reads 97 % of the test digits, as it asserts, whatever the seed"
    source = whole()
    assert 'manual_seed(0)' in source and 'assert share>=.97' in source
    res = run(source.replace('manual_seed(0)', f'manual_seed({seed})'), tmp_path)
    assert not res.returncode, res.stderr[-2000:]

def test_the_whole_network_is_written_out():
    "In some 20 lines, with nothing of autograd, of torch.nn or of our layers"
    source = whole()
    imports = [l for l in source.splitlines() if 'import' in l]
    assert imports==['import torch', 'from mlp_foundations.data import get_data, get_test, normalize']
    assert not re.search(r'\bnn\b|\.grad\b|requires_grad|backward|optim', source)
    assert len([l for l in source.splitlines() if l.strip()])<40

def gradients_amiss(source):
    "The parameters whose gradient, in the first step of the network on one page, is another than autograd's"
    page,names = {},['w1', 'b1', 'w2', 'b2']
    exec(source.replace('enumerate', 'lambda o: [(0, o[0])]', 1).replace('lr*t.g', '0*t.g').replace('assert share', 'share'), page) # one batch, and no step
    found = [page[o].g for o in names]
    page.update({o: page[o].clone().requires_grad_() for o in names})
    torch.nn.functional.cross_entropy(page['forward'](page['x'])[-1], page['y']).backward()
    return [o for o,g in zip(names, found) if not torch.allclose(page[o].grad, g, rtol=1e-4, atol=1e-6)]

@pytest.mark.parametrize('old, new, amiss', [
    ('', '', []), ('l1.g = l2.g*(l1>0)', 'l1.g = l2.g', ['w1', 'b1']), ('b2.g = out.g.sum(0)', 'b2.g = 10*out.g.sum(0)', ['b2']), (')/len(x)', ')', ['w1', 'b1', 'w2', 'b2'])])
def test_the_gradients_of_the_page(old, new, amiss):
    "A faulty one may reach 97 % all the same"
    source = whole()
    assert old in source
    assert gradients_amiss(source.replace(old, new))==amiss

def test_the_package_is_shown_in_one_way():
    "README's example is the front page's, but for the number of epochs and the last line"
    def spelled(text): return re.sub(r'\s+|epochs=3,', '', text)
    readme = blocks((root/'README.md').read_text(encoding='utf-8'))[0]
    cell = next(o for k,o in shown.items() if k.startswith('index-5e1d0c37'))
    assert spelled(readme)==spelled(cell.rpartition('\n')[0])
