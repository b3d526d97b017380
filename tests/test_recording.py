"What `trace` says about right gradients, wrong ones, and those that nobody can check; the page is looked at in test_trace.py."
import itertools

import pytest
import torch
from mlp_foundations.layers import Lin, Model, Module, Mse, Relu
from mlp_foundations.trace import trace
from mlp_foundations.training import CrossEntropy

def rand(*size): return torch.randn(*size, generator=torch.Generator().manual_seed(3))
def between(layer, x=None): # the recording of a net with `layer` between two linear ones
    return trace(Model([Lin(rand(3, 2), rand(2)), layer, Lin(rand(2, 1), rand(1))], Mse()), rand(4, 3) if x is None else x, rand(4), inp_g=True)
def said(rec): return {s.name: s.said for s in rec._steps() if s.phase=='backward'}

class Odd(Relu):
    "A ReLU whose two methods are changed by `f` and `b`"
    def __init__(self, f=lambda inp, out: out, b=lambda g: g):
        super().__init__()
        self.f,self.b = f,b
    def forward(self, inp): return self.f(inp, super().forward(inp))
    def bwd(self, out, inp):
        super().bwd(out, inp)
        inp.g = self.b(inp.g)

class Spread(Module):
    "Each output is the mean of its row: no slope of one value by one value"
    def forward(self, inp): return inp.mean(1, keepdim=True).expand(inp.shape)
    def bwd(self, out, inp): inp.g = out.g.mean(1, keepdim=True).expand(inp.shape)

class Embed(Module):
    "Rows of `w` by their numbers, which have no gradient"
    def __init__(self, w): self.w = w
    def params(self): return [self.w]
    def forward(self, inp): return self.w[inp]
    def bwd(self, out, inp): self.w.g = torch.zeros_like(self.w).index_add_(0, inp, out.g)

def test_right_gradients_agree():
    for layer in (Relu(), Relu(.5), Odd(), Spread()):
        rec = between(layer)
        assert all(o=='agrees with autograd' for o in said(rec).values()) and '8 of 8 gradients agree' in rec.table()
    assert set(said(rec))=={'out.g', 'l2.g', 'w2.g', 'b2.g', 'l1.g', 'x.g', 'w1.g', 'b1.g'}

@pytest.mark.parametrize('size, wrong', [(1e-3, 1e-3), (1., 1e-3), (1e3, .1)])
def test_how_much_is_rounding(size, wrong):
    for by,ok in ((1e-5, True), (-1e-5, True), (wrong, False), (-wrong, False)):
        got = said(between(Odd(b=lambda g: g*(1+by)), rand(4, 3)*size))['l1.g']
        assert got.startswith('agrees' if ok else 'DIFFERS'), (by, got)

def test_whose_mistake_it_is():
    got = said(between(Odd(b=lambda g: g+1)))
    assert 'The mistake is in Odd.bwd' in got['l1.g'] and 'in 8 of 8 values, the first at [0, 0]' in got['l1.g']
    for k in ('w1.g', 'b1.g', 'x.g'): assert 'Lin.bwd is right, but the upstream gradient that it was given is wrong' in got[k]
    for k in ('out.g', 'l2.g', 'w2.g', 'b2.g'): assert got[k]=='agrees with autograd'
    got = said(trace(Model([Odd(b=lambda g: g/2), Odd(b=lambda g: 2*g), Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3).abs(), rand(4), inp_g=True))
    assert 'Odd.bwd makes up for another mistake' in got['x.g'] and 'The mistake is in Odd.bwd' in got['l1.g']

def test_a_gradient_of_another_shape_or_none():
    def of(b): return said(trace(Model([Odd(b=b), Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3), rand(4), inp_g=True))['x.g']
    assert of(lambda g: g.sum(0))=='DIFFERS from autograd: its shape is (3,) and should be (4, 3). The mistake is in Odd.bwd'
    assert of(lambda g: None)=='MISSING: Odd.bwd left no new gradient there'

def test_what_autograd_cannot_follow():
    n = itertools.count() # the calls of `forward`: the first is the pass itself
    for layer,why in ((Odd(lambda inp, out: out.detach()), "can't differentiate Odd.forward"), (Odd(lambda inp, out: out+next(n)), 'gives another output when it is run again'),
                      (Odd(lambda inp, out: out if next(n)%2==0 else out[:1]), 'gives another output'), (Odd(lambda inp, out: 1/0 if torch.is_grad_enabled() else out), "can't run Odd.forward: ZeroDivisionError")):
        n = itertools.count()
        rec = between(layer)
        got = said(rec)
        assert 'not compared' in got['l1.g'] and why in got['l1.g'], got
        assert got['w2.g']=='agrees with autograd' and got['w1.g']=='agrees with autograd for the upstream gradient that came; autograd got no further back than Odd'
        assert '; not compared: l1.g' in rec.table()

def test_random_numbers_are_the_same_again():
    assert 'not compared' not in said(between(Odd(lambda inp, out: out*(torch.rand(out.shape)>.5))))['l1.g']

def test_numbers_that_have_no_gradient():
    m = Model([Embed(rand(3, 2)), Lin(rand(2, 2), rand(2))], CrossEntropy())
    got = said(trace(m, torch.tensor([0, 2, 2]), torch.tensor([0, 1, 1])))
    assert got['w1.g']=='agrees with autograd' and 'x.g' not in got

def test_the_lines_of_the_table():
    rec = trace(Model([Lin(torch.tensor([[1.], [-2.]]), torch.tensor([.5]))], Mse()), torch.tensor([[1., 2.]]), torch.tensor([1.]))
    table = rec.table()
    for o in ('Lin → Mse, 1 row: 5 steps. 3 of 3 gradients agree with autograd.', 'given     x (1, 2): [[1, 2]]', 'given     w1 (2, 1): [[1], [-2]]', 'given     targ (1,): [1]',
              'out = x · w1 + b1', 'value     (1, 1): [[-2.5]]', 'value     one number: 12.2', '∂L/∂out = 2/n (out − targ)', 'value     (1, 1): [[-7]]', 'value     (2, 1): [[-7], [-14]]', 'loss = mean of (out − targ)²'): assert o in table, table
    assert '(784, 12)' in trace(Model([Lin(rand(784, 12), rand(12))], CrossEntropy()), rand(2, 784), torch.tensor([3, 4])).table()
