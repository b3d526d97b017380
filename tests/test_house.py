"The files around the notebooks: workflows and citation are valid, README, Makefile and change log say what is there."
import re, shutil, subprocess, sys
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

def test_the_readme_lists_every_lesson():
    lessons = {o.name for o in (root/'nbs').glob('[0-9]*.ipynb')}
    assert lessons=={*re.findall(r'\(nbs/([0-9]\w+\.ipynb)\)', read('README.md'))}

def test_one_version():
    version = re.search('"(.+)"', read('mlp_foundations/__init__.py'))[1]
    assert re.search(r'^version: (.+)$', read('CITATION.cff'), re.M)[1]==version
    assert re.search(r'^## (\S+)', read('CHANGELOG.md'), re.M)[1]==version

@pytest.mark.skipif(not shutil.which('make'), reason='no make')
def test_help_lists_every_target():
    targets = {o for o in re.search(r'^\.PHONY: (.+)', read('Makefile'), re.M)[1].split()}
    said = dict(re.findall(r'^make (\w+) +(\S.+)$', subprocess.run(['make', 'help'], cwd=root, capture_output=True, text=True, check=True).stdout, re.M))
    assert {*said}==targets=={*re.findall(r'^([a-z]+):', read('Makefile'), re.M)}
