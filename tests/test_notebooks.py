"The notebooks: each runs in a process of its own, shows what it showed when it was saved, is clean, and is what the modules were exported from."
import difflib, json, re, shutil, subprocess, sys
from pathlib import Path

import nbformat
import pytest

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
import run as runner

notebooks = runner.notebooks()
names = list(map(runner.name_of, notebooks))

# --- the checks -----------------------------------------------------------------------------------------------------

NUMBER = r'[-+]?\d+(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d{1,3}(?!\w))?'
MEASURED = re.compile(rf'(?:[<~] ?)?{NUMBER} ?(?:ns|µs|us|ms|s|min|MB|GB/s|[GT]FLOP/s|×)(?![a-zA-Z])', re.I)

PICTURE = re.compile(r'data:image/png;base64,[\w+/=]+')

def texts(cell):
    "What a code cell shows, as texts: its printed lines and every text form of its results; pictures as the mark of their place"
    out = []
    for o in cell.get('outputs', []):
        if o.output_type=='stream' and o.name=='stdout': out.append(('printed', o.text))
        for kind,text in o.get('data', {}).items(): out.append((kind, PICTURE.sub('a picture', text) if kind.startswith('text/') else 'a picture'))
    merged = []
    for kind,text in out:
        if merged and kind=='printed'==merged[-1][0]: merged[-1] = kind, merged[-1][1]+text
        else: merged.append((kind, text))
    return merged

def parts(text):
    "`text` without what was measured, as its words and its numbers"
    text = MEASURED.sub('(measured)', re.sub(r'0x[0-9a-f]{6,}', '', text))
    nums = [float(o.replace(',', '')) for o in re.findall(NUMBER, text, re.I)]
    return re.sub(r'[\s\-:|]+', ' ', re.sub(NUMBER, '#', text, flags=re.I)).strip(), nums

def near(a, b, tol=1e-3): return a==b or abs(a-b) <= tol*max(1, abs(b))

def differences(saved, fresh):
    "Where the outputs of two runs of a notebook differ: times and memory aside, words exactly and numbers by 1e-3"
    res = []
    for i,(a,b) in enumerate(zip(saved.cells, fresh.cells)):
        if a.cell_type!='code': continue
        ta,tb = texts(a),texts(b)
        if [k for k,_ in ta]!=[k for k,_ in tb]:
            res.append(f'cell {i}: shows {[k for k,_ in tb]}, saved was {[k for k,_ in ta]}')
            continue
        for (_,x),(_,y) in zip(ta, tb):
            (wx,nx),(wy,ny) = parts(x),parts(y)
            if wx!=wy or len(nx)!=len(ny) or not all(map(near, ny, nx)):
                res.append('\n'.join([f'cell {i}:', *difflib.unified_diff(x.splitlines(), y.splitlines(), 'saved', 'fresh', lineterm='', n=0)]))
    return res

def errors_printed(nb):
    "What went to stderr in a run, progress bars aside"
    text = ''.join(o.text for c in nb.cells for o in c.get('outputs', []) if o.output_type=='stream' and o.name=='stderr')
    return [l for l in re.split(r'[\r\n]', text) if l.strip() and not re.search(r'\d+%\|', l)]

DIRECTIVES = 'default_exp', 'export', 'exporti', 'hide'
def bad_directives(nb):
    "Lines that look like a directive and are none that nbdev 3 obeys: unknown, without the bar, or not at the top of the cell"
    res = []
    for i,cell in enumerate(nb.cells):
        top = True
        for line in cell.source.splitlines():
            said = re.match(r'#\| (\w+)', line)
            looks = re.match(r'\s*#\s*\|?\s*(default_exp|exporti?|exports|hide|eval|echo|output)\b[^.]*$', line) or line.startswith('#|')
            if looks and not (top and said and said[1] in DIRECTIVES): res.append(f'cell {i}: {line}')
            top = top and line.startswith('#|')
    return res

INERT = {'text/plain', 'text/markdown', 'text/latex', 'image/png'}
RUNS = re.compile(r'<\s*(script|iframe|object|embed|link|img|svg|style|form|video|audio)\b|<[^>]*\son\w+\s*=|javascript:|!\[[^\]]*\]\(', re.I)
ELSEWHERE = re.compile(r'<\s*(iframe|object|embed|link|base|meta|form)\b|\b(?:src|href|action|data)\s*=\s*["\']?(?!data:image/png|#|["\']?\s*[>+])[^\s"\'>]|url\((?!["\']?data:)|@import|\b(import|importScripts|fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|Worker|eval|Function)\s*\(|\bimport\s+["\'{*]|\bfrom\s+["\']|https?://|javascript:|createElement\(.script', re.I)
def active(nb):
    "Cells with something that a browser would run or fetch: texts that do more than set text, HTML that reaches outside of itself, widgets, attachments"
    res = ['widgets in the metadata']*('widgets' in nb.metadata)
    for i,cell in enumerate(nb.cells):
        datas = [o.get('data', {}) for o in cell.get('outputs', [])]
        read = [cell.source if cell.cell_type=='markdown' else '', *(d.get('text/markdown', '') for d in datas)]
        found = {k for d in datas for k in d}-INERT-{'text/html'} | {o[0] for t in read for o in RUNS.finditer(t)} | {o[0] for d in datas for o in ELSEWHERE.finditer(d.get('text/html', ''))}
        if found or cell.get('attachments'): res.append(f'cell {i}: {sorted(found) or "attachments"}')
    return res

def nbdev(command, folder):
    subprocess.run([sys.executable, '-c', f'from nbdev.{command}'], cwd=folder, check=True, capture_output=True, text=True)

def copy_project(folder):
    "What export and clean need, in `folder`"
    for o in ('nbs', 'mlp_foundations'): shutil.copytree(root/o, folder/o, ignore=shutil.ignore_patterns('mnist', '__pycache__', '.ipynb_checkpoints'))
    shutil.copy(root/'pyproject.toml', folder)
    return folder

def stale_modules(folder):
    "Modules in `folder` that an export of the notebooks there changes, adds or would not make"
    lib = folder/'mlp_foundations'
    def modules(): return {p.relative_to(lib).as_posix():p.read_text(encoding='utf-8') for p in lib.rglob('*.py')}
    before = modules()
    for p in lib.rglob('*.py'):
        if p.name!='__init__.py': p.unlink()
    nbdev('doclinks import nbdev_export; nbdev_export()', folder)
    after = modules()
    return sorted(k for k in before|after if before.get(k)!=after.get(k))

def unclean(folder):
    "Notebooks in `folder` that nbdev-clean changes"
    paths = runner.notebooks(folder/'nbs')
    before = [p.read_text(encoding='utf-8') for p in paths]
    nbdev('clean import nbdev_clean; nbdev_clean()', folder)
    return [f'{runner.name_of(p)}.ipynb' for p,text in zip(paths, before) if p.read_text(encoding='utf-8')!=text]

# --- on our notebooks -----------------------------------------------------------------------------------------------

@pytest.fixture(scope='module')
def results():
    runs = runner.run_all(notebooks)
    done = {}
    def get(name):
        while name not in done:
            path,res = next(runs)
            done[runner.name_of(path)] = res | dict(nb=nbformat.reads(res['nb'], 4))
        return done[name]
    return get

def test_every_notebook_is_found():
    "None lies in a folder that the tools don't walk, and no number of a lesson is left out"
    assert {*notebooks}=={p for p in (root/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts}
    lessons = [o for o in names if '/' not in o and o!='index']
    assert len(lessons)>7 and [o[:3] for o in lessons]==[f'{i:02}_' for i in range(len(lessons))], names

def test_each_installs_the_package_where_it_is_missing():
    def installs(p): return [c.source for c in nbformat.read(p, 4).cells if '%pip' in c.source]
    want = installs(root/'nbs'/'00_data.ipynb')
    assert len(want)==1 and want[0].startswith('#| hide\ntry: import mlp_foundations\nexcept ModuleNotFoundError') and 'input(' not in want[0] # a question would stop "Run all"
    assert "source = '..' if exists('../settings.ini')" in want[0]
    for p in notebooks: assert installs(p)==[want[0].replace("'..", "'../..") if '/' in runner.name_of(p) else want[0]], p

GITHUB = 'fileId=https%3A//github.com/someone/some-fork/blob/a-branch/nbs/00_data.ipynb'
@pytest.mark.parametrize('answer, inside, want', [
    ([{'path': GITHUB}], False, 'git+https://github.com/someone/some-fork@a-branch'), ([{'path': GITHUB}], True, '..'), ([{'path': 'fileId=1aBcD'}], False, 'mlp_foundations'),
    ([], False, 'mlp_foundations'), ('<html>', False, 'mlp_foundations'), (OSError('no such host'), False, 'mlp_foundations')])
def test_the_first_cell_asks_nothing(answer, inside, want, tmp_path, monkeypatch):
    "In Colab it installs what the notebook was opened from, in a copy of the project that copy, else the published package"
    import io, urllib.request
    cell = next(c.source for c in nbformat.read(root/'nbs'/'00_data.ipynb', 4).cells if '%pip' in c.source)
    def sessions(url, timeout):
        assert url.startswith('http://172.28.0.12:9000/')
        if isinstance(answer, OSError): raise answer
        return io.StringIO(answer if isinstance(answer, str) else json.dumps(answer))
    monkeypatch.setattr(urllib.request, 'urlopen', sessions)
    (tmp_path/'nbs').mkdir()
    if inside: (tmp_path/'settings.ini').touch()
    monkeypatch.chdir(tmp_path/'nbs')
    here = {}
    exec(cell.replace('import mlp_foundations', 'raise ModuleNotFoundError').replace('%pip install -q {source}', 'installed = source'), here)
    assert here['installed']==want

@pytest.mark.parametrize('name', names)
def test_runs(name, results):
    res = results(name)
    assert not res['error'], f"{name}.ipynb, {res['error']}"
    assert not errors_printed(res['nb'])
    assert not res['mb'] or res['mb'] < 1500

@pytest.mark.parametrize('name', names)
def test_shows_what_was_saved(name, results):
    diff = differences(nbformat.read(root/'nbs'/f'{name}.ipynb', 4), results(name)['nb'])
    assert not diff, '\n'.join([f'{name}.ipynb shows other things than were saved; if it should, run make save', *diff])

def minutes(nb): return [int(o) for c in nb.cells for out in c.get('outputs', []) for o in re.findall(r'(\d+) min', out.get('data', {}).get('text/markdown', ''))]

def test_the_minutes_on_the_first_page(results):
    "They are masked as times above, and grow stale where a lesson is edited; a few words more or less do no harm"
    saved,fresh = minutes(nbformat.read(root/'nbs'/'index.ipynb', 4)),minutes(results('index')['nb'])
    assert len(saved)==len(fresh)>10 and all(abs(a-b)<=max(2, .03*b) for a,b in zip(saved, fresh)), (saved, fresh)

@pytest.mark.parametrize('name', names)
def test_directives(name): assert not bad_directives(nbformat.read(root/'nbs'/f'{name}.ipynb', 4))

@pytest.mark.parametrize('name', names)
def test_hidden_cells_are_folded_in_jupyterlab(name):
    "A cell that the site hides and that JupyterLab shows, or the other way round"
    for c in nbformat.read(root/'nbs'/f'{name}.ipynb', 4)['cells']:
        hidden,exports = (c.cell_type=='code' and c.source.startswith(o) for o in ('#| hide', '#| export'))
        assert c.metadata in ([{'jupyter': {'source_hidden': True}}]*(hidden or exports) + [{}]*(not hidden)), c.source # an exported one may be folded

@pytest.mark.parametrize('name', names)
def test_nothing_in_it_reaches_outside_when_it_is_opened(name): assert not active(nbformat.read(root/'nbs'/f'{name}.ipynb', 4))

def test_modules_are_a_fresh_export(tmp_path): assert not stale_modules(copy_project(tmp_path)), 'run nbdev-export'

def test_notebooks_are_clean(tmp_path): assert not unclean(copy_project(tmp_path)), 'run nbdev-clean'

# --- the checks bite: each is seen to fail on a broken copy -------------------------------------------------------------

def edit(path, f):
    nb = json.loads(path.read_text(encoding='utf-8'))
    f(nb)
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')

def code(source, **outputs): return nbformat.v4.new_code_cell(source, **outputs)
def shown(text, cell='x'): return nbformat.v4.new_notebook(cells=[code(cell, outputs=[nbformat.v4.new_output('execute_result', {'text/plain': text})])])

def test_a_failing_cell_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(runner, 'root', tmp_path)
    path = tmp_path/'broken.ipynb'
    nbformat.write(nbformat.v4.new_notebook(cells=[code('x = 0'), code('1/x'), code('open("never", "w")')]), path)
    with pytest.raises(SystemExit) as e: runner.main([str(path)])
    assert '1 of 1 notebooks failed: broken.ipynb' in str(e.value)
    assert 'broken.ipynb, cell 1 failed: ZeroDivisionError: division by zero\n    1/x' in capsys.readouterr().out
    assert not (tmp_path/'never').exists()

def test_executed_copies_keep_their_folders(tmp_path, capsys, monkeypatch):
    "Else one of two notebooks of the same name overwrites the other's copy"
    monkeypatch.setattr(runner, 'root', tmp_path)
    for k in ('x', 'workshop/x'):
        (tmp_path/'nbs'/k).parent.mkdir(exist_ok=True, parents=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[code(f'{k!r}')]), tmp_path/'nbs'/f'{k}.ipynb')
    runner.main(list(map(str, runner.notebooks(tmp_path/'nbs'))))
    assert [l.split()[0] for l in capsys.readouterr().out.splitlines()[:2]]==['x', 'workshop/x']
    for k in ('x', 'workshop/x'): assert nbformat.read(tmp_path/'executed'/f'{k}.ipynb', 4).cells[0].outputs[0].data['text/plain']==repr(k)

def test_each_notebook_has_a_process_of_its_own(tmp_path):
    for name in 'ab': nbformat.write(nbformat.v4.new_notebook(cells=[code('import os; print(os.getpid())')]), tmp_path/f'{name}.ipynb')
    pids = [texts(nbformat.reads(res['nb'], 4).cells[0])[0][1] for _,res in runner.run_all([tmp_path/'a.ipynb', tmp_path/'b.ipynb'])]
    assert pids[0]!=pids[1]

def test_a_stale_module_is_found(tmp_path):
    copy_project(tmp_path)
    mod = tmp_path/'mlp_foundations'/'forward.py'
    mod.write_text(mod.read_text(encoding='utf-8').replace('.mean()', '.sum()'), encoding='utf-8')
    (tmp_path/'mlp_foundations'/'extra.py').write_text('x = 1')
    (tmp_path/'mlp_foundations'/'exercises'/'e99.py').write_text('x = 1')
    assert stale_modules(tmp_path)==['exercises/e99.py', 'extra.py', 'forward.py']

def test_an_unclean_notebook_is_found(tmp_path):
    copy_project(tmp_path)
    for o in ('03_forward', 'workshop/check'): edit(tmp_path/'nbs'/f'{o}.ipynb', lambda nb: nb['cells'][0]['metadata'].update(collapsed=True))
    assert unclean(tmp_path)==['03_forward.ipynb', 'workshop/check.ipynb']

@pytest.mark.parametrize('source', ['#export\nx = 1', '# export', '#| exprot\nx = 1', 'x = 1\n#| export', '#| eval: false\nx = 1', '#|export\nx = 1', '# | hide'])
def test_a_directive_that_nbdev_ignores_is_found(source): assert bad_directives(nbformat.v4.new_notebook(cells=[code(source)]))

def test_a_good_directive_is_not():
    assert not bad_directives(nbformat.v4.new_notebook(cells=[code('#| default_exp x'), code('#| hide\n#| export\nx = 1 # export this'), code('# exported names follow.\nx')]))

@pytest.mark.parametrize('saved, fresh', [
    ('tensor(0.3073)', 'tensor(0.3100)'), ('torch.Size([5, 10])', 'torch.Size([5, 11])'), ('True', 'False'), ('0.5', 'nan'),
    ('loss 2.5', 'lost 2.5'), ('[1., 2.]', '[1., 2., 3.]'), ('1e-3', '1e-1'), ('7.8 GB', '78 GB'), ('5 steps', '7 steps'), ('-3.', '3.'), ('a hash 9e9482', 'a hash 9e9582')])
def test_another_output_is_found(saved, fresh): assert differences(shown(saved), shown(fresh))

@pytest.mark.parametrize('saved, fresh', [
    ('tensor(0.3073)', 'tensor(0.3074)'), ('12.1 ms', '3 ms'), ('1,234 µs, 35 ×', '7.5 µs, 4.5 ×'), ('peak 120 MB at 3 GFLOP/s', 'peak 99 MB at 12.5 GFLOP/s'),
    ('a  1.0\nbb 2.0', 'a 1.0\nbb  2.0'), ('a hash 9e9482', 'a hash 9e9482')])
def test_another_time_is_not(saved, fresh): assert not differences(shown(saved), shown(fresh))

OUTSIDE = ['<script src="x.js"></script>', '<img src=//example.org/x.png>', '<a href="https://example.org">x</a>', '<script>fetch("x")</script>', '<script>import("x")</script>',
    '<style>p { background: url(x.png) }</style>', '<style>@import "x.css";</style>', '<iframe srcdoc="x"></iframe>', '<script>eval(x)</script>', '<form action="x">']
@pytest.mark.parametrize('data', [*({'text/html': o} for o in OUTSIDE), {'application/javascript': 'alert(1)'}, {'image/svg+xml': '<svg/>'}, {'application/vnd.jupyter.widget-view+json': {}},
    {'text/markdown': 'a <script src="https://example.org/x.js"></script>'}, {'text/markdown': '![a cat](https://example.org/cat.png)'}])
def test_an_output_that_runs_is_found(data): assert active(nbformat.v4.new_notebook(cells=[code('x', outputs=[nbformat.v4.new_output('display_data', data)])]))

@pytest.mark.parametrize('text', ['<iframe src="x">', '<b onclick="f()">x</b>', '[x](javascript:f())', '<IMG src=x>', '![x](attachment:y.png)'])
def test_a_text_that_runs_is_found(text): assert active(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]))

def test_html_that_keeps_to_itself_is_not():
    html = '<style>p { color: red }</style><img src="data:image/png;base64,x=" alt="x"><button>x</button><script>document.currentScript.parentElement.hidden = false</script>'
    assert not active(nbformat.v4.new_notebook(cells=[code('x', outputs=[nbformat.v4.new_output('display_data', {'text/html': html})])]))

def test_plain_text_does_not_run(): assert not active(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('x < y, `a<b`, $a<b$'), code('<script>')]))

def test_a_missing_picture_is_found():
    picture = nbformat.v4.new_output('display_data', {'image/png': 'iVBORw0=', 'text/plain': 'a curve'})
    assert differences(nbformat.v4.new_notebook(cells=[code('x', outputs=[picture])]), nbformat.v4.new_notebook(cells=[code('x')]))

@pytest.mark.parametrize('fresh, found', [('alt="a dot" src="data:image/png;base64,iVBO+1/2="', False), ('alt="a line" src="data:image/png;base64,iVBORw0="', True), ('alt="a dot"', True)])
def test_pictures_in_html_are_compared_by_their_words(fresh, found):
    one,other = ([nbformat.v4.new_output('display_data', {'text/html': f'<img {o}>'})] for o in ('alt="a dot" src="data:image/png;base64,iVBORw0="', fresh))
    assert bool(differences(nbformat.v4.new_notebook(cells=[code('x', outputs=one)]), nbformat.v4.new_notebook(cells=[code('x', outputs=other)])))==found

def test_a_warning_is_found():
    stream = nbformat.v4.new_output('stream', name='stderr', text=' 50%|##   | 1/2\r100%|####| 2/2\nUserWarning: mind the gap\n')
    assert errors_printed(nbformat.v4.new_notebook(cells=[code('x', outputs=[stream])]))==['UserWarning: mind the gap']
