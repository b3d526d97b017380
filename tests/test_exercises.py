"The exercises: each one in a lesson's text has its blank, its check and its answer in 09_exercises, and the reverse. What a check says of which answer is tested there, by `prove`."
import ast, re
from pathlib import Path

import nbformat
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

def proofs(): return {ast.literal_eval(o.args[0]):o for c in answers.cells if c.cell_type=='code' for o in calls(c.source, 'prove') if ast.literal_eval(o.args[0])!='99.1'}

def test_each_is_proved_with_three_wrong_answers():
    found = proofs()
    assert list(found)==list(registry)
    assert not [k for k,o in found.items() if not isinstance(o.args[2], ast.Dict) or len(o.args[2].keys)<3]

@pytest.mark.parametrize('name', registry)
def test_a_check_leaves_everything_as_it_was(name):
    "Also where the answer is garbage, which never raises"
    def garbage(*args):
        torch.manual_seed(1)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return torch.rand(3)
    before = torch.get_rng_state()
    v = check(name, *[garbage]*len(registry[name].asks))
    assert v.state=='wrong' and torch.equal(torch.get_rng_state(), before) and torch.get_default_dtype()==torch.float32 and torch.is_grad_enabled()

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
