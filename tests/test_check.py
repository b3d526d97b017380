"What `check` says, and what it takes for the same: small exercises with known faults. The real exercises are tried in test_exercises.py."
import copy, inspect, math, random, subprocess, sys, warnings
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from mlp_foundations import check as engine
from mlp_foundations.check import all_exercises, check, exercise, hint, page, registry, solution
from torch import tensor

X,Y = tensor([[1., -2.], [3., 4.], [.5, 8.]]),tensor([[2., 1.], [-1., 5.], [7., 3.]])

@pytest.fixture
def toy():
    "A function that puts the exercise 99.1, of which `right` is the answer, into the registry for the time of the test, and gives back what its check says of an answer"
    def make(right, answer, xs=(), cases=None, solution='double = right', given={}, **kwargs):
        if cases is None: cases = '\n'.join(f'xs[{i}]' for i in range(len(xs)))
        exercise('99.1', 'A toy', solution, cases, given={'right': right, 'xs': copy.deepcopy(xs), **given}, **kwargs)
        return check('99.1', answer)
    yield make
    registry.pop('99.1', None)
    engine._tries.clear()

def said(v):
    "The diagnosis alone"
    assert v.state=='wrong' and v.text.startswith('99.1 is not right yet. '), v
    return v.text.splitlines()[0].removeprefix('99.1 is not right yet. ')

# --- the same, or not -----------------------------------------------------------------------------------------------------

inf,nan = math.inf,math.nan
@pytest.mark.parametrize('a, b, same', [
    (tensor([1., 100.]), tensor([1.01, 101.]), True), (tensor([1., 100.]), tensor([.99, 99.]), True), (tensor([1., 100.]), tensor([1.04, 100.]), False), (tensor([1., 100.]), tensor([1., 101.1]), False),
    (tensor([-1., -100.]), tensor([-1.01, -100.9]), True), (tensor([0., 100.]), tensor([.009, 100.]), True), (tensor([0., 100.]), tensor([.011, 100.]), False), (tensor([0., 0.]), tensor([0., 1e-30]), False),
    (tensor([0., -100.]), tensor([.009, -100.]), True), (tensor([0., inf]), tensor([0., inf]), True), (tensor([0., inf]), tensor([1e-9, inf]), False), (tensor([inf, nan]), tensor([inf, nan]), True), (tensor([inf]), tensor([-inf]), False),
    (tensor([inf]), tensor([1.]), False), (tensor([1.]), tensor([inf]), False), (tensor([nan]), tensor([1.]), False), (tensor([1.]), tensor([nan]), False), (tensor([0., inf, 100.]), tensor([.009, inf, 100.]), True),
    (tensor([100, 5]), tensor([100, 5]), True), (tensor([1000]), tensor([1001]), False), (tensor([True]), tensor([True]), True), (tensor([True]), tensor([1]), False), (tensor([1.]), tensor([1]), False), (tensor([1., 1.]), tensor([[1., 1.]]), False),
    (torch.zeros(0), torch.zeros(0), True), (torch.zeros(0), torch.zeros(0, 1), False), (tensor(3.), 3., True), (3., tensor(3.), True), (3., 3, True), (3, 3., False), (3., 3.02, True), (3., 3.04, False), (1., True, False), (True, 1, False), (True, True, True),
    (5, 5, True), (5, 6, False), ('a', 'a', True), ('a', 'b', False), (None, None, True), (None, 0, False), ({1, 2}, {2, 1}, True), ({1}, {2}, False), ({1}, [1], False), ((1, 2), [1, 2], True), ((1, 2), (1, 3), False), ((1, 2), (1, 2, 2), False),
    ([1., (2.,)], (1.001, [2.]), True), ({'a': 1., 'b': 2.}, {'b': 2., 'a': 1.}, True), ({'a': 1.}, {'a': 2.}, False), ({'a': 1.}, {'a': 1., 'b': 1.}, False), ({'a': 1.}, {'b': 1.}, False), (tensor([1.]), [1.], False), ([1.], tensor([1.]), False),
    (ValueError('x'), ValueError('y'), True), (ValueError(), KeyError(), False), (ValueError(), 'ValueError', False), (Exception(), ValueError(), True), (1., ValueError(), False), (torch.ones(2), torch.ones(2).double(), False)])
def test_the_same(a, b, same): assert engine._same(a, b, .01) is same

def test_whole_numbers_are_compared_exactly():
    for a,b,near in ((tensor([1.00001]), tensor([1]), True), (tensor([1]), tensor([1.00001]), True), (tensor([2**53+1]), tensor([2**53]), False), (tensor([1000]), tensor([1001]), False)): assert engine._close(a, b, .01 if near else .1).all()==near

# --- what is wrong in general: the right function, a wrong one, the cases, the diagnosis ------------------------------------

# … stands for any words between
FAULTS = [
    # a factor
    (lambda x: 2*x, lambda x: -2*x, [X], 'The sign is wrong: every value is the negative of the right one.'),
    (lambda x: 2*x, lambda x: x, [X], 'Every value is 0.5 times the right one'),
    (lambda x: 2*x, lambda x: -6*x, [X], 'Every value is -3 times the right one'),
    (lambda x: 2*x, lambda x: x/12, [X], 'Every value is 0.0416667 times the right one'),
    (lambda x: 2*x, lambda x: x/6, [X], 'Every value is 0.0833333 times the right one'),
    (lambda x: 2*x, lambda x: 2*x*2.345, [X], 'Every value is 2.345 times the right one'),
    (lambda x: 2*x, lambda x: 2*x*.3333, [X], 'Every value is 0.3333 times the right one'),
    (lambda x: 2*x, lambda x: 2*x*.331, [X], 'Every value is 0.331 times the right one'),
    (lambda x: 2*x, lambda x: 2*x*.335, [X], 'Every value is 0.335 times the right one'),
    (lambda x: x.mean(0), lambda x: x.sum(0), [X, Y[:2], torch.cat([X, Y])], 'Every value is too large by a factor of n, the size of axis 0 of `x`: is it not divided by?'),
    (lambda x: x.sum(0), lambda x: x.mean(0), [X, Y[:2], torch.cat([X, Y])], 'Every value is too small by a factor of n, the size of axis 0 of `x`: is it divided by twice?'),
    (lambda x: x.mean(1), lambda x: x.sum(1), [X, torch.cat([X, Y], 1), Y], 'Every value is too large by a factor of m, the size of axis 1 of `x`: is it not divided by?'),
    (lambda x: 2*x, lambda x: torch.where(x>0, 3*x, x), [X], '6 of 6 values are wrong; the furthest off is the one at [2, 1]: 24 instead of 16.'),
    (lambda x: 2*x, lambda x: 4*x if len(x)>1 else 6*x, [X, X[:1]], '6 of 6 values are wrong; the furthest off is the one at [2, 1]: 32 instead of 16.'),
    (lambda n: n, lambda n: 2*n if n else 5., [0., 2., 3.], 'It is 5, where 0 is right.'),
    (lambda n: n, lambda n: 2*n if n!=4 else 0., [4., 2.], 'It is 0, where 4 is right.'),
    (lambda n: n, lambda n: 2*n, [0., 2., 3.], 'Every value is 2 times the right one'),
    (lambda n: n, lambda n: 2*n, [2., 2.], 'It is 4, where 2 is right.'),
    (lambda n: [n, n], lambda n: [n, 3*n], [2., 3.], 'In value 1: Every value is 3 times the right one'),
    (lambda x: 2*x, lambda x: 2*x/13, [X], 'Every value is 0.0769231 times the right one'),
    (lambda x: x-1, lambda x: 2*x-2, [X, Y], 'Every value is 2 times the right one'),
    (lambda x: x, lambda x: 2*x if len(x)>1 else 2.001*x, [X, X[:1]], 'Every value is 2 times the right one'),
    (lambda x: x, lambda x: 2*x if len(x)>1 else 2.003*x, [X, X[:1]], '6 of 6 values are wrong; the furthest off is the one at [2, 1]: 16 instead of 8.'),
    (lambda x: x, lambda x: 2*x, [2., X], 'Every value is 2 times the right one'),
    (lambda x: x, lambda x: 0*x, [X], '6 of 6 values are wrong; the furthest off is the one at [2, 1]: 0 instead of 8.'),
    (lambda x: x*0 if len(x)>2 else x, lambda x: x if len(x)>2 else 2*x, [X, X[:2]], '6 of 6 values are wrong; the furthest off is the one at [2, 1]: 8 instead of 0.'),
    (lambda x: x*0 if len(x)>2 else x, lambda x: (x>4).float() if len(x)>2 else 2*x, [X[:2], X], '4 of 4 values are wrong; the furthest off is the one at [1, 1]: 8 instead of 4.'),
    (lambda x: x*0 if len(x)>2 else x, lambda x: x*0 if len(x)>2 else 2*x, [X, X[:2]], 'Every value is 2 times the right one'),
    (lambda x: (x>4)*x if len(x)>2 else x, lambda x: x*0 if len(x)>2 else 2*x, [X[:2], X], '4 of 4 values are wrong; the furthest off is the one at [1, 1]: 8 instead of 4.'),
    (lambda x: x.sum(0), lambda x: x.sum(0)/(3 if len(x)>2 else 5), [X, Y[:2]], '2 of 2 values are wrong; the furthest off is the one at [1]: 3.33333 instead of 10.'),
    (lambda n: n, lambda n: 2*n if n>2 else n, [1., 3., 4.], 'It is 6, where 3 is right.'),
    (lambda x: x/0, lambda x: -x/0, [X], '6 of 6 values are wrong; the furthest off is the one at [0, 0]: -inf instead of inf.'),
    (lambda x: torch.where(x>7, inf, x), lambda x: torch.where(x>7, inf, 2*x), [X], '5 of 6 values are wrong; the furthest off is the one at [2, 1]: inf instead of inf.'),
    (lambda x: x>0, lambda x: x<0, [X], '6 of 6 values are wrong; the furthest off is the one at [0, 0]: False instead of True.'),
    # a shape
    (lambda x: x, lambda x: x.t(), [X, Y], 'It is transposed … shape (2, 3), where (3, 2) is asked for.'),
    (lambda x: x[:2], lambda x: x[:2].t(), [X, Y], 'It is transposed.'),
    (lambda x: x, lambda x: x.flatten(), [X, Y], 'The values are right … shape (6,), where (3, 2) is asked for.'),
    (lambda x: x[:,0], lambda x: x[:,:1], [X, Y], 'The values are right … shape (3, 1), where (3,) is asked for.'),
    (lambda x: x[:,:1]-x[:,1:], lambda x: x[:,:1]-x[:,1], [X, Y], 'A column met a row: (n, 1) and (n,) broadcast to a whole table. It has shape (3, 3), where (3, 1) is asked for.'),
    (lambda x: x.sum(0), lambda x: x, [X, Y], 'The sum over axis 0 is missing. It has shape (3, 2), where (2,) is asked for.'),
    (lambda x: x.sum(1), lambda x: x, [X, Y], 'The sum over axis 1 is missing. It has shape (3, 2), where (3,) is asked for.'),
    (lambda x: x.mean(0), lambda x: x, [X, Y], 'shape (3, 2), where (2,) is asked for.'),
    (lambda x: x.mean(1), lambda x: x, [X, Y], 'shape (3, 2), where (3,) is asked for.'),
    (lambda x: x, lambda x: x.sum(0), [X, Y], 'It is summed over axis 0, which should stay. It has shape (2,), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.sum(1), [X, Y], 'It is summed over axis 1, which should stay. It has shape (3,), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.sum(1, keepdim=True), [X, Y], 'It is summed over axis 1, which should stay. It has shape (3, 1), where (3, 2) is asked for.'),
    (lambda x: x.pow(2).sum(0), lambda x: x.pow(2).sum(1), [X, Y], 'the wrong axis? … shape (3,), where (2,) is asked for.'),
    (lambda x: x.pow(2).sum(1), lambda x: x.pow(2).sum(0), [X, Y], 'It has shape (2,), where (3,) is asked for.'),
    (lambda x: x, lambda x: x[:1], [X, Y], 'It has shape (1, 2), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.sum(0) if len(x)>2 else x.mean(0), [X, Y[:2]], 'It has shape (2,), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.t() if len(x)>2 else -x, [X, Y[:2]], 'It has shape (2, 3), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.t(), [X], 'It is transposed … shape (2, 3), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.t(), [X, Y[:1]], 'It is transposed … shape (2, 3), where (3, 2) is asked for.'),
    (lambda x: x, lambda x: x.t(), [Y[:1], X], 'It is transposed … shape (2, 1), where (1, 2) is asked for.'),
    (lambda x: x[:2], lambda x: x[:2]*tensor([[1., 2.], [3., 1.]]), [X], '2 of 4 values are wrong; the furthest off is the one at [1, 0]: 9 instead of 3.'),
    (lambda x: x[:2], lambda x: x[:2].t() if x[0,0]==1 else -x[:2], [X, Y], '2 of 4 values are wrong; the furthest off is the one at [0, 1]: 3 instead of -2.'),
    (lambda x: x.expand(4, 3, 2), lambda x: x.expand(4, 3, 2).permute(2, 1, 0), [X], 'It has shape (2, 3, 4), where (4, 3, 2) is asked for.'),
    (lambda x: x.expand(4, 3, 2), lambda x: x.flip(0).expand(4, 3, 2), [X], '16 of 24 values are wrong; the furthest off is the one at [0, 0, 1]: 8 instead of -2.'),
    (lambda x: x.pow(2).sum(0), lambda x: x.pow(2).sum((1, 2)), [torch.stack([X, Y, X, Y])], 'shape (4,), where (3, 2)'),
    (lambda x: x.sum(1) if x.ndim==2 else x.sum(), lambda x: x, [X, X[0]], 'It has shape (3, 2), where (3,) is asked for.'),
    (lambda x: x if x.ndim==2 else x.sum(), lambda x: x.sum(1) if x.ndim==2 else x, [X, X[0]], 'It has shape (3,), where (3, 2) is asked for.'),
    (lambda x: x.long().sum(0), lambda x: 5*x.long(), [X], 'It has shape (3, 2), where (2,) is asked for.'),
    (lambda x: x.pow(2).sum(0), lambda x: x.pow(2).sum(1) if len(x)>2 else x[:1,0], [X, Y[:2]], 'shape (3,), where (2,)'),
    (lambda x: x, lambda x: 2*x if len(x)>2 else x.flatten(), [X, Y[:2]], 'Every value is 2 times the right one'),
    (lambda x: x.sum(0), lambda x: 3*x.sum(0) if len(x)>2 else x.flatten(), [X, Y[:2]], 'Every value is 3 times the right one'),
    # a kind of number
    (lambda x: x, lambda x: x.double(), [X], 'The values are right, but the dtype is torch.float64, where torch.float32 is asked for.'),
    (lambda x: x, lambda x: x.int(), [X], 'The dtype is torch.int32, where torch.float32 is asked for: whole numbers lose every fraction.'),
    (lambda x: x.long(), lambda x: x.long()+1, [X], '6 of 6 values are wrong; the furthest off is the one at [0, 0]: 2 instead of 1.'),
    (lambda x: x, lambda x: x/0, [X], 'It gives inf, where a finite number is asked for.'),
    (lambda x: x, lambda x: x*nan, [X], 'It gives nan, where a finite number is asked for.'),
    (lambda x: torch.where(x>5, inf, x), lambda x: torch.where(x<0, nan, x/0), [X[1:], X], 'It gives inf, where a finite number is asked for.'),
    (lambda x: x/0, lambda x: x, [X], '6 of 6 values are wrong; the furthest off is the one at [0, 0]: 1 instead of inf.'),
    (lambda n: n//2, lambda n: n/2, [4, 6], 'The value is right, but a whole number is asked for: use `//` or `int`.'),
    (lambda n: n//2, lambda n: n/2+.5, [4, 6], 'It is 2.5, where 2 is right.'),
    (lambda n: n//2, lambda n: n//2+1, [4, 6], 'It is 3, where 2 is right.'),
    (lambda n: n/2, lambda n: n>2, [4, 6], 'It is of type bool, where float'),
    (lambda n: n>2, lambda n: n>4, [4, 6], 'It is False, where True is right.'),
    (lambda n: n>2, lambda n: n, [4, 6], 'It is of type int, where bool'),
    (lambda n: 'a', lambda n: 'b', [4], 'It is b, where a is right.'),
    (lambda n: {1}, lambda n: 'b', [4], 'It is of type str, where set'),
    (lambda n: {1}, lambda n: {'a': 1}, [4], 'It is of type dict, where set'),
    (lambda n: print(end=''), lambda n: 1., [4], 'It is of type float, where None'),
    (lambda n: 1., lambda n: print(end=''), [4], 'It is None: is a `return` missing?'),
    (lambda n: 1., lambda n: tensor([1.]), [4], 'It is a tensor, where float'),
    (lambda n: 1., lambda n: (1., 2.), [4], 'It is 2 values, where float'),
    (lambda n: (1., 2.), lambda n: [1.], [4], 'It is 1 values, where 2 values is asked for.'),
    (lambda n: 1., lambda n: Ellipsis, [4], 'It is of type ellipsis, where float'),
    # exceptions
    (lambda n: 1/n, lambda n: math.log(n-1), [1], 'It raises ValueError: math domain error. That is line 1 of `<lambda>`.'),
    (lambda n: 1/n, lambda n: 0., [0, 0], 'It answers, where it must raise ZeroDivisionError.'),
    (lambda n: 1/n, lambda n: [][n], [0], 'It raises IndexError: list index out of range, where ZeroDivisionError is asked for.'),
    (lambda n: 1/n, lambda n: 3/n if n else 1/0, [0, 1, 2], 'Every value is 3 times the right one'),
    # parts
    (lambda x: {'a': x, 'b': 2*x}, lambda x: {'a': x, 'b': -2*x}, [X], 'In b: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: {'a': x, 'b': 2*x}, lambda x: {'a': x}, [X], 'It is a = [[1, -2], [3, 4], [0.5, 8]], where a = [[1, -2], [3, 4], [0.5, 8]], b = [[2, -4], [6, 8], [1, 16]] is right.'),
    (lambda x: {'x.g': x}, lambda x: {'x.g': None}, [X], 'Nothing is stored in `x.g`.'),
    (lambda x: {'x.g': x}, lambda x: {'x.g': -x}, [X], 'In … x.g … The sign is wrong: every value is the negative of the right one.'),
    (lambda x: (x, 2*x), lambda x: (x, x.t()), [X, Y], 'In value 1: It has shape (2, 3), where (3, 2) is asked for.'),
    (lambda x: (x, [x, 2*x]), lambda x: (x, [-x, x]), [X], 'In value 1: In value 0: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: (x, x), lambda x: (x, -x) if len(x)>2 else 3, [X, Y[:2]], 'In value 1: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: (x, x), lambda x: (x, None), [X], 'In value 1: It is None: is a `return` missing?'),
    (lambda x: (x, x) if len(x)>2 else 3., lambda x: (x, -x) if len(x)>2 else (1., 2.), [X, Y[:2]], 'In value 1: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: (x, x), lambda x: (x, -x) if len(x)>2 else (x,), [X, Y[:2]], 'In value 1: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: (x, x, x)[:len(x)], lambda x: (x, x, -x)[:len(x)], [X, Y[:2]], 'In value 2: The sign is wrong: every value is the negative of the right one.'),
    (lambda x: x, lambda x: -x if len(x)>2 else 'a', [X, Y[:2]], 'The sign is wrong: every value is the negative of the right one.'),
    # what can't be compared
    (lambda x: x, lambda x: torch.nested.nested_tensor([x, x[:1]]), [X], 'It gives an unusual tensor'),
    (lambda x: x, lambda x: torch.quantize_per_tensor(x, .5, 0, torch.quint8), [X], 'It gives an unusual tensor'),
    (lambda x: x, lambda x: x.to_sparse(), [X], 'It gives an unusual tensor'),
    (lambda x: (x, x), lambda x: (x, x.to('meta')), [X], 'It gives an unusual tensor'),
    (lambda n: n, lambda n: 2**63, [4], 'It is a whole number of more than 18 digits.'),
    (lambda n: n, lambda n: -2**63, [4], 'It is a whole number of more than 18 digits.'),
    (lambda n: n, lambda n: 2**63-1, [4], 'It is 9.22337e+18, where 4 is right.'),
]

def within(phrases, text): return all(o in text for o in phrases.split(' … ')) and text.startswith(phrases.split(' … ')[0][:6]*phrases[0].isupper())

@pytest.mark.parametrize('right, wrong, xs, diagnosis', FAULTS, ids=range(len(FAULTS)))
def test_what_is_wrong(toy, right, wrong, xs, diagnosis):
    assert within(diagnosis, said(toy(right, wrong, xs)))
    assert toy(right, right, xs).text=='99.1 solved: A toy.'

G,U = tensor([[.5, 2.], [-3., 1.], [4., .25]]),tensor([[3., -1.], [.5, 2.], [1., 7.]])
CALL = """
inp, out = xs[i].clone(), xs[i]*2
out.g = g
double(inp, out)
inp.g
"""
UPSTREAM = [ # what the answer stores in `inp.g`, where 2*out.g is right
    (lambda inp, out: 2+0*inp, 'The upstream gradient is missing: multiply by `out.g`.'), (lambda inp, out: 2*out.g+1, '6 of 6 values are wrong'), (lambda inp, out: -2*out.g, 'The sign is wrong'),
    (lambda inp, out: 2*out.g.sum(0), 'It is summed over axis 0, which should stay.'), (lambda inp, out: None, 'Nothing is stored'), (lambda inp, out: out.g, 'Every value is 0.5 times')]

@pytest.mark.parametrize('stored, diagnosis', UPSTREAM, ids=range(len(UPSTREAM)))
def test_a_gradient_that_is_wrong(toy, stored, diagnosis):
    "With the upstream gradient in `out.g`; and where it is an argument, `g`"
    def answer(inp, out):
        if (g := stored(inp, out)) is not None: inp.g = g
    def right(inp, out): inp.g = 2*out.g
    assert said(toy(right, answer, [X, Y], 'i, g = 0, G\ni, g = 1, U', call=CALL, given=dict(G=G, U=U))).startswith(diagnosis)

def test_an_upstream_gradient_that_is_an_argument(toy):
    xs = [(X, G), (Y, U)]
    assert said(toy(lambda x, g: 2*x*g, lambda x, g: 2*x, xs, '*xs[0]\n*xs[1]'))=='The upstream gradient is missing: multiply by `g`.'
    assert said(toy(lambda x, g: 2*x*g, lambda x, g: 2*x, [(X, G), (Y[:2], U[:2])], '*xs[0]\n*xs[1]'))=='The upstream gradient is missing: multiply by `g`.'

# --- how values are shown, and the text of a verdict ---------------------------------------------------------------------------

@pytest.mark.parametrize('o, text', [(ValueError('a\nb'), 'ValueError: a'), (ValueError(), 'ValueError'), (ValueError('x'*200), 'ValueError: '+'x'*108), (torch.arange(12), '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]'), (torch.arange(13), 'a tensor (13,)'),
    (-torch.arange(20.).double().view(4, 5), 'a tensor (4, 5) float64'), (torch.ones(13), 'a tensor (13,)'), (torch.ones(13).int(), 'a tensor (13,) int32'), (torch.zeros(0, 3), 'a tensor (0, 3)'), (torch.zeros(0).double(), 'a tensor (0,) float64'),
    (torch.ones(2).double(), '[1, 1] float64'), (torch.ones(1, requires_grad=True), '[1]'), (tensor([True]), '[True]'), (tensor(2.5), '2.5'), (1/3, '0.333333'), (1e-7, '1e-07'), (10**9, '1000000000'), ({'a': 1, 'b': tensor(2.)}, 'a = 1, b = 2'), ((), '()'), ((1,), '(1,)'), ((1, 2), '(1, 2)'), ([1], '[1]'), ([1, (2.5,)], '[1, (2.5,)]'),
    (math, str(math)[:100]), (partial(max, 1), str(partial(max, 1))), (check, 'check'), (ValueError, 'ValueError'), ('x'*200, 'x'*100), (None, 'None'), (True, 'True')], ids=lambda o: None)
def test_values_are_shown_short(o, text): assert engine._show(o)==text


def test_the_text_of_a_wrong_answer(toy):
    assert toy(lambda x: x, lambda x: -x, cases='tensor([1., 2.])').text=="""99.1 is not right yet. The sign is wrong: every value is the negative of the right one.
The smallest case that shows it, to paste and run:
    double(tensor([1., 2.]))
It gives [-1, -2]
wanted: [1, 2]"""
    engine._tries.clear()
    assert toy(lambda x: {'a': x, 'b': 2*x, 'c': x}, lambda x: {'a': x, 'b': x, 'c': -x}, cases='tensor([1., 2.])').text.splitlines()[3:]==['It gives b = [1, 2], c = [-1, -2]', 'wanted: b = [2, 4], c = [1, 2]'] # only what differs
    assert toy(lambda x: x, lambda x: print(end=''), cases='tensor([1., 2.])').text.splitlines()[3:5]==['It gives None', 'wanted: [1, 2]']
    assert toy(lambda: 2, lambda: 3, cases='').text.splitlines()[2]=='    double()'
    assert toy(lambda x: x, lambda x: x.add_(1).sub(1), cases='tensor([1., 2.])').text.splitlines()[:3]==['99.1 is not right yet. The values are right, but `x`, which it was given, is changed in place.', 'The smallest case that shows it, to paste and run:', '    double(tensor([1., 2.]))']
    assert 'It gives It gives' not in toy(lambda x: x, lambda x: x.to('meta'), cases='tensor([1., 2.])').text
    assert toy(lambda x: x, lambda x: -x, cases='torch.randn(2)').text.splitlines()[2:4]==['    torch.manual_seed(42)', '    double(torch.randn(2))']
    assert toy(lambda x: x, lambda x: -x, cases='a = tensor([1.])', call="""
        b = 2*a
        double(b)""").text.splitlines()[2:5]==['    a = tensor([1.])', '    b = 2*a', '    double(b)']

def test_what_is_no_function(toy):
    assert toy(lambda x: x, 3, [1.]).text.startswith('99.1 is not right yet. `check` needs `double` itself, not 3: leave out the brackets')
    assert 'needs `Double` itself' in toy(None, 3, [1.], solution="""
class Double:
    def __init__(self, x): self.x = 2*x""").text

@pytest.mark.parametrize('name, right, wrong', [('00.1', 7_840_016, 7_840_000), ('01.1', 300, 12_000), ('02.2', 1.414, 2.), ('03.1', 39_760, 39_700), ('06.1', 109_386, 109_184)])
def test_a_prediction(name, right, wrong):
    "A number in place of the function is the reader's prediction"
    assert check(name, right).state=='solved' and check(name, right).text==f'{name}: your prediction is right.'
    assert check(name, wrong).state=='wrong' and check(name, wrong).text==f'{name}: your prediction is not right.'
    assert check(name, 'many').state=='wrong' and check(name, ...).state=='blank'

def test_the_smallest_case_that_shows_it(toy):
    right = lambda x: x
    def wrong(x): return x if x<3 else 5*x
    for slips in ((), [('return x', 'return x if x<3 else 5*x', 'Five times.')]):
        v = toy(right, wrong, cases='1.\n3.\n4.', solution='def double(x): return x', slips=slips)
        assert v.text.splitlines()[2:5]==['    double(3.)', 'It gives 15', 'wanted: 3'] and (said(v)=='Five times.')==bool(slips)

def test_what_was_changed_in_place_is_named(toy):
    def swaps(a, b):
        b.neg_()
        return a-b.neg()
    def first_value(a, b):
        a[0,0] = 99.
        return 1
    def reshapes(a, b): return a.t_().t()-b
    def deep(a, b):
        a['w'][1].zero_()
        return 1
    def changed(right, wrong, cases='xs[0].clone(), xs[1].clone()'): return toy(lambda a, b: right(a, b), wrong, [X, Y], cases)
    assert 'The values are right, but `b`' in changed(lambda a, b: a-b, swaps).text
    assert 'The values are right, but `a`' in changed(lambda a, b: 1, first_value).text
    assert 'The values are right, but `a`' in changed(lambda a, b: a-b, reshapes).text
    assert 'The values are right, but `a`' in changed(lambda a, b: 1, deep, "{'w': [1, xs[0].clone()]}, 2").text
    assert changed(lambda a, b: a-b, lambda a, b: a.sub_(0)-b).state=='solved'

def test_an_answer_that_changes_nothing(toy):
    "Where the argument is to be changed, and the answer only binds its name anew"
    call = dict(cases='p = tensor([3., 4.])', call='double(p)\np')
    def right(p): p.mul_(2)
    def anew(p): p = 2*p # noqa: F841
    def inside(p): p[:] = 2*p
    assert said(toy(right, anew, **call)).startswith('It changes nothing') and toy(right, inside, **call).state=='solved'
    assert not said(toy(right, lambda p: p.mul_(3), **call)).startswith('It changes nothing')

def test_a_slip_comes_before_general_help(toy):
    half = dict(solution='def half(n): return n/2', slips=[('n/2', 'n/3', 'A third.'), ('n/2', 'n/4', 'A quarter.')])
    def of(answer, cases, **kwargs): return said(toy(None, answer, cases=cases, **half|kwargs))
    assert of(lambda n: n/3, '2.\n3.')=='A third.' and of(lambda n: n/4, '2.\n3.')=='A quarter.'
    assert of(lambda n: n/3 if n<3 else n, '2.\n3.')!='A third.'
    # an answer that raises is known by what it gives elsewhere, and where it must raise, by the rest
    assert of(lambda n: n/3 if n<3 else 1/0, '2.\n3.\n2.5')=='A third.'
    assert of(lambda n: 1/0 if n<3 else n/3, '2.\n3.\n4.')=='A third.'
    strict = dict(solution='def half(n): return n/2 if n else 1/0')
    for answer in (lambda n: n/3, lambda n: n/3 if n else 1/0): assert of(answer, '0.\n2.\n3.', **strict)=='A third.'
    assert of(lambda n: n/2, '0.\n2.', **strict)=='It answers, where it must raise ZeroDivisionError.'
    assert of(lambda n: 1/0, '2.\n3.')=='It raises ZeroDivisionError: division by zero. That is line 1 of `<lambda>`.'

def test_how_it_was_done(toy):
    "`watch`: right values by another way than was asked for, of a function and of a class, with and without a slip for it"
    watch = lambda o: {'a call of `mean`': 'mean' in o.names, 'more than n * m numbers': o.largest>6}
    call = dict(cases='torch.ones(3, 2)', watch=watch, solution='def double(x): return torch.ones(3)@x/3')
    v = toy(None, lambda x: x.mean(0), **call)
    assert said(v).startswith('The values are right, but not the way to them. a call of `mean`: True') and 'wanted:' not in v.text
    assert 'more than n * m numbers: True' in said(toy(None, lambda x: torch.stack([x, x]).sum((0, 1))/6, **call))
    assert toy(None, lambda x: x.t()@torch.ones(3)*(1/3), **call).state=='solved'
    assert toy(None, lambda x: torch.ones(3)@x.expand(9, 3, 2)[0]/3, **call).state=='solved' # an expanded tensor has no more numbers
    assert said(toy(None, lambda x: x.mean(0), **call, slips=[('torch.ones(3)@x/3', 'x.mean(0)', 'No mean, please.')]))=='No mean, please.'
    class Means:
        def __init__(self, x): self.x = x
        def __call__(self): return self.x.mean(0)
    cls = """
class Double:
    def __init__(self, x): self.x = x
    def __call__(self): return self.x.t()@torch.ones(3)/3"""
    assert 'a call of `mean`: True' in said(toy(None, Means, **call|dict(solution=cls, call='Double(x)()', cases='x = torch.ones(3, 2)')))

def test_watched_operations():
    x = torch.arange(6.).view(2, 3)
    with engine.Watch() as w: row,_ = x.sum(0, keepdim=True), x*2
    assert w.largest==6 and w.calls==2 and row.ndim==2 and 'sum' in w.names

def test_the_line_that_raised_is_named(toy):
    def inner(x): return x/0
    def outer(x):
        y = x+1
        return inner(y)
    class Adder:
        def __init__(self, x): pass
        def __call__(self, x):

            return [x][2]
    assert said(toy(lambda x: x, outer, [1.]))=='It raises ZeroDivisionError: float division by zero. That is line 3 of `outer`.'
    assert said(toy(lambda x: x, torch.no_grad()(outer), [1.])).endswith('That is line 3 of `outer`.')
    assert said(toy(None, Adder, cases='1.', call='Double(1.)(1.)', solution='class Double(float):\n    def __call__(self, x): return x'))=='It raises IndexError: list index out of range. That is line 3 of `__call__`.'
    assert said(toy(lambda x: x, math.log, [0.]))=='It raises ValueError: math domain error.'

def test_a_blank_is_no_answer(toy):
    def nothing(x): pass
    def dots(x): ...
    def told(x): "It has a docstring"
    def five(x): return 5
    def same(x): return x
    class Nothing:
        a = 5
        def __init__(self, x): pass
        def forward(self, x): ...
    class Half(Nothing):
        def forward(self, x): return x
    def close(x): return lambda: x # a cell variable
    for o in (..., nothing, dots, told, torch.no_grad()(nothing), Nothing): assert toy(lambda x: 7, o, [1.], task='Return 7.').text=='99.1 is not begun. Write `double`: Return 7.', o
    for o in (five, same, Half, close, len, 3, None, 'x'): assert toy(lambda x: 7, o, [1.]).state=='wrong', o

# --- the second wrong try, and the stepper -----------------------------------------------------------------------------------

def test_help_after_the_second_wrong_try(toy):
    def tried(answer, hint='Add.'): return 'hint(' in toy(lambda x: x, answer, [1.], hint=hint).text
    wrong,blank,right = (lambda x: -x),(lambda x: ...),(lambda x: x)
    assert [tried(o) for o in (wrong, blank, wrong, wrong, right, wrong, wrong)]==[False, False, True, True, False, False, True]
    assert not tried(wrong, hint='') # a blank has none
    engine._tries.clear()
    text = [toy(right, wrong, [1.], hint='Add.').text.splitlines()[-1] for _ in range(2)][1]
    assert text=="hint('99.1') helps you on, solution('99.1') shows ours."

def test_hint_solution_and_page(toy):
    toy(None, ..., cases='2.', solution='def half(n):\n    res = n/2\n    return res', task='Halve `n`.', hint='Divide.', slips=[('n/2', 'n/3', 'A third.')])
    assert hint('99.1')=='Divide.' and solution('99.1')._repr_markdown_()=='```python\ndef half(n):\n    res = n/2\n    return res\n```'
    text = page('99.1')._repr_markdown_()
    assert text.startswith('Halve `n`.') and text.count('<details>')==text.count('</details>')==3
    slips = text.split('Usual slips: 1</summary>')[1]
    assert 'A third.' in slips and all(l in slips.splitlines() for l in ('-    res = n/2', '+    res = n/3', '     return res'))
    for f in (hint, solution, page):
        with pytest.raises(ValueError, match="there is no exercise '99.7'"): f('99.7')

def test_the_stepper_opens_at_the_first_wrong_gradient():
    "`check` of an exercise with `steps`: none for a right answer, and for a wrong one it opens where the answer's gradient is"
    def wrong(inp, out): inp.g = out.g*out
    def right(inp, out): inp.g = out.g*out*(1-out)
    try:
        assert check('04.1', right).steps is None and check('04.1', right)._repr_html_() is None
        v = check('04.1', wrong)
        steps = v.steps._steps()
        assert [s.ok for s in steps[:v.steps.start]].count(False)==0 and steps[v.steps.start].ok is False and v.steps.start>0
        assert 'Usual' not in v._repr_html_() and v._repr_html_().startswith('<pre>04.1 is not right yet.') and f'data-start="{v.steps.start}"' in v._repr_html_()
        assert check('04.1', lambda inp, out: 1/0).steps is None # no pass to record
    finally: engine._tries.clear()

# --- what it leaves alone ---------------------------------------------------------------------------------------------------

def test_everything_outside_is_as_it_was():
    threads,state = torch.get_num_threads(),torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        with torch.inference_mode(), engine._apart():
            assert torch.get_num_threads()==1 and torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
            with warnings.catch_warnings(record=True) as seen: warnings.warn('x')
            assert not seen
            torch.set_default_dtype(torch.float64)
            torch.rand(3), random.random()
        assert torch.get_num_threads()==2 and torch.get_default_dtype()==torch.float32 and torch.equal(state, torch.get_rng_state())
        torch.set_default_dtype(torch.float64)
        with torch.no_grad(), engine._apart(): assert torch.get_default_dtype()==torch.float32 and torch.is_grad_enabled()
        assert torch.get_default_dtype()==torch.float64
        with pytest.raises(KeyError), engine._apart(): raise KeyError
        assert torch.get_num_threads()==2
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(torch.float32)

def test_random_answers_are_the_same_each_time(toy):
    seen = []
    def lucky(x):
        seen.append(torch.rand(1).item())
        return x
    toy(lambda x: x, lucky, [1., 2.])
    assert seen[0]==seen[1]!=torch.rand(1, generator=torch.Generator().manual_seed(0)).item()

def test_what_is_no_exercise():
    with pytest.raises(ValueError, match="there is no exercise '04.9'; there are 04.1, 04.2"): check('04.9', len)
    with pytest.raises(ValueError, match='there is no exercise 99; there are .*04.1'): check(99, len)

def test_an_exercise_asked_again_is_asked_anew(toy):
    "A cell that is run twice"
    toy(lambda x: 2*x, abs, [1.])
    assert toy(lambda x: 3*x, lambda x: 3*x, [1.]).state=='solved'

def fresh(source):
    "What `source` prints in a new process"
    res = subprocess.run([sys.executable, '-c', source], capture_output=True, text=True)
    assert not res.returncode, res.stderr
    return res.stdout

def test_exercises_are_loaded_when_one_is_asked_for():
    "Those of all lessons would be loaded with the package, or not at all"
    said = fresh("""import sys
from mlp_foundations.all import *
def loaded(): print([o.rpartition('.')[2] for o in sys.modules if 'exercises.' in o])
loaded(); print(check('04.1', lambda inp, out: 1).state); loaded(); print(check('06.1', lambda net: 1).state); loaded()""").splitlines()
    assert said==['[]', 'wrong', "['e04']", 'wrong', "['e04', 'e06']"]

def test_only_what_is_missing_is_loaded(monkeypatch):
    "An exercise that its notebook is changing would be replaced by that of the package"
    for o in [o for o in sys.modules if o.startswith('mlp_foundations.exercises.')]: monkeypatch.delitem(sys.modules, o)
    monkeypatch.setattr(engine, 'registry', {})
    assert check('04.1', lambda inp, out: 1).state=='wrong' and {k[:2] for k in engine.registry}=={'04'}
    exercise('06.1', 'Mine', 'same = right', '1.', given={'right': lambda x: x})
    assert check('06.1', lambda x: x).state=='solved' and '06.2' not in engine.registry

def test_where_exercises_are_loaded_makes_no_difference():
    "What they are made of would have the notebook's default dtype or grad mode, or use up its random numbers"
    def values(where): return fresh(f"""import torch
from mlp_foundations import check as engine
torch.manual_seed(1)
before = torch.get_rng_state()
{where}: every = engine.all_exercises()
assert torch.equal(before, torch.get_rng_state())
torch.set_default_dtype(torch.float32)
with engine._apart(): print([(k, [engine._show(r.value) for r in o.rights], [engine._show(r.value) for w in o.wrongs for r in w]) for k,o in every.items()])""")
    assert values('if True')==values('torch.set_default_dtype(torch.float64)\nwith torch.inference_mode()')

# --- blanks inside the lessons --------------------------------------------------------------------------------------------

all_exercises()
BLANKS = {k: o for k,o in sorted(registry.items()) if k[3:].isalpha()}

def spoilt(blank, line):
    "Our function of `blank`, but with another value at `line`"
    def f(*args):
        named = dict(zip(inspect.signature(blank.right).parameters, args))
        res,(name,*g) = blank.right(*args),line.split('.')
        if not g: return {k: 2*v+1 for k,v in res.items()} if isinstance(res, dict) else tuple(2*o+1 for o in res) if isinstance(res, tuple) else 2*res+1
        setattr(named[name], g[0], 2*getattr(named[name], g[0])+1)
        return res
    return f

@pytest.mark.parametrize('name', BLANKS)
def test_a_blank_knows_right_from_wrong(name):
    "A blank that takes every answer, or refuses ours"
    b = BLANKS[name]
    assert check(name, b.right).state=='solved'
    assert check(name, lambda *args: ...).text==f'{name} is not begun. (This cell may stay as it is.)'
    for line in b.lines or ['returned']:
        if line=='returned' or '.' in line and line.split('.')[0] in b.args:
            v = check(name, spoilt(b, line))
            assert v.state=='wrong' and f'{line}: right' not in v.text, v
            for other in b.lines:
                if '.' in other and other!=line: assert f'  {other}: right' in v.text, v

def grads(f, g, *ts):
    "The gradients of `f(*ts)` by autograd, `g` upstream"
    zs = [t.detach().clone().requires_grad_() for t in ts]
    return torch.autograd.grad(f(*zs), zs, g)

def store(f, g, *ts):
    for t,d in zip(ts, grads(f, g, *ts)): t.g = d

def stats(x, weights, act):
    outs = []
    for w in weights: outs.append(x := act(F.linear(x, w.t())))
    return tuple(torch.stack([getattr(o.double(), k)() for o in outs]).to(x) for k in ('mean', 'std'))

def mse_of_net(x, y, w1, b1, w2, b2): return F.mse_loss(F.linear(F.linear(x, w1.t(), b1).relu(), w2.t(), b2)[:,0], y)

def whole_backward(x, y, l1, l2, out, w1, b1, w2, b2):
    store(lambda x, w1, b1, w2, b2: mse_of_net(x, y, w1, b1, w2, b2), None, x, w1, b1, w2, b2)
    store(lambda out: F.mse_loss(out[:,0], y), None, out)
    store(lambda l2: F.mse_loss(F.linear(l2, w2.t(), b2)[:,0], y), None, l2)
    store(lambda l1: F.mse_loss(F.linear(l1.relu(), w2.t(), b2)[:,0], y), None, l1)

def layered(layers, loss, x, targ):
    f = lambda x: [x := F.relu(x) if not l.params() else F.linear(x, l.w.t(), l.b) for l in layers][-1]
    store(lambda x: F.mse_loss(f(x)[:,0], targ), None, x)
    return F.mse_loss(f(x)[:,0], targ)

def both(f, g, *ts): return f(*ts), *grads(f, g, *ts)
def names(o, prefix=''): return {f'{prefix}{k}': v for k,v in o._params.items()} | {k: v for n,c in o._children.items() for k,v in names(c, f'{prefix}{n}.').items()}

def tanh_in_place(inp, g):
    store(torch.tanh, g.clone(), inp)
    for t,to in ((g, inp.g), (inp, torch.tanh(inp))): t.copy_(to)

def stepped(w, b, lr):
    for p,g in ((w, w.g), (b, b.g)):
        p.grad = g
        torch.optim.SGD([p], lr).step()

OTHERWISE = {
    '00.a': lambda x, m, s: x.sub(m).div(s), '01.a': lambda a, b: torch.einsum('ik,kj->ij', a, b), '01.b': lambda a, b: F.linear(a, b.t()), '01.c': F.relu,
    '02.a': stats, '02.b': lambda x, w_var: x.square().sum(1).mean()*w_var, '02.c': lambda n_in, a: math.sqrt(2/n_in)/math.hypot(1, a),
    '03.a': lambda x, w1, b1, w2, b2: F.linear(F.linear(x, w1.t(), b1).relu(), w2.t(), b2), '03.b': lambda o, t: F.mse_loss(o.flatten(), t),
    '03.c': lambda n, m, nh: n*(nh*(2*m+1) + nh + 2*nh+1),
    '04.a': lambda x, g: torch.einsum('ij,ik->jk', x, g), '04.b': lambda inp, targ: store(lambda o: F.mse_loss(o[:,0], targ), None, inp),
    '04.c': lambda inp, out, w, b: store(lambda i, w, b: F.linear(i, w.t(), b), out.g, inp, w, b), '04.d': whole_backward,
    '05.a': lambda inp, out: store(F.relu, out.g, inp), '05.b': lambda inp, out, w, b: store(lambda i, w, b: F.linear(i, w.t(), b), out.g, inp, w, b),
    '05.c': layered, '05.d': lambda out, inp: store(torch.tanh, out.g, inp),
    '06.a': lambda inp, g: both(F.relu, g, inp)[1], '06.b': lambda inp, weight, bias, g: both(F.linear, g, inp, weight, bias)[1:], '06.c': names,
    '07.a': lambda x: F.log_softmax(x, 1), '07.b': lambda logits, targ: grads(lambda z: F.cross_entropy(z, targ), None, logits)[0], '07.c': stepped,
    '08.a': lambda n, sizes: 2*n*sum(map(math.prod, zip(sizes, sizes[1:])))*3 - 2*n*sizes[0]*sizes[1], '08.b': tanh_in_place,
    '09.a': lambda grads, rows: torch.tensordot(tensor(rows)/sum(rows), torch.stack(grads), 1),
    '09.b': lambda rank, step, world: next(k for k in range(world) if (k+step)%world==rank)}

@pytest.mark.parametrize('name', BLANKS)
def test_a_blank_asks_for_what_is_right(name):
    "A solution that is wrong itself: each is held to autograd, PyTorch or another formula"
    def wrapped(*args): return OTHERWISE[name](*args) # `check` looks for a function of the reader's
    v = check(name, wrapped)
    assert v.state=='solved', v

def test_each_blank_is_held_to_another_formula(): assert {*OTHERWISE}=={*BLANKS}

def test_the_gradient_of_relu_at_exactly_0():
    "An answer that passes the gradient on there"
    def at_0(inp, out): inp.g = out.g*(inp>=0)
    assert check('05.a', at_0).state=='wrong'

def test_how_a_blank_answers(toy):
    "Line by line: a helper variable under another name, an argument renamed, an error, a dtype, and what is not there"
    double = """
def double(x):
    y = x+x
    return y"""
    before = sys.getprofile()
    def of(answer): return toy(None, answer, cases='tensor([1., 2.])\ntensor([[3.]])', solution=double, lines='y, returned')
    assert of(lambda rows: 2*rows).state=='solved'
    assert 'y: not there yet\n  returned: Every value is 0.5 times' in of(lambda x: x).text
    def fails(x):
        y = x+x
        raise KeyError(y.shape)
    text = of(fails).text
    assert 'y: right\n  returned: not there yet' in text and 'KeyError' in text and 'line 3 of `fails`' in text
    assert 'dtype is torch.float64' in of(lambda x: 2*x.double()).text
    assert sys.getprofile() is before
