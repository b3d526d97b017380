"The exercises: each one in a lesson's text has its blank, its check and its answer in 09_exercises, and the reverse. What a check says of which answer is tested there, by `prove`."
import ast, math, random, re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from mlp_foundations.exercises import check, registry

root = Path(__file__).resolve().parent.parent
lessons = {p.stem[:2]:p for p in sorted((root/'nbs').glob('0[0-7]_*.ipynb'))}
done = ['00', '01', '02', '03'] # the lessons whose exercises are written; all of them, soon
answers = nbformat.read(root/'nbs'/'09_exercises.ipynb', 4)

def asked(nb):
    "The exercises in the lesson `nb`: name, its text, the cell after it"
    return [(said[1], c.source, after) for c,after in zip(nb.cells, nb.cells[1:]) if c.cell_type=='markdown' and (said := re.match(r'\*\*(\d\d\.\d)\*\*', c.source))]

def calls(source, name):
    "The calls of the function `name` in `source`"
    return [o for o in ast.walk(ast.parse(source)) if isinstance(o, ast.Call) and getattr(o.func, 'id', None)==name]

def faults(nb, lesson):
    "What is wrong with the exercises of the lesson `nb`, as texts"
    res,seen = [],[name for name,*_ in asked(nb)]
    loose = [o for c in nb.cells if c.cell_type=='markdown' for o in re.findall(r'\*\*(\d\d\.\d)\*\*', c.source) if o not in seen]
    res += [f'{o}: its text does not begin a cell' for o in loose]
    due = [k for k in registry if k[:2]==lesson]
    if seen!=due: res.append(f'asked for {seen}, answered in 09_exercises: {due}')
    for name,text,cell in asked(nb):
        checks = calls(cell.source, 'check') if cell.cell_type=='code' else []
        if [ast.literal_eval(o.args[0]) for o in checks]!=[name]: res.append(f'{name}: no check({name!r}, ...) in the cell after its text')
        elif [getattr(o, 'id', None) for o in checks[0].args[1:]]!=[o.answer for o in registry[name].asks]: res.append(f'{name}: check takes {registry[name]}')
        elif not any(f'{name} not done yet' in str(o) for o in cell.outputs): res.append(f'{name}: its blank is not shown as not done yet')
        if f'(09_exercises.ipynb#{name}-' not in text: res.append(f'{name}: no link to its solution')
    return res

@pytest.mark.parametrize('lesson', done)
def test_each_exercise_has_its_blank_and_its_check(lesson): assert not faults(nbformat.read(lessons[lesson], 4), lesson)

def test_each_has_its_heading_and_the_lessons_come_in_order():
    heads = [l[4:] for c in answers.cells if c.cell_type=='markdown' for l in c.source.splitlines() if re.match(r'### \d\d\.\d ', l)]
    assert heads==[f'{k} {o.title}' for k,o in registry.items()]
    assert list(registry)==sorted(registry)

def proofs(): return {ast.literal_eval(o.args[0]):o for c in answers.cells if c.cell_type=='code' for o in calls(c.source, 'prove') if ast.literal_eval(o.args[0])[:2]!='99'}

def test_each_is_proved_with_three_wrong_answers():
    found = proofs()
    assert list(found)==list(registry)
    assert not [k for k,o in found.items() if not isinstance(o.args[2], ast.Dict) or len(o.args[2].keys)<3]

class Sulky:
    def __init__(self, *args, **kwargs): pass
    def __eq__(self, o): raise RuntimeError('not with me')

GARBAGE = dict(nothing=lambda: None, object=Sulky, text='x', numpy=np.ones((2, 3)), numpy_number=np.float64(3), nan=math.nan, huge=10**400, complex=1j, meta=torch.empty(3, 2, device='meta'), meta_number=torch.empty((), device='meta'),
    sparse=torch.eye(3).to_sparse(), watched=torch.ones(2, 3, requires_grad=True), half=torch.ones(2, 2).half(), empty=torch.empty(0, 3), nested=[[1, [2]], {}], error=ValueError('returned'), infinite=torch.full((2, 3), math.inf), true=True)

def recurse(*args, **kwargs): return recurse(*args, **kwargs)
ANSWERS = [recurse, Sulky, *(o if callable(o) else lambda *args, o=o, **kwargs: o for o in GARBAGE.values())]

@pytest.mark.parametrize('name', registry)
def test_garbage_is_wrong_and_raises_nothing(name):
    for f in ANSWERS: assert check(name, *[f]*len(registry[name].asks)).state in ('wrong', 'blank' if f is GARBAGE['nothing'] else 'wrong')

@pytest.mark.parametrize('name', registry)
def test_a_check_leaves_everything_as_it_was(name):
    def meddler(*args, **kwargs):
        torch.manual_seed(1)
        random.seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(3)
        for o in args:
            if torch.is_tensor(o) and o.numel() and o.is_floating_point(): o.zero_()
        return torch.rand(3)
    def state(): return torch.get_rng_state().tolist(), random.getstate(), torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), repr([a.cases for a in registry[name].asks])
    before = state()
    first = check(name, *[meddler]*len(registry[name].asks))
    with torch.no_grad(): second = check(name, *[meddler]*len(registry[name].asks))
    assert first.state==second.state=='wrong' and first.text==second.text and state()==before

# --- the tests bite -------------------------------------------------------------------------------------------------------

def broken(change):
    "Lesson 00 with its exercise cells changed: `change` gets the text cell and the code cell of its first exercise"
    nb = nbformat.read(lessons['00'], 4)
    k = next(i for i,c in enumerate(nb.cells) if c.source.startswith('**00.1**'))
    change(nb.cells[k], nb.cells[k+1])
    return faults(nb, '00')

@pytest.mark.parametrize('said, change', {
    'begin a cell': lambda text, code: text.update(source='Now '+text.source),
    'asked for': lambda text, code: text.update(source=text.source.replace('00.1', '00.9')),
    'no check': lambda text, code: code.update(source=code.source.replace("'00.1'", "'00.2'")),
    'check takes': lambda text, code: code.update(source=code.source.replace("check('00.1', idx_size)", "check('00.1', size)")),
    'not done yet': lambda text, code: code.update(outputs=[]),
    'no link': lambda text, code: text.update(source=text.source.replace('#00.1', '')),
}.items())
def test_a_fault_in_a_lesson_is_found(said, change): assert said in '\n'.join(broken(change))
