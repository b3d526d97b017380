"The exercises: each one in a lesson's text has its blank, its check and its answer in nbs/exercises, and the reverse. What a check says of which answer is tested there, by `prove`."
import ast, math, random, re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import tensor

from mlp_foundations.check import all_exercises, check
from mlp_foundations.init import layer_stats
from mlp_foundations.matmul import relu

root = Path(__file__).resolve().parent.parent
lessons = {p.stem[:2]:p for p in sorted((root/'nbs').glob('[0-9][0-9]_*.ipynb'))}
answers = {p.stem[1:]:nbformat.read(p, 4) for p in sorted((root/'nbs'/'exercises').glob('*.ipynb'))}
registry = all_exercises()

def asked(nb):
    "The exercises in the lesson `nb`: name, its text, the cell after it"
    return [(said[1], c.source, after) for c,after in zip(nb.cells, nb.cells[1:]) if c.cell_type=='markdown' and (said := re.match(r'\*\*(\d\d\.\d)\*\*', c.source))]

def calls(source, name):
    "The calls of the function `name` in `source`"
    return [o for o in ast.walk(ast.parse(re.sub(r'^( *)%.*', r'\1pass', source, flags=re.M))) if isinstance(o, ast.Call) and getattr(o.func, 'id', None)==name]

def faults(nb, lesson):
    "What is wrong with the exercises of the lesson `nb`, as texts"
    res,seen = [],[name for name,*_ in asked(nb)]
    loose = [o for c in nb.cells if c.cell_type=='markdown' for o in re.findall(r'\*\*(\d\d\.\d)\*\*', c.source) if o not in seen]
    res += [f'{o}: its text does not begin a cell' for o in loose]
    due = [k for k in registry if k[:2]==lesson]
    if seen!=due: res.append(f'asked for {seen}, answered in exercises/e{lesson}: {due}')
    for name,text,cell in asked(nb):
        checks = calls(cell.source, 'check') if cell.cell_type=='code' else []
        if [ast.literal_eval(o.args[0]) for o in checks]!=[name]: res.append(f'{name}: no check({name!r}, ...) in the cell after its text')
        elif [getattr(o, 'id', None) for o in checks[0].args[1:]]!=[o.answer for o in registry[name].asks]: res.append(f'{name}: check takes {registry[name]}')
        elif not any(f'{name} not done yet' in str(o) for o in cell.outputs): res.append(f'{name}: its blank is not shown as not done yet')
        if f'(exercises/e{lesson}.ipynb#{name}-' not in text: res.append(f'{name}: no link to its solution')
    return res

@pytest.mark.parametrize('lesson', lessons)
def test_each_exercise_has_its_blank_and_its_check(lesson): assert not faults(nbformat.read(lessons[lesson], 4), lesson)

def test_each_has_its_heading_and_the_lessons_come_in_order():
    heads = [(k, l[3:]) for k,nb in answers.items() for c in nb.cells if c.cell_type=='markdown' for l in c.source.splitlines() if re.match(r'## \d\d\.\d ', l)]
    assert heads==[(k[:2], f'{k} {o.title}') for k,o in registry.items()]
    assert {*answers}<={*lessons} and list(registry)==sorted(registry)

def proofs(): return {ast.literal_eval(o.args[0]):o for nb in answers.values() for c in nb.cells if c.cell_type=='code' for o in calls(c.source, 'prove')}

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

def test_the_default_dtype_of_a_notebook_makes_no_difference():
    torch.set_default_dtype(torch.float64)
    try: assert check('02.1', lambda n_in, n_out, generator=None: torch.nn.init.xavier_uniform_(torch.empty(n_in, n_out), generator=generator)).state=='solved'
    finally: torch.set_default_dtype(torch.float32)

# --- right answers, written in another way than in nbs/exercises --------------------------------------------------------------

def ink_box(im):
    ij = (im>0).nonzero()
    return [*ij.amin(0), *(ij.amax(0)-ij.amin(0)+1)] if len(ij) else (0, 0, 0, 0)

def pooled_stats(ns, means, stds):
    n,m,s = map(tensor, (ns, means, stds))
    M = (n*m).sum()/n.sum()
    return M, (((n-1)*s**2+n*m**2).sum()-n.sum()*M**2).div(n.sum()-1).sqrt()

def ridge_rows(peak, bandwidth, m, p):
    d = 2*m*p*bandwidth - 4*(m+p)*peak
    return 4*m*p*peak/d if d>0 else float('inf')

def lost_at(scale, width=100):
    torch.manual_seed(0)
    x = torch.randn(200, width)
    torch.manual_seed(1)
    return next((tensor(i+1) for i in range(200) if not (x := x@(torch.randn(width, width)*scale)).abs().max()<math.inf), None)

def lsuv(x, weights, act=relu):
    new = [w.clone() for w in weights]
    for i in range(len(new)):
        for _ in range(3): new[i] /= layer_stats(x, new[:i+1], act)[1][-1]
    return tuple(new)

def sparse_kaiming(n_in, n_out, p, generator=None):
    w,m = torch.zeros(n_in, n_out),torch.bernoulli(torch.full((n_in, n_out), p), generator=generator).bool()
    w[m] = torch.randn(int(m.sum()), generator=generator)*(2/n_in/p)**.5
    return w

def pixel_kinks(x0, p, w1, b1, lo, hi):
    base = (x0@w1+b1)[0] - x0[0,p]*w1[p]
    return ((base+lo*w1[p])*(base+hi*w1[p])<0).sum()

def as_many(f):
    def checked(output, targ):
        if output.numel()!=targ.numel(): raise ValueError('not as many')
        return f(output, targ)
    return checked

def best_names(out, y):
    order = sorted(range(10), key=lambda c: out[y==c].mean().item())
    return tensor([order.index(c) for c in range(10)])

OTHERWISE = [
    ('00.1', lambda dims: 4*(1+len(dims))+tensor(dims).prod()),
    ('00.3', ink_box),
    ('00.4', lambda b: tensor(1e-5)+1e-8/b),
    ('00.5', pooled_stats),
    ('00.6', lambda x, m, s, limit: not -limit <= (x.mean()-m)/s <= limit),
    ('00.6', lambda x, m, s, limit: ((x-m)/s).mean().abs()>limit),
    ('01.1', lambda t: tensor([n for n,s in zip(t.shape, t.stride()) if s]).prod().int()),
    ('01.2', lambda x: x-x.mean(0), lambda x: (x.t()-x.mean(1)).t(), lambda: {(n, m) for n in (2, 3) for m in (1, n)}),
    ('01.3', lambda a, b: sum(torch.outer(a[:,k], b[k]) for k in range(a.shape[1]))),
    ('01.4', lambda a, b: torch.cdist(a, b)**2),
    ('01.4', lambda a, b: a.square().sum(-1).unsqueeze(1)+b.square().sum(-1).unsqueeze(0)-2*torch.einsum('ik,jk->ij', a, b)),
    ('01.6', ridge_rows),
    ('02.1', lambda n_in, n_out, generator=None: torch.nn.init.xavier_uniform_(torch.empty(n_in, n_out), generator=generator)),
    ('02.2', lost_at),
    ('02.3', lambda act: float(1/act(torch.randn(1000, 1000, generator=torch.Generator().manual_seed(0))).square().mean().sqrt())),
    ('02.4', lsuv),
    ('02.5', lambda n, generator=None: torch.linalg.svd(torch.randn(n, n, generator=generator))[0]),
    ('02.5', lambda n, generator=None: torch.nn.init.orthogonal_(torch.empty(n, n), generator=generator)),
    ('02.6', sparse_kaiming),
    ('03.1', lambda m, nh, c: (m+1)*nh+(nh+1)*c),
    ('03.2', lambda: [tensor([[-2., 2.]]), torch.zeros(2), tensor([[.5], [.5]]), torch.zeros(1)], lambda: (tensor([[-1., 1., -1.], [1., 0., 0.]]), torch.zeros(3), tensor([[1.], [1.], [-1.]]), torch.zeros(1))),
    ('03.3', pixel_kinks),
    ('03.4', lambda out, targ, rows: sum((o-targ[None]).square().mean(1).sum().item() for o in out.split(rows))/len(out)),
    ('03.5', as_many(lambda o, t: torch.mean((o[:,0]-t)**2)), as_many(lambda o, t: F.mse_loss(o.reshape(-1), t.reshape(-1)))),
    ('03.6', best_names)]

@pytest.mark.parametrize('name, answers', [(name, answers) for name,*answers in OTHERWISE])
def test_a_right_answer_in_another_way_is_solved(name, answers): assert check(name, *answers).text==f'{name} solved: {registry[name].title}.'

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
