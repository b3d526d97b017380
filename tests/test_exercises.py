"""Every exercise: blank, solution, oracle, slips, cases, the answers in tests/answers, and its place in the lesson.

`faults` and its like give back what is wrong, as texts. Each is seen to find something at the end of the file.
"""
import ast, contextlib, inspect, math, random, re, runpy, sys, time
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from mlp_foundations import check as engine
from mlp_foundations.check import Exercise, all_exercises, check, registry

root = Path(__file__).resolve().parent.parent
every = all_exercises()
lessons = {p.stem[:2]: p for p in sorted((root/'nbs').glob('[0-9][0-9]_*.ipynb'))}
answers = {p.stem[1:]: runpy.run_path(str(p)) for p in sorted((root/'tests'/'answers').glob('e*.py'))}
each = pytest.mark.parametrize('name', every)

def first_line(name, answer): return check(name, answer).text.splitlines()[0]
def sentence(name, answer): return first_line(name, answer).removeprefix(f'{name} is not right yet. ')

# --- the entry ------------------------------------------------------------------------------------------------------------

def blank_of(solution):
    "`solution` with nothing but `...` in its functions"
    tree = ast.parse(solution)
    last = tree.body[-1]
    for o in ast.walk(last):
        if isinstance(o, ast.FunctionDef): o.body = [ast.Expr(ast.Constant(...))]
    if isinstance(last, ast.Assign): last.value = ast.Constant(...)
    return ast.unparse(ast.fix_missing_locations(tree))

def alike(a, b, rtol): return engine._same(a.value, b.value, rtol) and a.seen==b.seen and a.changed==b.changed

def faults(ex):
    "What is wrong with the entry `ex`: its blank, solution, oracle and slips"
    res,name = [f'no {k}' for k in ('task', 'hint', 'slips') if not getattr(ex, k)],ex.name
    if check(name, ex.make(blank_of(ex.solution))).state!='blank': res.append('its blank is not "not begun"')
    if check(name, ex.make(ex.solution)).state!='solved': res.append('its solution is not solved')
    with engine._apart():
        if ex.oracle: res += [f'the oracle differs: {c}' for c,a,b in zip(ex.cases, ex.rights, ex.outcomes(ex.oracle)) if not engine._same(a.value, b.value, ex.rtol)]
        wrongs,firsts = ex.wrongs,[]
        for slip,out in zip(ex.slips, wrongs):
            bad = [i for i,(a,b) in enumerate(zip(ex.rights, out)) if not engine._fits(a, b, ex.rtol)]
            firsts.append(bad[0] if bad else None)
            if not bad: res.append(f'right on all cases: {slip}')
        res += [f'the same on all cases: {a} and {b}' for i,a in enumerate(ex.slips) for j,b in enumerate(ex.slips[:i]) if all(alike(p, q, ex.rtol) for p,q in zip(wrongs[i], wrongs[j]))]
    if len({o[2] for o in ex.slips})<len(ex.slips): res.append('two slips with one sentence')
    for slip,i in zip(ex.slips, firsts):
        v = check(name, ex.make(ex.edited(slip)))
        if v.state!='wrong' or v.text.splitlines()[0]!=f'{name} is not right yet. {slip[2]}': res.append(f'{slip} gets: {v.text.splitlines()[0]}')
        elif i is not None and '\n'.join('    '+l for l in ex.text(ex.cases[i]).splitlines())+'\n' not in v.text+'\n': res.append(f'{slip}: not the smallest case that shows it')
    return res

def not_to_paste(ex):
    "The calls that don't give the right value after the imports and the solution"
    ns,res = {},[]
    exec('from mlp_foundations.all import *\nfrom mlp_foundations import nn', ns)
    for case,right in zip(ex.cases, ex.rights):
        with engine._apart():
            torch.manual_seed(1) # not the one that the cases are tried with: a call that needs one must set it
            mine = {**ns, ex.answer: ex.make(ex.solution)}
            *first,last = ast.parse(ex.text(case)).body
            try:
                exec(compile(ast.Module(first, []), '<pasted>', 'exec'), mine)
                value = eval(compile(ast.Expression(last.value), '<pasted>', 'eval'), mine)
            except Exception as e: value = e
        if isinstance(value, Exception) and not right.error: res.append(f'{case}: {value!r}')
        elif not ex.lines and not engine._same(right.value, value, ex.rtol): res.append(f'{case}: gives {value}, not {right.value}')
    return res

@each
def test_blank_solution_oracle_and_slips(name): assert not faults(every[name])

@each
def test_each_call_can_be_pasted(name): assert not not_to_paste(every[name])

# --- answers that are no edits --------------------------------------------------------------------------------------------

def plain(text): return ast.dump(ast.parse(text.strip()))

def misjudged(ex, right, wrong):
    "What `check` says amiss of the answers `right` and of the pairs `wrong`, and what the lists lack"
    res,edits = [],{plain(ex.solution), *(plain(ex.edited(o)) for o in ex.slips)}
    texts = [*map(plain, right), *(plain(o) for o,_ in wrong)]
    if len(right)<5 or len(wrong)<3: res.append(f'only {len(right)} right answers and {len(wrong)} wrong ones')
    res += [f'written twice, or an edit of the solution: {o.strip()}' for o,t in zip([*right, *(o for o,_ in wrong)], texts) if texts.count(t)>1 or t in edits]
    for o in right:
        if (v := check(ex.name, ex.make(o))).state!='solved': res.append(f'refused: {o.strip()}\n{v}')
    for o,part in wrong:
        v = check(ex.name, ex.make(o))
        said = v.text.splitlines()[0]
        if v.state!='wrong': res.append(f'accepted: {o.strip()}')
        elif len(part)<4 or part not in said or 'values are wrong; the furthest' in said: res.append(f'{o.strip()}\ngets: {said}\nwanted: {part}')
    return res

@each
def test_answers_written_another_way(name):
    told = answers.get(name[:2], dict(RIGHT={}, WRONG={}))
    assert not misjudged(every[name], told['RIGHT'].get(name, []), told['WRONG'].get(name, []))

def test_no_answers_without_an_exercise(): assert {k for o in answers.values() for kind in ('RIGHT', 'WRONG') for k in o[kind]}=={*every}

# --- whatever is answered ------------------------------------------------------------------------------------------------

class Sulky:
    def __init__(self, *args, **kwargs): pass
    def __eq__(self, o): raise RuntimeError('not with me')

def recurse(*args, **kwargs): return recurse(*args, **kwargs)
GARBAGE = [Sulky, 'x', np.ones((2, 3)), np.float64(3), math.nan, 10**400, 1j, torch.empty(3, 2, device='meta'), torch.empty((), device='meta'), torch.eye(3).to_sparse(), torch.ones(2, 3, requires_grad=True),
    torch.ones(2, 2).half(), torch.empty(0, 3), [[1, [2]], {}], ValueError('returned'), torch.full((2, 3), math.inf), True, None, torch.ones(2, 3, dtype=torch.complex64), {1: torch.ones(2)}]
class Mute:
    def __repr__(self): raise RuntimeError('not a word')
class Unsaid(Exception):
    def __str__(self): raise RuntimeError('not a word')
def mutters(*args, **kwargs): raise Unsaid
def leaves(*args, **kwargs): sys.exit(1)
def holds_itself(*args, **kwargs):
    res = []
    res.append(res)
    return res
def stores(value, *args, **kwargs):
    for o in args:
        if torch.is_tensor(o): o.g = value
def shrinks(*args, **kwargs):
    for o in args:
        if torch.is_tensor(o): o.resize_(0)
KINDS = [lambda *args, **kwargs: None, recurse, Sulky, lambda: None, len, Mute(), mutters, leaves, holds_itself, shrinks, *(partial(stores, o) for o in (Mute(), 'text', torch.eye(3).to_sparse())), lambda *args, **kwargs: Mute(), lambda *args, **kwargs: {Mute()}]

def unruly(ex):
    "The garbage at which `check` raises, or which it doesn't call wrong"
    answers = [o if not callable(ex.right) else lambda *args, o=o, **kwargs: o for o in GARBAGE if callable(ex.right) or not engine._same(ex.right, o, ex.rtol)]
    for f in [*answers, *KINDS]:
        try: state = check(ex.name, f).state
        except BaseException as e: state = type(e).__name__
        if state!='wrong' and not (state=='blank' and engine._is_blank(f)): yield f'{getattr(f, "__name__", type(f).__name__)}: {state}'

@each
def test_garbage_is_wrong_and_raises_nothing(name): assert not [*unruly(every[name])]

def state():
    return torch.get_rng_state().tolist(), random.getstate(), torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(), sys.getprofile()

def meddler(*args, **kwargs):
    torch.manual_seed(1)
    random.seed(1)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(3)
    for o in args:
        if torch.is_tensor(o) and o.numel() and o.is_floating_point(): o.zero_()
    return torch.rand(3)

def left_behind(ex, f):
    "What a check of `f` leaves otherwise than it was, and whether it says something else where the caller's settings differ"
    before,res = state(),[]
    first = check(ex.name, f)
    if state()!=before: res.append('the state is another one')
    torch.set_default_dtype(torch.float64)
    try:
        for mode in (torch.no_grad, torch.inference_mode):
            with mode(): again = check(ex.name, f)
            if (again.state, again.text.splitlines()[0])!=(first.state, first.text.splitlines()[0]): res.append(f'with {mode.__name__}: {again}')
    finally: torch.set_default_dtype(before[2])
    return res + ['its right values are other ones']*(check(ex.name, ex.make(ex.solution)).state!='solved')

@each
def test_a_check_leaves_everything_as_it_was(name):
    ex = every[name]
    for f in (meddler, ex.make(ex.solution)): assert not left_behind(ex, f)

def seconds(f):
    "The processor time of `f()` in this thread, which a busy machine doesn't lengthen"
    start = time.thread_time()
    f()
    return time.thread_time()-start

def endless(*args, **kwargs):
    while True: pass

def stubborn(*args, **kwargs):
    n = 0
    while True:
        try: n += 1
        except: n = 0 # noqa: E722, as a beginner writes it

def deaf(*args, **kwargs):
    while True:
        try: sum([1, 2, 3])
        except Exception: pass

def sorts(exs):
    "One exercise of each sort: called, with lines of a call, with values by name, watched, a class"
    kinds = dict(called=lambda o: not (o.call or o.lines or o.watch), call=lambda o: o.call, lines=lambda o: o.lines, watch=lambda o: o.watch, cls=lambda o: isinstance(o.right, type))
    return {next((k for k,o in exs.items() if f(o) and callable(o.right)), None) for f in kinds.values()} - {None}

@pytest.mark.parametrize('name', sorted(sorts(every)))
@pytest.mark.parametrize('loop', [endless, stubborn, deaf])
def test_an_endless_loop_ends(name, loop):
    said = []
    assert seconds(lambda: said.append(sentence(name, loop)))<2 and 'does a loop never end?' in said[0]

@each
def test_right_and_wrong_answers_take_no_two_seconds(name):
    ex = every[name]
    fresh = Exercise(vars(ex) | dict(cases='\n'.join(ex.cases), lines=', '.join(ex.lines))) # nothing kept from the tests before
    registry[name] = fresh
    try: assert seconds(lambda: check(name, ex.make(ex.solution)))<2 and seconds(lambda: check(name, meddler))<2
    finally: registry[name] = ex

# --- all together ---------------------------------------------------------------------------------------------------------

def too_much(folder, exs):
    "What of the exercises in the package at `folder` is too large or too few"
    size = sum(p.stat().st_size for p in (folder/'exercises').glob('*.py'))
    return ([f'{size} bytes of exercises']*(size>70*1024) + [f'{len(exs)} exercises']*(len(exs)<40) + [f'{n} slips' for n in [sum(len(o.slips) for o in exs.values())] if n<200]
            + [f'{n} bytes of check.py' for n in [(folder/'check.py').stat().st_size] if n>25*1024])

def test_how_much_there_is(): assert not too_much(root/'mlp_foundations', every)

def test_every_lesson_has_exercises_in_order(): assert sorted({k[:2] for k in every})==sorted(lessons) and list(every)==sorted(every)

# --- in the lessons -------------------------------------------------------------------------------------------------------

def calls(source, name):
    "The calls of the function `name` in `source`"
    return [o for o in ast.walk(ast.parse(re.sub(r'^( *)%.*', r'\1pass', source, flags=re.M))) if isinstance(o, ast.Call) and getattr(o.func, 'id', None)==name]

def asked(nb):
    "The exercises in the lesson `nb`: name, its text, the cell after it"
    return [(said[1], c.source, after) for c,after in zip(nb.cells, nb.cells[1:]) if c.cell_type=='markdown' and (said := re.match(r'\*\*(\d\d\.\d)\*\*', c.source))]

def heading(k): return f'{k} {every[k].title}'

def same_arguments(ex, source):
    "Whether the blank in `source` takes what the solution takes"
    def args(text): return {o.name: ast.dump(o.args) for o in ast.walk(ast.parse(text)) if isinstance(o, ast.FunctionDef)}
    mine,ours = args(source),args(ex.solution)
    return all(mine[k]==ours[k] for k in mine if k in ours) and (ex.answer in mine or not inspect.isfunction(ex.right))

def amiss(nb, lesson):
    "What is wrong with the exercises of the lesson `nb`, as texts"
    res,seen = [],[name for name,*_ in asked(nb)]
    loose = [o for c in nb.cells if c.cell_type=='markdown' for o in re.findall(r'\*\*(\d\d\.\d)\*\*', c.source) if o not in seen]
    res += [f'{o}: its text does not begin a cell' for o in loose]
    due = [k for k in every if k[:2]==lesson]
    if seen!=due: return [*res, f'asked for {seen}, answered in exercises/e{lesson}: {due}']
    for name,text,cell in asked(nb):
        checks = calls(cell.source, 'check') if cell.cell_type=='code' else []
        if [ast.literal_eval(o.args[0]) for o in checks]!=[name]: res.append(f'{name}: no check({name!r}, ...) in the cell after its text')
        elif [getattr(o, 'id', None) for o in checks[0].args[1:]]!=[every[name].answer]: res.append(f'{name}: check takes {every[name].answer}')
        elif not same_arguments(every[name], cell.source): res.append(f'{name}: its blank takes other arguments than the solution')
        elif not any(f'{name} is not begun' in str(o) for o in cell.outputs): res.append(f'{name}: its blank is not shown as not begun')
        link = f"[Hint, solution and usual slips of {name}](exercises/e{lesson}.ipynb#{heading(name).replace(' ', '-')})"
        if text.splitlines()[-1]!=link: res.append(f'{name}: no link on its last line: {link}')
    return res

def unanswered(nb, lesson):
    "What is wrong with the exercises notebook `nb` of a lesson: under each heading the entry, folded, and its page as it is now"
    heads = [(i, l[3:]) for i,c in enumerate(nb.cells) if c.cell_type=='markdown' for l in c.source.splitlines() if re.match(r'## \d\d\.\d ', l)]
    due = [k for k in every if k[:2]==lesson]
    if [h for _,h in heads]!=[heading(k) for k in due]: return [f'headings {[h for _,h in heads]}']
    res = []
    for k,(i,_),end in zip(due, heads, [*(i for i,_ in heads[1:]), len(nb.cells)]):
        code = [c for c in nb.cells[i:end] if c.cell_type=='code']
        entries = [c for c in code if k in [ast.literal_eval(o.args[0]) for o in calls(c.source, 'exercise')]]
        pages = [c for c in code if k in [ast.literal_eval(o.args[0]) for o in calls(c.source, 'page')]]
        if len(entries)!=1 or not entries[0].metadata.get('jupyter', {}).get('source_hidden') or not entries[0].source.startswith('#| exporti'): res.append(f'{k}: its entry is not one folded cell to export')
        if [o.data.get('text/markdown') for c in pages for o in c.outputs]!=[str(engine.page(k))]: res.append(f'{k}: its page is not the one that is saved')
    return res

@pytest.mark.parametrize('lesson', lessons)
def test_each_exercise_stands_in_its_lesson(lesson): assert not amiss(nbformat.read(lessons[lesson], 4), lesson)

@pytest.mark.parametrize('lesson', lessons)
def test_each_has_its_page(lesson): assert not unanswered(nbformat.read(root/'nbs'/'exercises'/f'e{lesson}.ipynb', 4), lesson)

# --- a new one, as CONTRIBUTING shows it ----------------------------------------------------------------------------------

@pytest.fixture
def added():
    "A function that runs the block of CONTRIBUTING, changed, and gives back the entry"
    before = dict(registry)
    source, = [o for o in re.findall(r'```python\n(.*?)```', (root/'CONTRIBUTING.md').read_text(encoding='utf-8'), re.S) if 'exercise(' in o]
    def add(*change):
        assert not change or change[0] in source
        ns = {}
        exec('from mlp_foundations.all import *', ns)
        exec(source.replace(*change) if change else source, ns)
        name, = registry.keys()-before.keys()
        return registry[name]
    add.source = source
    yield add
    for k in registry.keys()-before.keys(): del registry[k]

def test_a_new_exercise_as_contributing_shows_it(added):
    assert len(added.source.splitlines())<=10
    ex = added()
    assert not faults(ex) and not not_to_paste(ex) and not [*unruly(ex)] and not left_behind(ex, meddler) and ex.oracle and len(ex.slips)>1

# --- the tests bite -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('said, old, new', [
    ('the oracle differs', 'x.norm(dim=1)', 'x.norm(dim=0)'), ('no hint', 'hint=', "hint='' and "), ('no task', 'task=', "task='' and "), ('two slips with one', 'This is summed down the columns, over axis 0.', 'The root is missing.'),
    ('right on all cases', "'.sqrt()', ''", "'.sqrt()', '**.5'"), ('the same on all cases', "'.sqrt()', ''", "'(x*x).sum(1)', '(x*x).sum(-2)'")])
def test_a_fault_in_an_entry_is_found(added, said, old, new): assert any(o.startswith(said) for o in faults(added(old, new)))

@pytest.mark.parametrize('said, name, instead', [
    ('its blank', '_is_blank', lambda o: False), ('its solution', '_judge', lambda ex, *args: ('no', 0, ex.rights[0])), ('gets: ', '_slip', lambda *args: None), ('not the smallest', '_slip', lambda ex, got, wrong: (next(s[2] for s,o in zip(ex.slips, ex.wrongs) if all(alike(*p, 1e-4) for p in zip(o, got))), 1))])
def test_an_engine_with_a_fault_is_found(added, monkeypatch, said, name, instead):
    monkeypatch.setattr(engine, name, instead)
    assert any(said in o for o in faults(added()))

def test_a_stale_slip_fails_loudly(added):
    before = dict(registry)
    with pytest.raises(ValueError, match=r"'\.sum\(1\)' of a slip does not occur in the solution"): added('(x*x).sum(1)', '(x*x).sum(dim=1)')
    assert registry==before

@pytest.mark.parametrize('old, new', [("tensor([[3., 4.]])\n", "mine\n"), ("torch.randn(2, 3)\n", "getattr(torch, 'ra'+'ndn')(2, 3)\n")])
def test_a_call_that_can_not_be_pasted_is_found(added, old, new):
    ex = added(old, new)
    ex.given['mine'] = torch.ones(1, 2)
    assert len(not_to_paste(ex))==1

RIGHT = ['def row_lengths(x): return x.square().sum(1)**.5', 'def row_lengths(x): return x.norm(dim=1)', 'def row_lengths(x): return (x@x.t()).diagonal().sqrt()',
         'def row_lengths(x): return torch.stack([o.norm() for o in x])', 'def row_lengths(x): return torch.einsum("ij,ij->i", x, x).sqrt()']
WRONG = [('def row_lengths(x): return x.norm(dim=1, keepdim=True)', 'shape'), ('def row_lengths(x): return x.norm(dim=0)', 'down the columns'), ('def row_lengths(x): return -x.norm(dim=1)', 'sign')]

@pytest.mark.parametrize('said, right, wrong', [
    ('only 4 right', RIGHT[:4], WRONG), ('and 2 wrong', RIGHT, WRONG[:2]), ('written twice', RIGHT[:4]+[RIGHT[0].replace('**.5', '** .5')], WRONG), ('an edit of the solution', RIGHT, WRONG[:2]+[('def row_lengths(x):\n    return (x*x).sum(1)', 'root')]),
    ('refused', RIGHT[:4]+['def row_lengths(x): return x.abs().sum(1)'], WRONG), ('accepted', RIGHT, WRONG[:2]+[('def row_lengths(x): return (x**2).sum(1).sqrt()', 'sign')]), ('gets:', RIGHT, WRONG[:2]+[(WRONG[2][0], 'shape')]),
    ('gets:', RIGHT, WRONG[:2]+[(WRONG[2][0], '')]), ('gets:', RIGHT, WRONG[:2]+[('def row_lengths(x): return x.norm(dim=1).cos()', 'values are wrong')])])
def test_an_answer_that_is_judged_amiss_is_found(added, said, right, wrong):
    ex = added()
    assert not misjudged(ex, RIGHT, WRONG)
    assert said in '\n'.join(misjudged(ex, right, wrong))

def test_an_engine_that_raises_or_accepts_garbage_is_found(added, monkeypatch):
    ex = added()
    with monkeypatch.context() as m:
        m.setattr(engine, '_usable', lambda o: o)
        assert any('Error' in o for o in unruly(ex))
    monkeypatch.setattr(engine, '_same', lambda a, b, rtol: True)
    assert any(o.endswith('solved') for o in unruly(ex))

def test_an_engine_that_meddles_is_found(added, monkeypatch):
    ex = added()
    monkeypatch.setattr(engine, '_apart', contextlib.nullcontext)
    saved = torch.get_rng_state(), random.getstate(), torch.get_num_threads()
    try: assert 'the state is another one' in left_behind(ex, meddler)
    finally:
        for put,o in zip((torch.set_rng_state, random.setstate, torch.set_num_threads), saved): put(o)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)

def test_a_limit_that_does_not_hold_is_found(added, monkeypatch):
    def slow(*args):
        start = time.thread_time()
        while time.thread_time()-start<2.1: pass
    monkeypatch.setattr(engine, '_limit', lambda seconds: contextlib.nullcontext())
    ex = added('torch.randn(2, 3)\n', '')
    assert seconds(lambda: check(ex.name, slow))>2

def test_too_much_is_found(tmp_path):
    (tmp_path/'exercises').mkdir()
    (tmp_path/'exercises'/'e00.py').write_text('x'*(70*1024+1))
    (tmp_path/'check.py').write_text('x'*(25*1024+1))
    assert len(too_much(tmp_path, {}))==4

def broken(change):
    "What is found in lesson 04 with its exercise cells changed: `change` gets the text cell and the code cell of its first exercise"
    nb = nbformat.read(lessons['04'], 4)
    k = next(i for i,c in enumerate(nb.cells) if c.source.startswith('**04.1**'))
    change(nb.cells[k], nb.cells[k+1])
    return amiss(nb, '04')

@pytest.mark.parametrize('said, change', {
    'begin a cell': lambda text, code: text.update(source='Now '+text.source),
    'asked for': lambda text, code: text.update(source=text.source.replace('04.1', '04.9')),
    'no check': lambda text, code: code.update(source=code.source.replace("'04.1'", "'04.2'")),
    'check takes': lambda text, code: code.update(source=code.source.replace("check('04.1', sigmoid_grad)", "check('04.1', sigmoid)")),
    'other arguments': lambda text, code: code.update(source=code.source.replace('(inp, out)', '(out, inp)')),
    'not begun': lambda text, code: code.update(outputs=[]),
    'no link': lambda text, code: text.update(source=text.source.replace('#04.1', '')),
}.items())
def test_a_fault_in_a_lesson_is_found(said, change): assert said in '\n'.join(broken(change))

@pytest.mark.parametrize('said, change', {
    'headings': lambda heading, entry, page: heading.update(source=heading.source+' anew'),
    'not one folded cell': lambda heading, entry, page: entry['metadata'].clear(),
    'its page': lambda heading, entry, page: page.outputs[0]['data'].update({'text/markdown': 'Task'}),
}.items())
def test_a_fault_in_a_page_is_found(said, change):
    nb = nbformat.read(root/'nbs'/'exercises'/'e04.ipynb', 4)
    k = next(i for i,c in enumerate(nb.cells) if c.source.startswith('## 04.1'))
    change(*nb.cells[k:k+3])
    assert said in '\n'.join(unanswered(nb, '04'))
