"""Build the kit for a teacher, one zip: what goes to the students, with the exercises blank, and what the teacher keeps. Run by `make kit`.

    python tools/kit.py [OUT [NBS [SITE]]]      (default: _kit and nbs, of this repository; without SITE the site is built from the students' notebooks)

The students' notebooks are run one after the other, which gives the times and shows that every exercise is blank; how long they are to read, the
usual mistakes and the packages that they need are read off them, the registry of the exercises and settings.ini. Where otter-grader is installed, the
exercises of each lesson also become an assignment that it grades.
"""
import ast, html, os, platform, re, shutil, subprocess, sys, tempfile
from configparser import ConfigParser
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'tools')]
import mlp_foundations, run as runner
from mlp_foundations.check import all_exercises
from run import name_of, notebooks

registry = all_exercises()
SOLUTIONS = r'(?:\.\./)?exercises/e\d\d\.ipynb' # a link to them
cfg = ConfigParser(interpolation=None)
cfg.read(root/'settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']
release = f"{cfg['lib_name']} {mlp_foundations.__version__}"

# --- for the students -------------------------------------------------------------------------------------------------------

def without_solutions(text):
    "`text` without links to the solutions, and without the line of a table that has one"
    text = re.sub(rf'^\|.*\({SOLUTIONS}.*\n?', '', text, flags=re.M)
    text = re.sub(rf'\n*\[Hint, solution[^\]]*\]\({SOLUTIONS}[^)]*\)', '', text)
    return re.sub(rf'\[([^\]]*)\]\({SOLUTIONS}[^)]*\)', r'\1', text)

START = '''In the folder that holds the notebooks:

```
python -m pip install --no-index --no-deps ../{wheel}
python -m jupyter lab
```

The first line is needed once. Begin with [00 Data](00_data.ipynb). The digits are inside; nothing is fetched from anywhere. Nothing is assumed but school algebra, some Python, and patience with indices.'''

def for_students(nb, wheel):
    "The notebook `nb` as students get it"
    for i,c in enumerate(nb.cells):
        if c.cell_type=='markdown':
            c.source = without_solutions(c.source)
            if i and nb.cells[i-1].source.strip()=='## Start': c.source = START.format(wheel=wheel)
        for o in c.get('outputs', []):
            for k,v in o.get('data', {}).items():
                if k.startswith('text/'): o['data'][k] = without_solutions(v)
    return nb

def not_blank(done):
    "The exercises of the lessons in `done` (a notebook as it ran, by name) that didn't say of themselves that they are blank"
    said = ' '.join(str(o.get('data', {}).get('text/plain', '')) for nb in done.values() for c in nb.cells for o in c.get('outputs', []))
    return [k for k in registry if any(o.startswith(k[:2]) for o in done) and f'{k} is not begun' not in said]

def imported(nb):
    "The packages that the cells of `nb` import"
    for c in nb.cells:
        if c.cell_type!='code': continue
        for o in ast.walk(ast.parse(re.sub(r'^(\s*)[%!].*$', r'\1pass', c.source, flags=re.M))):
            if isinstance(o, ast.Import): yield from (a.name.split('.')[0] for a in o.names)
            if isinstance(o, ast.ImportFrom) and not o.level: yield o.module.split('.')[0]

def package(spec): return re.match(r'[\w-]+', spec)[0]
def requirements(nbs):
    "What pip must find for the package, the notebooks and JupyterLab: the lines of a file"
    used = {o for nb in nbs for o in imported(nb)}
    specs = cfg['requirements'].split()+[o for o in cfg['dev_requirements'].split() if package(o) in used]
    ran = ', '.join(f'{package(o)} {version(package(o))}' for o in specs)
    return [f'# {release} ran with {ran}.', *specs, *cfg['lab_requirements'].split()]

def build_wheel(out):
    "Build the wheel into `out`, without network and with nothing left in the repository; its name"
    with tempfile.TemporaryDirectory() as tmp:
        src = Path(tmp)/'src'
        shutil.copytree(root/cfg['lib_name'], src/cfg['lib_name'], ignore=shutil.ignore_patterns('__pycache__'))
        for o in ('setup.py', 'settings.ini', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'): shutil.copy(root/o, src)
        cmd = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-index', '--no-deps', '--no-build-isolation', '-w', str(out), str(src)]
        if (res := subprocess.run(cmd, capture_output=True, text=True)).returncode: sys.exit(f'the wheel was not built:\n{res.stderr}')
    return next(out.glob('*.whl')).name

# --- for the teacher --------------------------------------------------------------------------------------------------------

def words(nb):
    "How many words there are to read, without formulas and addresses"
    text = ' '.join(c.source for c in nb.cells if c.cell_type=='markdown')
    return len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r'\]\([^)]*\)|\$[^$]*\$', ' ', text)))

def title(nb):
    "The notebook's heading and the line under it"
    return [next((l[2:] for c in nb.cells if c.cell_type=='markdown' for l in c.source.splitlines() if l.startswith(o)), '') for o in ('# ', '> ')]

def inline(text):
    "`text` as HTML, with its code and emphasis"
    return re.sub(r'(?<!\w)\*([^*]+)\*(?!\w)', r'<em>\1</em>', re.sub(r'`([^`]*)`', r'<code>\1</code>', html.escape(text, quote=False)))

PAGE = '''<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{release}: for the teacher</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8886; overflow-wrap: anywhere; }}
  .n {{ text-align: right; }}
  tr {{ break-inside: avoid; }}
  ul {{ margin: 0; padding-left: 1.1rem; }}
</style>
<body>
<h1>{release}: for the teacher</h1>
<h2>The lessons</h2>
<p>Words to read are those of the text, without formulas and code. The running time is that of all cells of a lesson, one after the other, measured when this kit was built, on {machine}.</p>
<table><tr><th style="width:55%">lesson<th class="n">words to read<th class="n">code cells<th class="n">running time, minutes<th class="n">exercises</tr>
{lessons}
</table>
<h2>The usual mistakes, and the exercise that catches each</h2>
<p>What <code>check</code> says to the answer that makes the mistake, with the smallest case that shows it, as a call to paste and run. Wrong signs, shapes and dtypes, transposed results, a forgotten mean, changed arguments and the like
are told of in every exercise. The hints, the solutions and each mistake as an edit of the solution are in <code>exercises/</code>.</p>
{mistakes}
</body></html>
'''

def teacher_page(nbs, seconds):
    "The page with the list of lessons and the list of mistakes"
    def row(name, nb):
        head,about = title(nb)
        cells = sum(c.cell_type=='code' for c in nb.cells)
        return (f'<tr><td><strong>{name[:2]} {inline(head)}</strong><br>{inline(about)}<td class="n">{words(nb):,}<td class="n">{cells}'
                f'<td class="n">{seconds[name]/60:.2f}<td class="n">{sum(k.startswith(name[:2]) for k in registry) or ""}</tr>')
    def caught(k, o): return f'<tr><td style="width:30%"><strong>{k}</strong> {inline(o.title)}<td><ul>'+''.join(f'<li>{inline(said)}' for *_,said in o.slips)+'</ul></tr>'
    lessons = {k:v for k,v in nbs.items() if k[0].isdigit()}
    total = f'<tr><td><strong>together</strong><td class="n">{sum(map(words, lessons.values())):,}<td><td class="n">{sum(seconds[k] for k in lessons)/60:.2f}<td class="n">{len(registry)}</tr>'
    mistakes = ''.join(f'<h3>{name[:2]} {inline(title(nb)[0])}</h3>\n<table>'+'\n'.join(caught(k, o) for k,o in registry.items() if k.startswith(name[:2]))+'</table>\n'
                       for name,nb in lessons.items() if any(k.startswith(name[:2]) for k in registry))
    return PAGE.format(release=release, mistakes=mistakes, lessons='\n'.join([*(row(k, v) for k,v in lessons.items()), total]),
                       machine=f'one processor thread, Python {platform.python_version()}, PyTorch {version("torch")}')

README = '''{release}: a kit for teachers
{line}

A neural network built from nothing, on real handwritten digits, in {lessons} lessons.
Each is a Jupyter notebook: a text to read, code to run, and exercises to fill
in. The exercises answer back: they say what is wrong with an answer, and show
the smallest case that it fails on. Students need school algebra and some
Python.

WHAT IS IN HERE

students/           everything that students get
  notebooks/        the lessons, with blank exercises and no solutions; the
                    notebooks that go deeper; the workshop, which builds the
                    tools of the series
  site/             the same to read in a browser, without Python, network or
                    server: open index.html
  {wheel}
                    the package that the lessons make; the digits are in it
  requirements.txt  the packages that it needs
teacher/            for you
  lessons.html      each lesson with its words to read and its running time, and
                    the usual mistakes with the exercise that catches each.
                    Look at this first.
  exercises/        a notebook for each lesson: task, hint and solution of each
                    exercise, and the usual mistakes as edits of the solution

SET UP A MACHINE (once; Python {python} or newer)

In an environment of its own, if you like: `python -m venv mlp`, and then
`. mlp/bin/activate` (on Windows `mlp\\Scripts\\activate`).

Without a network, where the packages are installed already, in this folder:

    python -m pip install --no-index --no-deps students/{wheel}

With a network, get the packages first:

    python -m pip install -r students/requirements.txt

(On Linux without a graphics card that brings gigabytes that nobody needs. First
get the small PyTorch there: `python -m pip install uv`, and then
`python -m uv pip install --torch-backend=cpu torch`.)

Are all the packages there? This changes nothing, and says what is missing:

    python -m pip install --no-index --dry-run -r students/requirements.txt

START

    cd students/notebooks
    python -m jupyter lab

and open index.ipynb, then 00_data.ipynb. "Run All Cells" in the menu Run runs a
lesson; all of them together took {minutes:.1f} minutes where this kit was built. From
here on nothing is fetched or sent, and no network is needed.

GOOD TO KNOW

- A lesson imports what the ones before it built from the package, so it can be
  opened alone, and a student who is stuck in one can do the next.
- An exercise that isn't done yet says so and stops nothing.
- To give out solutions, give out a notebook of teacher/exercises. (The package
  holds hints and solutions too: `hint` and `solution` show them, and `check`
  offers both after the second wrong try.)
- Code and text: Apache 2.0, see LICENSE. The MNIST digits: CC BY-SA 3.0, by
  Yann LeCun, Corinna Cortes and Christopher J.C. Burges; the notice is in the
  wheel.
'''

# --- for a grader: otter-grader's format, https://otter-grader.readthedocs.io/en/latest/otter_assign/ ---------------------------

CONFIG = '''# ASSIGNMENT CONFIG
name: {name}
export_cell: false
tests: {{ok_format: false}}
requirements: [{requirements}]
autograder_files: [{package}]'''

QUESTION = '''# BEGIN QUESTION
name: q{id}
points: 1'''

ANSWER = '''# BEGIN SOLUTION NO PROMPT
{solution}
# END SOLUTION
\"\"\" # BEGIN PROMPT
{blank}
\"\"\" # END PROMPT'''

TEST = '''def test_{id}({answer}):
    from mlp_foundations.check import check
    assert callable({answer}), 'Write `{answer}`.'
    verdict = check({name!r}, {answer})
    assert verdict.state == 'solved', verdict.text'''

ABOUT = '''# {title}: exercises

> {count} functions or classes to write, one point each.

Replace the `...`. The cell below an answer checks it, and says what is wrong with it. Each task stands in full at the end of the lesson. Save this notebook and hand it in.'''

def blank(nb, k):
    "The cell of the lesson `nb` that asks for exercise `k`, without the call of `check`"
    call = f"check('{k}', {registry[k].answer})"
    return next(c.source for c in nb.cells if c.cell_type=='code' and call in c.source).replace(call, '').strip()

def master(name, nb):
    "The exercises of the lesson `nb` with this `name`, as `otter assign` takes them"
    asked = {k: o for k,o in registry.items() if k[:2]==name[:2]}
    def question(k, o):
        names = dict(id=k.replace('.', '_'), name=k, answer=o.answer)
        yield from map(new_raw_cell, [QUESTION.format(**names)])
        yield new_markdown_cell(f'## {k} {o.title}\n\n{o.task}')
        yield from (new_raw_cell('# BEGIN SOLUTION'), new_code_cell(ANSWER.format(solution=o.solution.strip(), blank=blank(nb, k))), new_raw_cell('# END SOLUTION'))
        yield from (new_raw_cell('# BEGIN TESTS'), new_code_cell(TEST.format(**names)), new_raw_cell('# END TESTS'), new_raw_cell('# END QUESTION'))
    cells = [new_raw_cell(CONFIG.format(name=name, package=cfg['lib_name'], requirements=', '.join(repr(o) for o in cfg['requirements'].split()))),
             new_markdown_cell(ABOUT.format(title=f'{name[:2]} {title(nb)[0]}', count=len(asked))),
             new_code_cell('from mlp_foundations import nn\nfrom mlp_foundations.all import *'), *(c for k,o in asked.items() for c in question(k, o))]
    return new_notebook(cells=cells, metadata=dict(kernelspec=dict(name='python3', language='python', display_name='Python 3')))

def otter(lessons, students, teacher):
    "Write an assignment for each of `lessons`, and let otter-grader make of it what students and the grader get; it tries the solutions"
    masters = teacher/'masters'
    for o in (students, teacher/'solved', masters): o.mkdir(parents=True)
    shutil.copytree(root/cfg['lib_name'], masters/cfg['lib_name'], ignore=shutil.ignore_patterns('__pycache__', 'mnist')) # what grades travels with the grader
    for name,nb in lessons.items():
        nbformat.write(master(name, nb), masters/f'{name}.ipynb')
        with tempfile.TemporaryDirectory() as tmp:
            cmd = [sys.executable, '-m', 'otter', 'assign', str(masters/f'{name}.ipynb'), tmp]
            if (res := subprocess.run(cmd, capture_output=True, text=True)).returncode: sys.exit(f'no assignment was made of {name}:\n{res.stdout}{res.stderr}')
            shutil.move(next(Path(tmp).glob('autograder/*.zip')), teacher/f'{name}.zip')
            shutil.move(Path(tmp)/'autograder'/f'{name}.ipynb', teacher/'solved')
            shutil.move(Path(tmp)/'student'/f'{name}.ipynb', students)
        print(f'{name}: an assignment of {sum(k[:2]==name[:2] for k in registry)} points', flush=True)
    (students/'requirements.txt').write_text('\n'.join(cfg['otter_requirements'].split())+'\n', encoding='utf-8')

GRADER = '''
GRADE THE EXERCISES (with otter-grader, if you like)

students/otter/ has an assignment for each lesson, and the requirements.txt that
it needs beside those above. teacher/otter/ has for each lesson the grader, a zip;
the assignment solved; and in masters/ what both were made of by `otter assign`,
for you to change.

    python -m pip install -r students/otter/requirements.txt
    python -m otter run 04_backward.ipynb -a teacher/otter/04_backward.zip

grades a notebook that was handed in: one point for each exercise that `check`
calls solved. It needs no container and no network; results.json is the outcome.
It runs what the student wrote, on your machine.
'''

# --- all together -----------------------------------------------------------------------------------------------------------

def measure(paths):
    "Run the notebooks at `paths` one after the other: seconds, and the notebooks as they ran, by name"
    os.environ.update(runner.settings)
    seconds,done = {},{}
    for p in paths:
        res = runner.run(p)
        print(runner.line(p, res), flush=True)
        if res['error']: sys.exit(f"{name_of(p)}.ipynb, {res['error']}")
        seconds[name_of(p)],done[name_of(p)] = res['seconds'],nbformat.reads(res['nb'], 4)
    if open_ := not_blank(done): sys.exit(f'not blank in the notebooks for students: {", ".join(open_)}')
    return seconds

def build(out=root/'_kit', nbs=root/'nbs', site=None):
    "Build the kit from the notebooks in `nbs` into the folder `out`; the path of the zip"
    out,nbs = Path(out).resolve(),Path(nbs)
    name = f"{release.replace(' ', '-')}-kit"
    kit,students,teacher = out/name,out/name/'students',out/name/'teacher'
    shutil.rmtree(kit, ignore_errors=True)
    for o in (students/'notebooks', teacher): o.mkdir(parents=True)
    wheel = build_wheel(students)
    paths = {name_of(p): p for p in notebooks(nbs)}
    texts = {k: for_students(nbformat.read(p, 4), wheel) for k,p in paths.items() if not k.startswith('exercises/')}
    for k,nb in texts.items():
        (students/'notebooks'/k).parent.mkdir(exist_ok=True)
        nbformat.write(nb, students/'notebooks'/f'{k}.ipynb')
    (students/'requirements.txt').write_text('\n'.join(requirements(texts.values()))+'\n', encoding='utf-8')
    seconds = measure([students/'notebooks'/f'{k}.ipynb' for k in texts])
    if site: shutil.copytree(site, students/'site')
    elif subprocess.run([sys.executable, str(root/'site'/'make.py'), str(students/'site'), str(students/'notebooks')], stdout=subprocess.DEVNULL).returncode: sys.exit('the site was not built')
    (teacher/'exercises').mkdir()
    for k in paths.keys()-texts.keys():
        text = paths[k].read_text(encoding='utf-8')
        (teacher/f'{k}.ipynb').write_text(re.sub(r'\]\(\.\./([\w/]+\.ipynb)', r'](../../students/notebooks/\1', text), encoding='utf-8')
    lessons = [k for k in texts if k[0].isdigit()]
    if grading := find_spec('otter') is not None: otter({k: texts[k] for k in lessons}, students/'otter', teacher/'otter')
    else: print('without assignments: otter-grader is not installed')
    (teacher/'lessons.html').write_text(teacher_page(texts, seconds), encoding='utf-8')
    shutil.copy(root/'LICENSE', kit)
    readme = README.format(release=release, line='='*len(f'{release}: a kit for teachers'), lessons=len(lessons), wheel=wheel, python=cfg['min_python'],
                           minutes=sum(seconds[k] for k in lessons)/60)
    (kit/'README.txt').write_text(readme + GRADER*grading, encoding='utf-8')
    path = Path(shutil.make_archive(str(out/name), 'zip', out, name))
    shutil.rmtree(kit)
    return path

if __name__=='__main__':
    path = build(*sys.argv[1:])
    print(f'{path}  {path.stat().st_size/1e6:.0f} MB; begin with its README.txt')
