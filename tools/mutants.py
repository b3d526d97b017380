"""Break the exported code in one place at a time, and see whether the tests notice; the report is tests/MUTANTS.md.

    python tools/mutants.py [--module NAME ...] [--max N] [--seed N] [--jobs N] [--again] [--report] [--list]

Why a script: mutmut leaves functions with a decorator alone, and `@patch` and `@torch.no_grad()` stand before most of ours; cosmic-ray writes each mutant
to disk and starts Python anew for it; neither reaches the exported cells that a notebook runs.

Here one process imports torch once and forks a child for each mutant; an import hook puts the changed source in place, and nothing on disk changes.
The child runs the tests that enter the changed function, the quickest first, up to one that fails. The mutants that pass wait for the notebook that owns
the module, which is run once, without drawing: before each exported cell a child is forked for each mutant in it, which runs the changed cell, and of
those after it the ones that can know of the change by a name, up to the first error or the first output that is not the saved one, times aside. Where that is quicker than the tests, as for the exercises, it comes first. What
needs half a minute more than three times all of that is caught too. Results go to executed/mutants.jsonl line by line: an interrupted run is continued,
and what was run in the same cell isn't run again (--again runs the survivors again, after a change in the tests). MUTANTS.md is written anew at the end,
with the fingerprint of each module that was run whole: where that is still the module's, nothing is run again, in another clone either. The reasons in
the table of survivors are written by hand, there, and kept. A reason that begins with `gap` says that a test should have caught the mutant; any other, why
none can.
Not changed: docstrings, texts, types, what `raise` says, the functions in SKIP. The solutions, cases and slips of the exercises are texts.
"""
import argparse, ast, copy, dis, hashlib, importlib.abc, importlib.util, json, os, platform, random, re, resource, select, signal, sys, time
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'tests'), str(root/'tools')]
from run import notebooks

results,report = root/'executed'/'mutants.jsonl',root/'tests'/'MUTANTS.md'
MODULES = {m[1]: p for p in notebooks() if p.stem!='index' and (m := re.search(r'#\| default_exp ([\w.]+)', p.read_text(encoding='utf-8')))} # and their notebooks
TESTS = [f'tests/{p.name}' for p in sorted((root/'tests').glob('test_*.py')) if p.stem not in ('test_notebooks', 'test_house', 'test_package', 'test_site', 'test_slider', 'test_trace', 'test_jupyterlab', 'test_kit')]
OPTIONS = '-q --assert=plain -p no:cacheprovider -p no:unraisableexception -p _hypothesis_pytestplugin'.split()
SKIP = {'show_figure': 'drawing', 'show_images': 'drawing', '_png': 'drawing', '_frame': 'drawing', '_live': 'drawing',
        '_grid_alt': 'a text', '_largest': 'a text', '__repr__': 'a text', 'extra_repr': 'a text',
        'mlp_train': 'the command, which test_package.py runs as a command'}

def path_of(module): return root/'mlp_foundations'/f"{module.replace('.', '/')}.py"

# --- the mutants ------------------------------------------------------------------------------------------------------

OPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
       ast.Mod: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
       ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
CALLS = dict(sum='mean', mean='sum', amax='amin', amin='amax', max='min', min='max', argmax='argmin', any='all', all='any')

def like(node, **fields):
    "A copy of `node` with other `fields`"
    res = copy.deepcopy(node)
    for k,v in fields.items(): setattr(res, k, v)
    return res

def is_t(o): return isinstance(o, ast.Call) and isinstance(o.func, ast.Attribute) and o.func.attr=='t' and not o.args

def changes(o):
    "Pairs of kind and the node that takes the place of `o`"
    if isinstance(o, (ast.BinOp, ast.AugAssign)): yield 'operator', like(o, op=OPS[type(o.op)]())
    if isinstance(o, ast.UnaryOp): yield 'operator', o.operand # -x, ~x, not x
    if isinstance(o, ast.BinOp) and isinstance(o.op, ast.MatMult):
        for k in ('left', 'right'):
            if not is_t(getattr(o, k)): yield 'transpose', like(o, **{k: ast.Call(ast.Attribute(getattr(o, k), 't', ast.Load()), [], [])})
    if is_t(o): yield 'transpose', o.func.value
    if isinstance(o, ast.Compare):
        for i,op in enumerate(o.ops): yield 'comparison', like(o, ops=[*o.ops[:i], OPS[type(op)](), *o.ops[i+1:]])
    if isinstance(o, ast.BoolOp):
        yield 'and, or', like(o, op=OPS[type(o.op)]())
        for i in range(len(o.values)): yield 'and, or', like(o, values=o.values[:i]+o.values[i+1:]) # one condition left out
    if isinstance(o, ast.Constant) and isinstance(o.value, (bool, int, float)):
        yield 'constant', ast.Constant(not o.value if isinstance(o.value, bool) else type(o.value)({0: 1, 1: 0}.get(o.value, o.value+1)))
    if isinstance(o, ast.Call):
        for k,name in (('attr', getattr(o.func, 'attr', '')), ('id', getattr(o.func, 'id', ''))):
            if name in CALLS: yield 'sum, mean', like(o, func=like(o.func, **{k: CALLS[name]}))
        if any(k.arg=='keepdim' for k in o.keywords): yield 'sum, mean', like(o, keywords=[k for k in o.keywords if k.arg!='keepdim'])
        if ast.unparse(o)=='torch.no_grad()': yield 'no_grad', like(o, func=like(o.func, attr='enable_grad'))

def places(o, where='', owner=None):
    "Below the node `o`: function, its first line, kind, the node to be replaced and the new one"
    if isinstance(o, (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)) or getattr(o, 'name', '') in SKIP: return
    if isinstance(o, (ast.FunctionDef, ast.ClassDef)): where = f'{where}.{o.name}'.strip('.')
    if isinstance(o, ast.FunctionDef):
        if o.args.args and o.args.args[0].annotation and o.args.args[0].arg=='self': where = f'{ast.unparse(o.args.args[0].annotation)}.{o.name}' # by `@patch`
        owner = min([o.lineno, *(d.lineno for d in o.decorator_list)])
    if isinstance(o, ast.If) and isinstance(o.body[0], ast.Raise): yield where, owner, 'guard', o.test, ast.Constant(False)
    for kind,new in changes(o): yield where, owner, kind, o, new
    for field,value in ast.iter_fields(o):
        if field not in ('annotation', 'returns'):
            for v in value if isinstance(value, list) else [value]:
                if isinstance(v, ast.AST): yield from places(v, where, owner)

def mutants(module):
    "The mutants of `module`: dicts with name, kind, line, owner (the first line of the function), the lines and the id of the cell, its changed text and that of the module"
    source,seen,starts = path_of(module).read_text(encoding='utf-8'),Counter(),[0]
    raw = source.encode()
    for l in raw.splitlines(keepends=True): starts.append(starts[-1]+len(l))
    for where,owner,kind,old,new in places(ast.parse(source)):
        a,b = starts[old.lineno-1]+old.col_offset,starts[old.end_lineno-1]+old.end_col_offset
        said = ast.unparse(ast.fix_missing_locations(new))
        changed = raw[:a]+(said if isinstance(new, ast.stmt) else f'({said})').encode()+raw[b:]
        top = raw.rfind(b'\n# %% ', 0, a)
        cell = changed[top:].split(b'\n# %% ')[1]
        head,_,text = cell.decode().partition('\n')
        first = raw.count(b'\n', 0, top)+2
        name = f'{module}.{where}: {ast.unparse(old)} → {said}'
        seen[name] += 1
        yield dict(name=name if seen[name]==1 else f'{name} ({seen[name]})', module=module, kind=kind, owner=owner, line=old.lineno,
                   lines=range(first, first+cell.count(b'\n')+1), cell=head.rpartition('#')[2], text=text, source=changed.decode(), sha=hashlib.sha256(cell).hexdigest()[:16])

# --- in the child -----------------------------------------------------------------------------------------------------

class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    "Imports `module` from `source`"
    def __init__(self, module, source): self.name,self.path,self.source = f'mlp_foundations.{module}',str(path_of(module)),source
    def find_spec(self, name, path, target=None): return importlib.util.spec_from_loader(name, self, origin=self.path) if name==self.name else None
    def exec_module(self, mod):
        mod.__file__ = self.path
        exec(compile(self.source, self.path, 'exec'), mod.__dict__)

class Watch:
    "Notes the tests that fail; of each the seconds, and which functions of ours it enters, by file and first line; runs only `tests`, if given"
    def __init__(self, tests=None): self.tests,self.failed,self.seen = tests,[],{}
    def pytest_collection_modifyitems(self, items):
        if self.tests: items[:] = sorted((o for o in items if o.nodeid in self.tests), key=lambda o: self.tests[o.nodeid])
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        entered,start,ours = set(),time.perf_counter(),{str(path_of(o)): o for o in MODULES}
        def note(frame, event, arg):
            if event=='call' and (o := ours.get(frame.f_code.co_filename)): entered.add(f'{o}:{frame.f_code.co_firstlineno}')
        if not self.tests: sys.setprofile(note)
        try: return (yield)
        finally:
            sys.setprofile(None)
            self.seen[item.nodeid] = sorted(entered),time.perf_counter()-start
    def pytest_runtest_logreport(self, report): self.failed += [report.nodeid]*report.failed
    def pytest_collectreport(self, report): self.failed += [f'import of {report.nodeid}']*report.failed

def run_tests(tests=None, *hook):
    "The first of `tests`, a dict of names and seconds, that fails; without `tests` all that fail, and what each enters"
    if hook: sys.meta_path.insert(0, Hook(*hook))
    os.chdir(root)
    watch = Watch(tests)
    files = sorted({k.split('::')[0] for k in tests}) if tests else [o for o in TESTS if (root/o).exists()]
    code = pytest.main([*OPTIONS, *['-x']*bool(tests), *files], plugins=[watch])
    failed = watch.failed or [f'pytest ended with {int(code)}']*(code!=0)
    return failed if tests else [failed, watch.seen]

def notebook(module):
    "A shell, and the code cells of the notebook of `module`"
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib.figure import Figure
    from PIL import Image
    os.chdir(MODULES[module].parent)
    Figure.savefig = lambda self, f, **kwargs: Image.new('1', [int(144*o) for o in self.get_size_inches()]).save(f, 'png') # nothing is drawn
    return InteractiveShell.instance(), [c for c in nbformat.read(MODULES[module], 4).cells if c.cell_type=='code' and not c.source.startswith('#| default_exp')]

@cache
def names_of(source):
    "What a cell binds for the others, and what it takes from them: global names, classes that it patches, and exercises by their names, like '04.3'"
    made,taken,todo = set(),set(),[compile(re.sub(r'^( *)%.*', r'\1pass', source, flags=re.M), '', 'exec')]
    for code in todo: # the cell, then the functions in it
        for o in dis.get_instructions(code):
            if o.opname=='STORE_NAME' and code is todo[0]: made.add(o.argval)
            if o.opname in ('LOAD_NAME', 'LOAD_GLOBAL') and o.argval not in made: taken.add(o.argval)
        todo += [c for c in code.co_consts if hasattr(c, 'co_code')]
    exercises = {*re.findall(r"exercise\('(\d\d\.\w)'", source)}
    return made|exercises|{*re.findall(r'^def \w+\(self:(\w+)', source, re.M)}, taken|({*re.findall(r"'(\d\d\.\w)'", source)}-exercises)

def reach(cells, i):
    "Of the cells after the `i`th those that a change in it can reach, and those that these need"
    names = [names_of(c.source) for c in cells]
    def givers(k): # the cells from which cell `k` takes something: of a name the last before it, of a class and of an exercise, which many cells make, all
        for n in names[k][1]:
            js = [j for j,(made,_) in enumerate(names) if n in made and j!=k]
            yield from [j for j in js if j<k][-1:] if n.islower() and any(j<k for j in js) else js
    edges = {k: {*givers(k)} for k in range(len(cells))}
    reached = {i}
    while more := {k for k,o in edges.items() if o&reached}-reached: reached |= more
    needed = {k for k in reached if k>i}
    while more := {j for k in needed for j in edges[k]}-needed: needed |= more
    return [c for k,c in enumerate(cells) if k>i and (k in needed or 'import *' in c.source)]

def absolute(text, module):
    "`text` of a cell of `module` with absolute imports, as its notebook has them"
    def base(dots): return '.'.join(['mlp_foundations', *module.split('.')[:-len(dots)]])
    return re.sub(r'^from (\.+)(\w*)', lambda o: f"from {base(o[1])}{'.'*bool(o[2])}{o[2]}", text, flags=re.M)

def run_cells(shell, cells, m=None):
    "The first of `cells` that fails or shows something else than was saved; the first of them is changed to that of the mutant `m`"
    from IPython.display import display
    from IPython.utils.capture import capture_output
    from nbformat.v4 import new_code_cell, new_notebook, new_output
    from test_notebooks import differences
    if m: sys.meta_path.insert(0, Hook(m['module'], m['source']))
    def alone(outputs): # a notebook of one cell that shows them, in one order: the printed lines first, the forms of a result by name
        outputs = [new_output('display_data', dict(sorted(o.data.items()))) if 'data' in o else o for o in outputs]
        return new_notebook(cells=[new_code_cell(outputs=sorted(outputs, key=lambda o: o.output_type!='stream'))])
    for i,c in enumerate(cells):
        shell.display_trap.hook = lambda o, quiet=c.source.endswith(';'): o is None or quiet or display(o) # the result of a cell is shown as all else
        with capture_output() as said: res = shell.run_cell(absolute(m['text'], m['module']) if m and not i else c.source)
        if not res.success: return [f'the cell {c.id} of the notebook: {type(res.error_in_exec or res.error_before_exec).__name__}']
        fresh = [new_output('stream', text=said.stdout)]*bool(said.stdout) + [new_output('display_data', o.data) for o in said.outputs]
        if found := differences(alone(c.outputs), alone(fresh)): return [f'the cell {c.id} of the notebook shows something else', found[0]]
    return []

def run_notebook(module, ms, limit):
    "For each of the mutants `ms` of `module`, the first cell of its notebook that fails"
    (shell,cells),res = notebook(module),{}
    for i,c in enumerate(cells):
        if todo := [m for m in ms if m['cell']==c.id]:
            after = reach(cells, i)
            if in_child(lambda: run_cells(shell, [c, *after]), limit): after = cells[i+1:] # something was missing
        for m in todo:
            start = time.perf_counter()
            res[m['name']] = in_child(lambda: run_cells(shell, [c, *after], m), limit)
            if res[m['name']]: note(m, res[m['name']][0], time.perf_counter()-start)
        run_cells(shell, [c])
    return [res]

def in_child(f, limit):
    "What `f()` returns, a list, in a forked process of its own"
    r,w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            for fd in range(3): os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            resource.setrlimit(resource.RLIMIT_AS, (12*2**30,)*2)
            res = f()
        except BaseException as e: res = [f'{type(e).__name__}: {e}']
        with open(w, 'w') as out: json.dump(res, out)
        os._exit(0)
    os.close(w)
    with open(r) as out:
        late = not any(select.select([out], [], [], 1)[0] for _ in range(round(limit))) # second by second: a run that is stopped for a while isn't late
        text = '' if late else out.read()
    try: os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError: os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return json.loads(text) if text else [f'more than {limit:.0f} s' if late else 'the process ended']

# --- the run ----------------------------------------------------------------------------------------------------------

def prepare():
    "Import once what every child needs"
    os.nice(15)
    os.environ.update(OMP_NUM_THREADS='1', MPLBACKEND='Agg', PYTEST_DISABLE_PLUGIN_AUTOLOAD='1')
    import fastcore.all, hypothesis, IPython, matplotlib.pyplot, nbformat, pooch, requests, sympy, torch, torch._dynamo, torch.utils.flop_counter # noqa: F401
    torch.set_num_threads(1)
    hypothesis.settings.register_profile('mutants', phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate], database=None) # no search for a smaller example
    hypothesis.settings.load_profile('mutants')

def sound(modules):
    "How the code does as it is: for each module the tests that pass, with their seconds, and the seconds of its notebook, None if it fails"
    start = time.perf_counter()
    failed,seen = in_child(run_tests, 900)
    print(f'{len(seen)} tests in {time.perf_counter()-start:.0f} s' + (f"; {len(failed)} fail already and are left out: {', '.join(failed)}" if failed else ''), flush=True)
    res = {}
    for o in modules:
        start = time.perf_counter()
        broken = in_child(lambda: run_cells(*notebook(o)), 600)
        res[o] = dict(tests={k: v for k,v in seen.items() if k not in failed}, notebook=None if broken else time.perf_counter()-start, left=[k for k in failed if k not in seen or any(p.startswith(f'{o}:') for p in seen[k][0])]+broken)
        if broken: print(f'left out, it fails already: {broken[0]}', flush=True)
    return res

def note(m, by, seconds=0., left=0):
    "Keep the result of the mutant `m`: what caught it, or None; `left` tests and notebooks were left out"
    with open(results, 'a', encoding='utf-8') as f: f.write(json.dumps({k: m[k] for k in ('name', 'sha')}|dict(by=by, seconds=round(seconds, 2), left=left), ensure_ascii=False)+'\n')

def covering(m, tests):
    "Those of `tests` that enter the function in which the mutant `m` is, or if it is in none, any of its cell; with their seconds"
    places = {f"{m['module']}:{l}" for l in ([m['owner']] if m['owner'] else m['lines'])}
    if m['module'].startswith('exercises'): places.add(f"check:{path_of('check').read_text(encoding='utf-8').split('def _outcome(')[0].count(chr(10))+1}") # blanks run under a profile of their own
    return {k: s for k,(entered,s) in tests.items() if not places.isdisjoint(entered)}

def try_all(module, ms, base):
    "Run what covers the mutants `ms` of `module`, and note the results"
    tests,seconds,caught = {m['name']: covering(m, base['tests']) for m in ms},base['notebook'],set()
    def by_tests():
        for m in ms:
            if m['name'] in caught or not (ts := tests[m['name']]): continue
            start = time.perf_counter()
            if by := in_child(lambda: run_tests(ts, module, m['source']), 30+3*sum(ts.values())): note(m, by[0], time.perf_counter()-start)
            if by: caught.add(m['name'])
    def by_notebook():
        left = [m for m in ms if m['name'] not in caught]
        if seconds and left: caught.update(k for k,v in in_child(lambda: run_notebook(module, left, 30+3*seconds), 1e5)[0].items() if v)
    order = [by_tests, by_notebook]
    if seconds and seconds*len(ms)<sum(sum(o.values()) for o in tests.values()): order.reverse()
    for f in order:
        f()
        print(f'{module}: {len(caught)} of {len(ms)} caught after {f.__name__}', flush=True)
    for m in ms:
        if m['name'] not in caught: note(m, None, left=len(base['left']))

def fingerprint(module): return hashlib.sha256(path_of(module).read_bytes()).hexdigest()[:12]
def shown(m): return m['name'].replace('|', '\\|') # as MUTANTS.md writes it

def known(every):
    "The latest result of each mutant of `every` that was run, by `sha`; those of a whole module are also read off MUTANTS.md, if it has not changed since"
    page = report.read_text(encoding='utf-8') if report.exists() else ''
    whole = [o for o in MODULES if f'`{fingerprint(o)}`' in page]
    res = {m['sha']: dict(name=m['name'], sha=m['sha'], by=None if f'| `` {shown(m)} `` |' in page else 'an earlier run', left=0) for m in every if m['module'] in whole}
    return res | ({r['sha']: r for r in map(json.loads, results.read_text(encoding='utf-8').splitlines())} if results.exists() else {})

def write_report(every):
    "Write MUTANTS.md from the results; keep the reasons that are there"
    import torch
    have = [m|res[m['sha']] for res in [known(every)] for m in every if m['sha'] in res]
    alive = [m for m in have if not m['by']]
    reasons = dict(re.findall(r'^\| `` (.*?) `` \| \S* \| (.*) \|$', report.read_text(encoding='utf-8') if report.exists() else '', re.M))
    why = {m['sha']: reasons.get(shown(m), '?') for m in alive}
    equal = {k for k,o in why.items() if o!='?' and not o.startswith('gap')}
    caught,kinds = len(have)-len(alive),list(dict.fromkeys(m['kind'] for m in every))
    def row(title, ms): return f'| {title} | '+' | '.join(f"{sum(bool(m['by']) for m in o)}/{len(o)}" if o else '' for o in ([m for m in ms if k in (m['kind'], 'all')] for k in [*kinds, 'all']))+f" | {sum(bool(m['by']) for m in ms)/max(1, sum(m['sha'] not in equal for m in ms)):.1%} |"
    rest = Counter(m['module'] for m in every)-Counter(m['module'] for m in have)
    whole = [o for o in MODULES if not rest[o]]
    left = {m['module']: m['left'] for m in alive if m['left']}
    lines = ['# Mutants', '', 'What the tests notice when the exported code is broken in one place. `make mutants` writes this page; [tools/mutants.py](../tools/mutants.py) says how.', '',
        f'Of {len(every)} mutants {len(have)} were run, and {caught} were caught. Of the {len(alive)} survivors {len(equal)} are explained below as equivalent: '
        f'**{caught/max(1, len(have)-len(equal)):.1%} of those that a test could catch were caught.**', '',
        'Caught of all, by module and by kind of change:', '', f"| | {' | '.join(kinds)} | all | of those that a test could catch |", '|---'*(len(kinds)+3)+'|',
        *(row(o, ms) for o in MODULES if (ms := [m for m in have if m['module']==o])), row('all', have), '',
        *(['Not run: '+', '.join(f'{n} of {o}' for o,n in rest.items())+'.', ''] if rest else []),
        *(['Survivors met while tests failed on the code as it was, which were left out: '+', '.join(f'{n} for {o}' for o,n in left.items())+'.', ''] if left else []),
        f'Run with Python {platform.python_version()} and torch {torch.__version__}. Left as they are: solutions, cases and slips of the exercises, which are texts; '+', '.join(f'`{k}` ({v})' for k,v in SKIP.items())+'.', '',
        'Run whole, as long as the fingerprint is that of the module: '+', '.join(f'{o} `{fingerprint(o)}`' for o in whole)+'.', '',
        '## Survivors', '', '| change | line | why |', '|---|---|---|', *(f"| `` {shown(m)} `` | {m['module'].replace('.', '/')}.py:{m['line']} | {why[m['sha']]} |" for m in alive)]
    report.write_text('\n'.join(lines)+'\n', encoding='utf-8')
    print(f'{len(have)} of {len(every)} run, {len(alive)} survived, {len(equal)} of them explained: see {report.name}')

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--module', nargs='+', choices=MODULES, default=list(MODULES), help='only these modules')
    p.add_argument('--max', type=int, help='at most so many mutants, drawn at random')
    p.add_argument('--seed', type=int, default=0, help='of the draw')
    p.add_argument('--jobs', type=int, default=1, help='mutants at a time')
    p.add_argument('--again', action='store_true', help='run the survivors again')
    p.add_argument('--report', action='store_true', help='only write the report')
    p.add_argument('--list', action='store_true', help='only list the mutants')
    args = p.parse_args()
    every = [m for o in MODULES for m in mutants(o)]
    done = known(every)
    todo = [m for m in every if m['module'] in args.module and (args.list or (m['sha'] in done and not done[m['sha']]['by'] if args.again else m['sha'] not in done))]
    if args.max: todo = sorted(random.Random(args.seed).sample(todo, min(args.max, len(todo))), key=every.index)
    if args.list: return print(*(f"{m['module']}.py:{m['line']}  {m['kind']}: {m['name']}" for m in todo), f'{len(todo)} mutants', sep='\n')
    if todo and not args.report:
        results.parent.mkdir(exist_ok=True)
        prepare()
        base,workers = sound(dict.fromkeys(m['module'] for m in todo)),[]
        for k in range(args.jobs):
            if pid := os.fork(): workers.append(pid)
            else:
                for o in base: try_all(o, [m for m in todo[k::args.jobs] if m['module']==o], base[o])
                os._exit(0)
        for pid in workers: os.waitpid(pid, 0)
    write_report(every)

if __name__=='__main__': main()
