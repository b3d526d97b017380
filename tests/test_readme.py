"The Python that README, CONTRIBUTING and the site's front page show runs as it stands: each block alone, in a new interpreter."
import os, re, subprocess, sys
from pathlib import Path

import nbformat
import pytest

root = Path(__file__).resolve().parent.parent

def blocks(text): return re.findall(r'^```python\n(.*?)^```', text, re.M|re.S)

def shown():
    "Name and text of each block; of the front page those of its texts and its cells that readers see"
    for name in ('README.md', 'CONTRIBUTING.md'):
        for i,o in enumerate(blocks((root/name).read_text(encoding='utf-8'))): yield f'{name}-{i}', o
    for c in nbformat.read(root/'nbs'/'index.ipynb', 4).cells:
        for i,o in enumerate(blocks(c.source) if c.cell_type=='markdown' else []): yield f'index-{c.id}-{i}', o
        if c.cell_type=='code' and not c.source.startswith(('#| hide', '#| default_exp')): yield f'index-{c.id}', c.source

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
