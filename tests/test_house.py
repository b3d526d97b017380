"The files around the notebooks: workflows and citation are valid, README, Makefile and change log say what is there; imports go one way."
import ast, re, shutil, subprocess, sys
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
def read(name): return (root/name).read_text(encoding='utf-8')

def complaints(schema, path):
    "What check-jsonschema has to say about the file at `path`, by the schema that it brings along"
    res = subprocess.run([sys.executable, '-m', 'check_jsonschema', '--builtin-schema', f'vendor.{schema}', path], capture_output=True, text=True)
    return res.returncode and res.stdout+res.stderr

workflows = sorted((root/'.github'/'workflows').glob('*.yaml'))
def test_there_are_workflows(): assert [o.stem for o in workflows]==['release', 'site', 'test']

@pytest.mark.parametrize('path', workflows, ids=lambda o: o.stem)
def test_workflow_is_valid(path): assert not complaints('github-workflows', path)

def test_citation_is_valid(): assert not complaints('citation-file-format', root/'CITATION.cff')

@pytest.mark.parametrize('schema, name, old, new', [
    ('github-workflows', '.github/workflows/test.yaml', 'runs-on:', 'run-on:'), ('github-workflows', '.github/workflows/test.yaml', 'schedule:', 'scheduled:'),
    ('github-workflows', '.github/workflows/site.yaml', 'permissions:', 'permission:'), ('citation-file-format', 'CITATION.cff', 'family-names', 'surname')])
def test_a_fault_is_found(tmp_path, schema, name, old, new):
    text = read(name)
    assert old in text
    (tmp_path/'file.yaml').write_text(text.replace(old, new, 1), encoding='utf-8')
    assert new.strip(':') in complaints(schema, tmp_path/'file.yaml')

def test_the_readme_lists_every_notebook():
    "A lesson, a deeper or a workshop notebook that README forgets, and a link to one that is gone; of the exercises, whose names are those of the lessons, one link is enough"
    listed = {o for o in re.findall(r'\(nbs/([\w/]+\.ipynb)\)', read('README.md')) if not o.startswith('exercises/')}
    assert listed=={p.relative_to(root/'nbs').as_posix() for p in (root/'nbs').rglob('*.ipynb') if not {'.ipynb_checkpoints', 'exercises'} & {*p.parts}}-{'index.ipynb'}
    assert not [o for o in re.findall(r'\]\(([\w/.]+)\)', read('README.md')) if not (root/o).exists()]

def test_every_deeper_notebook_opens_from_a_lesson():
    "The map on the first page shows it beside the first lesson that links to it"
    lessons = ' '.join(p.read_text(encoding='utf-8') for p in (root/'nbs').glob('[0-9]*.ipynb'))
    assert not [p.name for p in (root/'nbs'/'deeper').glob('*.ipynb') if f'](deeper/{p.name}' not in lessons]

def test_one_version():
    version = re.search('"(.+)"', read('mlp_foundations/__init__.py'))[1]
    assert re.search(r'^version: (.+)$', read('CITATION.cff'), re.M)[1]==version
    assert re.search(r'^## (\S+)', read('CHANGELOG.md'), re.M)[1]==version

@pytest.mark.skipif(not shutil.which('make'), reason='no make')
def test_help_lists_every_target():
    targets = {o for o in re.search(r'^\.PHONY: (.+)', read('Makefile'), re.M)[1].split()}
    said = dict(re.findall(r'^make (\w+) +(\S.+)$', subprocess.run(['make', 'help'], cwd=root, capture_output=True, text=True, check=True).stdout, re.M))
    assert {*said}==targets=={*re.findall(r'^([a-z]+):', read('Makefile'), re.M)}

# --- which way imports go -----------------------------------------------------------------------------------------------------

LESSONS = 'data matmul init forward backward layers nn training speed distributed'.split() # each may import those before it, and `show`
MAY = {o: {'show', *LESSONS[:i]} for i,o in enumerate(LESSONS)}
MAY |= dict(show=set(), fetch={'data'}, trace={'show', *LESSONS}, check={'show', *LESSONS}, **{o: {'show', 'trace', *LESSONS} for o in ('pad', 'small_net', 'live')}, all={'show', 'trace', 'check', 'pad', 'small_net', 'live', *LESSONS}-{'nn'})

def imported(source, module, lib='mlp_foundations'):
    "The modules of the package that `source`, the text of `module`, imports anywhere in it"
    folder = [lib, *module.split('.')[:-1]]
    for o in ast.walk(ast.parse(source)):
        if isinstance(o, ast.Import): names = [a.name for a in o.names]
        elif isinstance(o, ast.ImportFrom):
            base = [*folder[:len(folder)-o.level+1], o.module] if o.level else [o.module]
            base = '.'.join(k for k in base if k)
            names = [f'{base}.{a.name}' for a in o.names] if base==lib else [base]
        else: continue
        yield from (k.removeprefix(f'{lib}.') for k in names if k.startswith(f'{lib}.'))

def wrong_ways(sources):
    "What a module of `sources`, {module: text}, imports and may not; an exercise may import lessons, `check` and exercises of lessons before it"
    def allowed(mod, o): return o in MAY.get(mod, ()) or mod.startswith('exercises.') and (o in {'check', *LESSONS} or o.startswith('exercises.') and o<mod)
    return [f'{mod} imports {o}' for mod,text in sources.items() for o in imported(text, mod) if not allowed(mod, o)]

def modules():
    lib = root/'mlp_foundations'
    return {'.'.join(p.relative_to(lib).with_suffix('').parts): p.read_text(encoding='utf-8') for p in sorted(lib.rglob('*.py')) if p.stem not in ('__init__', '_modidx')}

def test_imports_go_one_way():
    found = modules()
    assert not [o for o in found if o not in MAY and not o.startswith('exercises.')], 'say in MAY what the new module may import'
    assert not wrong_ways(found)

@pytest.mark.parametrize('mod, line', [
    ('data', 'from .matmul import *'), ('layers', 'from .nn import Module'), ('training', 'def f():\n    from mlp_foundations.trace import trace'), ('forward', 'from . import check'), ('nn', 'import mlp_foundations.exercises.e06'),
    ('show', 'from mlp_foundations.data import get_data'), ('fetch', 'from .show import show_images'), ('all', 'from mlp_foundations import nn'), ('exercises.e03', 'from .e04 import x'), ('exercises.e03', 'from ..trace import trace'), ('check', 'from .exercises.e00 import *')])
def test_a_wrong_way_is_found(mod, line): assert wrong_ways({mod: line})

@pytest.mark.parametrize('mod, line', [('matmul', 'from .data import *\nimport torch\nfrom torch import nn'), ('layers', 'from .show import show_figure'), ('exercises.e03', 'from .e01 import x\nfrom ..check import check\nfrom .. import nn'), ('fetch', 'from .data import get_data')])
def test_a_right_way_is_not(mod, line): assert not wrong_ways({mod: line})
