"""The teacher's kit: holds what it promises, gives no solution away, installs and runs without network, and measures what it says.

The tests of the grader are skipped where otter-grader is missing, unless $REQUIRE_OTTER is set.
"""
import ast, json, os, re, shutil, subprocess, sys, venv, zipfile
from pathlib import Path

import nbformat
import pytest

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'tools'))
import kit
from kit import registry
from mlp_foundations.check import check

some = ['00_data', '03_forward', 'index', 'exercises/e00', 'exercises/e03', 'workshop/check'] # enough to see everything, and quick

def copy_some(folder):
    for o in some:
        (folder/o).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root/'nbs'/f'{o}.ipynb', folder/f'{o}.ipynb')
    return folder

@pytest.fixture(scope='module')
def unpacked(tmp_path_factory):
    "A kit of two lessons, with a page in the place of the site, unpacked"
    tmp = tmp_path_factory.mktemp('kit')
    (tmp/'site').mkdir()
    (tmp/'site'/'index.html').write_text('a site')
    with pytest.MonkeyPatch.context() as m:
        m.setattr(kit, 'find_spec', lambda _: None) # what is made for a grader has tests of its own, below
        path = kit.build(tmp/'out', copy_some(tmp/'nbs'), tmp/'site')
    assert os.listdir(tmp/'out')==[path.name]
    zipfile.ZipFile(path).extractall(tmp/'unpacked')
    return next((tmp/'unpacked').iterdir())

def wheel(folder): return next((folder/'students').glob('*.whl'))
def page(folder): return (folder/'teacher'/'lessons.html').read_text(encoding='utf-8')
def rows(text): return {k[:2]: [int(w.replace(',', '')), float(t)] for k,w,t in re.findall(r'<tr><td><strong>(.*?)</strong>.*?<td class="n">([\d,]+)<td.*?<td class="n">([\d.]+)<', text)}

def test_holds_what_it_promises(unpacked):
    files = sorted(str(o.relative_to(unpacked).as_posix()) for o in unpacked.rglob('*') if o.is_file())
    assert files==sorted(['LICENSE', 'README.txt', *(f'students/notebooks/{o}.ipynb' for o in some if 'exercises/' not in o), 'students/requirements.txt', f'students/{wheel(unpacked).name}',
                          'students/site/index.html', 'teacher/exercises/e00.ipynb', 'teacher/exercises/e03.ipynb', 'teacher/lessons.html'])
    readme = (unpacked/'README.txt').read_text(encoding='utf-8')
    named = re.findall(r'[\w./-]+\.(?:whl|txt|html|ipynb)\b', readme)
    assert len(readme.splitlines())<75 and {wheel(unpacked).name, 'requirements.txt', 'lessons.html', 'index.ipynb'} <= {o.split('/')[-1] for o in named}
    assert not [o for o in named if not list(unpacked.rglob(o.split('/')[-1]))]
    for o in ('README.txt', 'teacher/lessons.html', 'students/requirements.txt'): assert not re.search(r'/(work|tmp|root|home)/', (unpacked/o).read_text(encoding='utf-8'))

def given_away(folder):
    "Links to the solutions in the students' notebooks in `folder`, and functions asked for that have a body"
    res = []
    for path in kit.notebooks(folder):
        res += [f'{path.stem}: a link to the solutions']*('exercises/e' in path.read_text(encoding='utf-8'))
        asked = {o.answer for k,o in registry.items() if k[:2]==path.stem[:2] and callable(o.right)}
        for c in nbformat.read(path, 4).cells:
            if '/' in kit.name_of(path) or c.cell_type!='code' or 'check(' not in c.source: continue # in the workshop it is tried on other exercises
            for o in ast.walk(ast.parse(c.source)):
                if isinstance(o, ast.FunctionDef) and not all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in o.body): res.append(f'{path.stem}: {o.name} is not blank')
                asked -= {getattr(o, 'name', None)}
        res += [f'{path.stem}: {o} is not there' for o in asked]
    return res

def test_no_solution_is_given_away(unpacked): assert not given_away(unpacked/'students'/'notebooks')

def test_a_solution_is_found(unpacked, tmp_path):
    nbs = shutil.copytree(unpacked/'students'/'notebooks', tmp_path/'nbs')
    text = (nbs/'00_data.ipynb').read_text(encoding='utf-8')
    blank = re.search(r'"def \w+\([^)]*\): (\.\.\.)', text)
    (nbs/'00_data.ipynb').write_text(text[:blank.start(1)]+'return 1'+text[blank.end(1):], encoding='utf-8')
    shutil.copy(root/'nbs'/'03_forward.ipynb', nbs)
    assert [o.split(':')[0] for o in given_away(nbs)]==['00_data', '03_forward']

def test_every_mistake_is_listed_with_its_exercise(unpacked):
    text = page(unpacked)
    for k,o in registry.items():
        if k[:2] not in ('00', '03'): continue
        row = text.split(f'<strong>{k}</strong> {kit.inline(o.title)}')[1].split('</tr>')[0]
        assert re.findall('<li>(.*?)(?=<li>|</ul>)', row)==[kit.inline(m) for *_,m in o.slips] and len(o.slips)>2

def test_installs_and_runs_without_network(unpacked, tmp_path):
    "In an environment of its own, which sees the packages of this one but not this repository"
    venv.create(tmp_path/'env', with_pip=True)
    python = tmp_path/'env'/('Scripts/python.exe' if os.name=='nt' else 'bin/python')
    def run(*args, **env): return subprocess.run([str(python), *map(str, args)], cwd=unpacked/'students'/'notebooks', capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': '', 'PIP_IGNORE_INSTALLED': '1', **env})
    site = Path(run('-c', 'import sysconfig; print(sysconfig.get_path("purelib"))').stdout.strip())
    (site/'packages.pth').write_text(str(Path(pytest.__file__).parent.parent)) # the packages; its own .pth files, and so this repository, are not followed
    assert 'No module named' in run('-c', 'import mlp_foundations').stderr
    res = run('-m', 'pip', 'install', '--no-index', '--no-deps', wheel(unpacked))
    assert res.returncode==0, res.stderr
    assert run('-c', 'import mlp_foundations; print(mlp_foundations.__file__)').stdout.startswith(str(site))
    res = run('-c', 'import run; print(run.run("03_forward.ipynb")["error"])', PYTHONPATH=str(root/'tools'), **kit.runner.settings)
    assert res.stdout.strip()=='None', res.stdout+res.stderr

def quick(monkeypatch, tmp_path, seconds=7., edit=lambda nb: nb, otter=None):
    "A kit whose notebooks are not run, but said to have taken `seconds`, and as `edit` leaves them; `otter` writes what is for a grader"
    monkeypatch.setattr(kit, 'find_spec', lambda _: otter)
    if otter: monkeypatch.setattr(kit, 'otter', otter)
    for path in (nbs := copy_some(tmp_path/'nbs')).glob('0[03]*.ipynb'): nbformat.write(edit(nbformat.read(path, 4)), path)
    monkeypatch.setattr(kit.runner, 'run', lambda p: dict(nb=p.read_text(encoding='utf-8'), error=None, seconds=seconds, mb=1))
    monkeypatch.setattr(kit, 'build_wheel', lambda out: (out/'x.whl').write_text('x') and 'x.whl')
    (tmp_path/'site').mkdir()
    zipfile.ZipFile(kit.build(tmp_path/'out', nbs, tmp_path/'site')).extractall(tmp_path/'unpacked')
    return next((tmp_path/'unpacked').iterdir())

def test_times_and_words_are_measured(unpacked, tmp_path, monkeypatch):
    def longer(nb):
        next(c for c in nb.cells if c.cell_type=='markdown').source += '\n\nThree [more](https://example.org/not/counted) words.'
        return nb
    before,after = rows(page(unpacked)),rows(page(quick(monkeypatch, tmp_path, 1200., longer)))
    assert list(before)==list(after)==['00', '03', 'to'] and before['00'][0]>1000 and 0<before['to'][1]<10
    assert {k:o[0]-before[k][0] for k,o in after.items()}=={'00': 3, '03': 3, 'to': 6} and {k:o[1] for k,o in after.items()}=={'00': 20., '03': 20., 'to': 40.}

def test_a_solved_exercise_stops_the_build(tmp_path, monkeypatch):
    def solved(nb):
        for c in nb.cells:
            for o in c.get('outputs', []):
                if '03.1 is not begun' in str(o.get('data')): o.data['text/plain'] = '03.1 solved'
        return nb
    with pytest.raises(SystemExit, match='not blank in the notebooks for students: 03.1$'): quick(monkeypatch, tmp_path, edit=solved)

def test_says_what_is_for_a_grader(tmp_path, monkeypatch):
    "Only where it is there, and of the lessons only"
    asked = []
    def otter(lessons, students, teacher):
        asked.extend(lessons)
        for o in (students/'requirements.txt', students/'04_backward.ipynb', teacher/'04_backward.zip', teacher/'masters'/'x'): (o.parent.mkdir(parents=True, exist_ok=True), o.write_text('x'))
    for k,o in {'with': otter, 'without': None}.items():
        (tmp_path/k).mkdir()
        folder = quick(monkeypatch, tmp_path/k, otter=o)
        readme = (folder/'README.txt').read_text(encoding='utf-8')
        named = re.findall(r'[\w./-]*otter/[\w./-]*', readme)
        assert bool(named)==bool(o) and all((folder/n).exists() for n in named) and len(readme.splitlines())<95
    assert asked==['00_data', '03_forward']

LESSON = '03_forward'

@pytest.fixture(scope='module')
def assignment(tmp_path_factory):
    "What students and teachers get to grade one lesson, and what its grader gives for answers to some exercises: a point or none, by name"
    if not kit.find_spec('otter'): (pytest.fail if os.environ.get('REQUIRE_OTTER') else pytest.skip)('no otter-grader: `make kit` installs it')
    tmp = tmp_path_factory.mktemp('otter')
    kit.otter({LESSON: nbformat.read(root/'nbs'/f'{LESSON}.ipynb', 4)}, tmp/'students', tmp/'teacher')
    def points(answers):
        nb,out = nbformat.read(tmp/'students'/f'{LESSON}.ipynb', 4),tmp_path_factory.mktemp('handed_in')
        for k,text in answers.items(): next(c for c in nb.cells if c.source==blanks[k]).source = text
        nbformat.write(nb, out/f'{LESSON}.ipynb')
        cmd = [sys.executable, '-m', 'otter', 'run', str(out/f'{LESSON}.ipynb'), '-a', str(tmp/'teacher'/f'{LESSON}.zip'), '-o', str(out), '--no-logo']
        res = subprocess.run(cmd, capture_output=True, text=True, cwd=out)
        assert res.returncode==0, res.stdout+res.stderr
        return {o['name'][1:].replace('_', '.'): o['score'] for o in json.loads((out/'results.json').read_text())['tests'] if o['name'][0]=='q'}
    lesson = nbformat.read(root/'nbs'/f'{LESSON}.ipynb', 4)
    blanks = {k: kit.blank(lesson, k) for k in registry if k[:2]==LESSON[:2]}
    return tmp,blanks,points

def test_the_grader_gives_a_point_for_each_solved_exercise(assignment):
    _,blanks,points = assignment
    solved = {k: registry[k].solution for k in blanks}
    wrong = {'03.1': 'count_params = 39760', '03.3': registry['03.3'].edited(registry['03.3'].slips[0])} # a right prediction is no function
    assert check('03.1', 39760).state=='solved' and len(blanks)==4
    assert points({})==dict.fromkeys(blanks, 0)
    assert points(solved)==dict.fromkeys(blanks, 1)
    assert points(solved | wrong)=={'03.1': 0, '03.2': 1, '03.3': 0, '03.4': 1}

def test_an_assignment_gives_no_solution_away(assignment):
    folder,blanks,_ = assignment
    def found(where):
        text = '\n'.join(c.source for c in nbformat.read(folder/where/f'{LESSON}.ipynb', 4).cells)
        return [k for k in blanks if registry[k].solution.strip() in text],[k for k,o in blanks.items() if o in text]
    assert found('students')==([], list(blanks)) and found('teacher/solved')[0]==list(blanks)
    files = {o.relative_to(folder).as_posix() for o in folder.rglob('*') if o.is_file() and 'mlp_foundations' not in o.parts}
    assert files=={f'students/{LESSON}.ipynb', 'students/requirements.txt', f'teacher/{LESSON}.zip', f'teacher/solved/{LESSON}.ipynb', f'teacher/masters/{LESSON}.ipynb'}
    held = zipfile.ZipFile(folder/'teacher'/f'{LESSON}.zip').namelist()
    assert 'files/mlp_foundations/exercises/e03.py' in held and not [o for o in held if 'mnist' in o or '__pycache__' in o]

def test_a_solution_that_the_grader_refuses_stops_the_build(assignment, tmp_path, monkeypatch):
    ex = registry['03.3']
    monkeypatch.setattr(ex, 'solution', ex.edited(ex.slips[0]))
    with pytest.raises(SystemExit, match='no assignment was made of 03_forward'): kit.otter({LESSON: nbformat.read(root/'nbs'/f'{LESSON}.ipynb', 4)}, tmp_path/'students', tmp_path/'teacher')
