"What `trace` says about right gradients, wrong ones, and those that nobody can check; the page is looked at in test_trace.py."
import base64, html, io, itertools, re, stat
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from torch import tensor

from mlp_foundations.layers import Lin, Model, Module, Mse, Relu
from mlp_foundations.trace import _equation, _image, _lines, _numbers, _off, _section, _stats, _values, trace
from mlp_foundations.training import CrossEntropy
from draws import Shortcut

def rand(*size): return torch.randn(*size, generator=torch.Generator().manual_seed(3))
def between(layer, x=None): # the recording of a net with `layer` between two linear ones
    return trace(Model([Lin(rand(3, 2), rand(2)), layer, Lin(rand(2, 1), rand(1))], Mse()), rand(4, 3) if x is None else x, rand(4))
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
    got = said(trace(Model([Odd(b=lambda g: g/2), Odd(b=lambda g: 2*g), Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3).abs(), rand(4)))
    assert 'Odd.bwd makes up for another mistake' in got['x.g'] and 'The mistake is in Odd.bwd' in got['l1.g']

def test_a_gradient_of_another_shape_or_none():
    def of(b): return said(trace(Model([Odd(b=b), Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3), rand(4)))['x.g']
    assert of(lambda g: g.sum(0))=='DIFFERS from autograd: its shape is (3,) and should be (4, 3). The mistake is in Odd.bwd'
    assert of(lambda g: None)=='MISSING: Odd.bwd left no new gradient there'

def test_what_autograd_cannot_follow():
    n = itertools.count() # the calls of `forward`: the first is the pass itself
    for layer,why in ((Odd(lambda inp, out: out.detach()), "can't differentiate Odd.forward"), (Odd(lambda inp, out: out+next(n)), 'gives another output when it is run again'),
                      (Odd(lambda inp, out: out if next(n)%2==0 else out[:1]), 'gives another output'), (Odd(lambda inp, out: 1/0 if next(n) else out), "can't run Odd.forward: ZeroDivisionError")):
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
    got = said(trace(m, tensor([0, 2, 2]), tensor([0, 1, 1])))
    assert got['w1.g']=='agrees with autograd' and 'x.g' not in got

def test_the_lines_of_the_table():
    rec = trace(Model([Lin(tensor([[1.], [-2.]]), tensor([.5]))], Mse()), tensor([[1., 2.]]), tensor([1.]))
    table = rec.table()
    for o in ('Lin → Mse, 1 row: 6 steps. 4 of 4 gradients agree with autograd.', 'given     x (1, 2): [[1, 2]]', 'given     w1 (2, 1): [[1], [-2]]', 'given     targ (1,): [1]',
              'out = x · w1 + b1', 'value     (1, 1): [[-2.5]]', 'value     one number: 12.2', '∂L/∂out = 2/n (out − targ)', 'value     (1, 1): [[-7]]', 'value     (2, 1): [[-7], [-14]]', 'loss = mean of (out − targ)²'): assert o in table, table
    assert '(784, 12)' in trace(Model([Lin(rand(784, 12), rand(12))], CrossEntropy()), rand(2, 784), tensor([3, 4])).table()

# --- the words and numbers of a pass, each worked out by hand ---------------------------------------------------------------

def tiny(inp_g=True):
    "Two rows through Lin, Relu, Lin and Mse, in numbers for the head: l1 is [[1, 4], [0, -1]], so that two of four gates are shut, one of them at exactly 0"
    lins = [Lin(tensor([[1., -1.], [0., 2.]]), tensor([0., 1.])), Lin(tensor([[2.], [1.]]), tensor([.5]))]
    return trace(Model([lins[0], Relu(), lins[1]], Mse()), tensor([[1., 2.], [0., -1.]]), tensor([5.5, 1.5]), inp_g)

TINY = [ # phase, formula, value, what becomes of it
    ('forward', 'l1 = x · w1 + b1', '(2, 2): [[1, 4], [0, -1]]', 'goes on to Relu, layers[1]'),
    ('forward', 'l2 = max(0, l1)', '(2, 2): [[1, 4], [0, 0]]', 'goes on to Lin, layers[2]'),
    ('forward', 'out = l2 · w2 + b2', '(2, 1): [[6.5], [0.5]]', 'goes on to Mse, the loss'),
    ('loss', 'loss = mean of (out − targ)²', 'one number: 1', 'is where the forward pass ends, and the backward pass begins: ∂L/∂L = 1'),
    ('backward', 'out.g = ∂L/∂out = 2/n (out − targ) × ∂L/∂L', '(2, 1): [[1], [-1]]', 'goes back to Lin, layers[2], as its upstream gradient'),
    ('backward', 'l2.g = ∂L/∂l2 = ∂L/∂out · w2ᵀ', '(2, 2): [[2, 1], [-2, -1]]', 'goes back to Relu, layers[1], as its upstream gradient'),
    ('backward', 'w2.g = ∂L/∂w2 = l2ᵀ · ∂L/∂out', '(2, 1): [[1], [4]]', 'stays at w2, for a step of training: w2 −= lr × w2.g'),
    ('backward', 'b2.g = ∂L/∂b2 = 1ᵀ · ∂L/∂out', '(1,): [0]', 'stays at b2, for a step of training: b2 −= lr × b2.g'),
    ('backward', 'l1.g = ∂L/∂l1 = (l1 > 0) × ∂L/∂l2', '(2, 2): [[2, 1], [0, 0]]', 'goes back to Lin, layers[0], as its upstream gradient'),
    ('backward', 'x.g = ∂L/∂x = ∂L/∂l1 · w1ᵀ', '(2, 2): [[1, 2], [0, 0]]', 'ends here: how fast the loss goes up with each value of the input'),
    ('backward', 'w1.g = ∂L/∂w1 = xᵀ · ∂L/∂l1', '(2, 2): [[2, 1], [4, 2]]', 'stays at w1, for a step of training: w1 −= lr × w1.g'),
    ('backward', 'b1.g = ∂L/∂b1 = 1ᵀ · ∂L/∂l1', '(2,): [2, 1]', 'stays at b1, for a step of training: b1 −= lr × b1.g')]

@pytest.mark.parametrize('inp_g', [True, False])
def test_the_whole_table(inp_g):
    rows = [o for o in TINY if inp_g or not o[1].startswith('x.g')]
    want = f'''Lin → Relu → Lin → Mse, 2 rows: {len(rows)} steps. {len(rows)-4} of {len(rows)-4} gradients agree with autograd.

     given     x (2, 2): [[1, 2], [0, -1]]
     given     w1 (2, 2): [[1, -1], [0, 2]]
     given     b1 (2,): [0, 1]
     given     w2 (2, 1): [[2], [1]]
     given     b2 (1,): [0.5]
     given     targ (2,): [5.5, 1.5]
'''.splitlines()
    for i,(phase,formula,value,then) in enumerate(rows, 1):
        name,back = formula.split(' = ')[0],phase=='backward'
        want += ['', f'{i:3}  {phase:8}  {formula}', f'     value     {value}', *[f'     autograd  {value}', f'     check     {name} agrees with autograd']*back, f'     then      {name} {then}']
    assert [o for o in tiny(inp_g).table().splitlines() if not o.startswith('     code ')]==want

def terms(rec):
    "Of each step the terms of its formula, with their part and value, and the signs between them"
    return {s.name: [o if isinstance(o, str) else (o.name, o.role, o.value if o.value is None else o.value.tolist()) for o in s.terms] for s in rec._steps()}

def test_the_factors_of_each_formula():
    x,w1,w2,l2,local,up = [[1, 2], [0, -1]],[[1, -1], [0, 2]],[[2], [1]],[[1, 4], [0, 0]],'local','upstream'
    got,l1,l1g,l2g,outg = terms(tiny()),[[1, 4], [0, -1]],('l1.g', up, [[2, 1], [0, 0]]),('l2.g', up, [[2, 1], [-2, -1]]),('out.g', up, [[1], [-1]])
    assert got=={
        'l1': [('x', '', x), ' · ', ('w1', '', w1), ' + ', ('b1', '', [0, 1])], 'l2': ['max(0, ', ('l1', '', l1), ')'],
        'out': [('l2', '', l2), ' · ', ('w2', '', w2), ' + ', ('b2', '', [.5])], 'loss': ['mean of (', ('out', '', [[6.5], [.5]]), ' − ', ('targ', '', [5.5, 1.5]), ')²'],
        'out.g': [('2/n (out − targ)', local, [[1], [-1]]), ' × ', ('loss.g', up, 1)],
        'l2.g': [outg, ' · ', ('w2ᵀ', local, [[2, 1]])], 'w2.g': [('l2ᵀ', local, [[1, 0], [4, 0]]), ' · ', outg], 'b2.g': [('1ᵀ', local, [[1, 1]]), ' · ', outg],
        'l1.g': [('(l1 > 0)', local, [[1, 1], [0, 0]]), ' × ', l2g],
        'x.g': [l1g, ' · ', ('w1ᵀ', local, [[1, 0], [-1, 2]])], 'w1.g': [('xᵀ', local, [[1, 0], [2, -1]]), ' · ', l1g], 'b1.g': [('1ᵀ', local, [[1, 1]]), ' · ', l1g]}

def test_a_cross_entropy_by_hand():
    x = tensor([[0., 3.]]).log1p() # ln 1 and ln 4, less .5 and plus .5, and a third output of 0: e to the outputs is 1, 4 and 1
    rec = trace(Model([Relu(.5), Lin(tensor([[1., 0, 0], [0, 1, 0]]), torch.full((3,), .5)), Lin(torch.eye(3), tensor([0., 0, -.5]))], CrossEntropy()), x, tensor([2]))
    table,got = rec.table(),terms(rec)
    for o in ('l1 = max(0, x) − 0.5', 'loss = mean of −log softmax(out) at targ', 'value     one number: 1.79', # ln 6
              'out.g = ∂L/∂out = 1/n (softmax(out) − onehot(targ)) × ∂L/∂L', 'autograd  (1, 3): [[0.167, 0.667, -0.833]]'): assert o in table, table
    p,hot,up = (o for o in got['out.g'] if not isinstance(o, str))
    assert p[:2]==('softmax(out)', 'local') and p[2][0]==pytest.approx([1/6, 4/6, 1/6]) and hot==('onehot(targ)', 'local', [[0, 0, 1]]) and up==('loss.g', 'upstream', 1)

class Square(Module):
    "each value times itself"
    def forward(self, inp): return inp*inp
    def bwd(self, out, inp): inp.g = 2*inp*out.g

class Total(Module):
    "the sum of each row"
    def forward(self, inp): return inp.sum(1, keepdim=True)
    def bwd(self, out, inp): inp.g = out.g.expand(inp.shape)

class Pick(Embed):
    "One number of `w` for each number: an output of the input's shape, with no slope by it"
    def bwd(self, out, inp): self.w.g = torch.zeros_like(self.w).index_add_(0, inp.flatten(), out.g.flatten())

class Loss(Module):
    "the sum of all, whatever the targets are"
    def forward(self, inp, targ): return inp.sum()
    def bwd(self, loss, inp, targ): inp.g = torch.ones_like(inp)

class Blind(Module):
    "twice its input, by a way that autograd doesn't see"
    def forward(self, inp): return torch.tensor((2*inp).tolist())
    def bwd(self, out, inp): inp.g = 2*out.g
class Blinder(Blind): "another"

def test_the_formulas_of_layers_of_ones_own():
    x = tensor([[1., -3.]])
    rec = trace(Model([Square(), Spread(), Total()], Loss()), x, tensor([0.]))
    up = ('l1.g', 'upstream', [[1, 1]])
    assert terms(rec)|dict(loss=0)=={
        'l1': ['Square(', ('x', '', [[1, -3]]), ')'], 'l2': ['Spread(', ('l1', '', [[1, 9]]), ')'], 'out': ['Total(', ('l2', '', [[5, 5]]), ')'], 'loss': 0,
        'out.g': [('(∂loss/∂out)ᵀ', 'local', [[1]]), ' · ', ('loss.g', 'upstream', 1)], 'l2.g': [('(∂out/∂l2)ᵀ', 'local', [[1], [1]]), ' · ', ('out.g', 'upstream', [[1]])],
        'l1.g': [('(∂l2/∂l1)ᵀ', 'local', [[.5, .5], [.5, .5]]), ' · ', ('l2.g', 'upstream', [[1, 1]])], 'x.g': [('Square′(x)', 'local', [[2, -6]]), ' × ', up]}
    assert 'loss = Loss(out, targ)' in rec.table() and '∂L/∂x = Square′(x) × ∂L/∂l1' in rec.table()

def test_the_formula_of_a_layer_with_weights():
    got = terms(trace(Model([Pick(tensor([1., 2., 3.]))], Loss()), tensor([[2, 0]]), tensor([0.])))
    assert got['out']==['Pick(', ('x', '', [[2, 0]]), ', ', ('w1', '', [1, 2, 3]), ')'] and got['w1.g'][0]==('(∂out/∂w1)ᵀ', 'local', [[0, 1], [0, 0], [1, 0]])
    assert 'x.g' not in got # whole numbers have no gradient

@pytest.mark.parametrize('size, there', [(65_536, True), (65_537, False)])
def test_no_matrix_of_more_than_65536_slopes(size, there):
    s = next(s for s in trace(Model([Total()], Loss()), torch.ones(1, size), tensor([0.]))._steps() if s.name=='x.g')
    assert (s.terms[0].value is not None)==there and ('too large to draw, or unknown' in _equation(s))==(not there)

# --- the lines of code ---------------------------------------------------------------------------------------------------------

class Scale(Module):
    "`inp` times s\nand no more"
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp):
        "this is no line"
        n = 1
        return n*inp*self.s # times s
    def bwd(self, out, inp):
        "nor is this"
        self.s.g = (out.g*inp).sum(0)
        inp.g = (out.g *
                 self.s)
        inp.seen = inp.g

class Hidden(Scale):
    def bwd(self, out, inp):
        self.s.g = (out.g*inp).sum(0)
        setattr(inp, 'g', out.g*self.s)

class Loose(Square):
    def forward(self, *args):
        if len(args)>1: return None
        return args[0]*args[0]
    def bwd(self, *args): args[1].g = 2*args[1]*args[0].g

def back(layer): return [s for s in trace(Model([layer, Square()], Loss()), tensor([[1., 2.]]), tensor([0.]))._steps() if s.call.name==type(layer).__name__]

def test_the_lines_of_each_step():
    there,s,x = back(Scale(tensor([3., 4.]))) # in the order of their lines: the weight's gradient before the input's
    assert there.code==[('n = 1', False), ('return n*inp*self.s # times s', True)]
    lines = 'self.s.g = (out.g*inp).sum(0)','inp.g = (out.g *\n         self.s)','inp.seen = inp.g'
    assert (s.name,s.code)==('s1.g', list(zip(lines, (True, False, False)))) and (x.name,x.code)==('x.g', list(zip(lines, (False, True, False))))
    assert '     code      Scale.bwd: self.s.g = (out.g*inp).sum(0)\n     value ' in '\n'.join(_lines(2, s))
    assert [s.name for s in back(Hidden(tensor([3., 4.])))]==['l1', 'x.g', 's1.g'] # a line that isn't found stands first

def test_where_no_line_is_the_one():
    there,x = back(Loose())
    assert [one for _,one in there.code+x.code]==[False, False, False]
    assert [o for o in _lines(1, there) if ' code ' in o]==['     code      Loose.forward: if len(args)>1: return None', '     code      Loose.forward: return args[0]*args[0]']
    made = {}
    exec('class Far(Square):\n def forward(self, inp): return inp*inp\n def bwd(self, out, inp): inp.g = 2*inp*out.g', dict(globals(), __name__='nowhere'), made)
    there,x = back(made['Far']())
    assert '     code      Far.bwd: (its source is not at hand)' in [*_lines(2, x)] and '<pre class="t-code">  (its source is not at hand)</pre>' in _section(x, 2, 2)

# --- what is said about a gradient --------------------------------------------------------------------------------------------

class Through(Module):
    "what comes, as it comes"
    def forward(self, inp): return inp*1
    def bwd(self, out, inp): inp.g = out.g
class Sure(Through):
    "ones, whatever comes"
    def bwd(self, out, inp): inp.g = torch.ones_like(inp)
class Wrong(Through):
    "`g`, whatever comes"
    def __init__(self, g): self.g = g
    def bwd(self, out, inp):
        if self.g is not None: inp.g = self.g
def check(*layers, x=None, loss=None): return trace(Model(layers, loss or Loss()), torch.ones(2, 3) if x is None else x, torch.ones(2))

@pytest.mark.parametrize('g, shape', [(torch.ones(3), '(3,)'), (torch.ones(2, 1), '(2, 1)'), (torch.ones(0, 3), '(0, 3)'), (torch.ones(2, 3, 1), '(2, 3, 1)'), (5., '()'), (7, '()')])
def test_an_upstream_gradient_of_another_shape(g, shape):
    rec = check(Sure(), Wrong(g))
    assert said(rec)['l1.g']==f'DIFFERS from autograd: its shape is {shape} and should be (2, 3). The mistake is in Wrong.bwd'
    assert said(rec)['x.g'].startswith('not compared: the backward pass did not reach Sure: ')

def test_no_upstream_gradient():
    "The layer that left no gradient is named, not only the one that missed it"
    rec = check(Sure(), Wrong(None))
    got = said(rec)
    assert got['l1.g']=='MISSING: Wrong.bwd left no new gradient there'
    assert got['x.g'].startswith('not compared: the backward pass did not reach Sure: Sure.backward: the output (2, 3) has no .g of its shape')
    l1,x = (_equation(s) for s in rec._steps()[-2:])
    assert '<span> ≠</span><figure>nothing</figure>' in l1 and 'none came' in x

def test_an_error_in_a_bwd_is_raised():
    with pytest.raises(ZeroDivisionError): check(Odd(b=lambda g: 1/0))

class Running(Through):
    "Counts its calls in place, as a layer with running statistics does"
    def __init__(self): self.n = torch.zeros(1)
    def forward(self, inp):
        self.n += 1
        return inp*1

def test_the_model_stays_as_it_was():
    "Running statistics, gradients, the last call, random numbers: a trace that runs the user's own objects changes them"
    w,b,x,run = rand(3, 1),rand(1),rand(4, 3),Running()
    m,state = Model([run, Lin(w, b)], Mse()),torch.get_rng_state()
    m(x, rand(4))
    out = m.out
    trace(m, x+0, rand(4)).table()
    assert run.n==1 and m.out is out and not hasattr(w, 'g') and w.grad is None and torch.equal(state, torch.get_rng_state())
    m.backward() # still follows its own last call

def test_a_model_with_a_forward_of_its_own():
    "Right gradients are not called wrong because a value has a second way to the loss"
    rec = trace(Shortcut([Lin(rand(3, 2), rand(2)), Relu(), Lin(rand(2, 1), rand(1))], Mse()), rand(4, 3), rand(4))
    got = said(rec)
    assert 'DIFFER' not in rec.table() and got['x3.g']=='agrees with autograd' and got['w1.g'].endswith('no further back than Lin')

def test_a_model_that_does_not_return_its_loss():
    class Twice(Model):
        def forward(self, x, targ=None): return 2*super().forward(x, targ)
    with pytest.raises(TypeError, match='returns the value of its loss; Twice.forward'): trace(Twice([Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3), rand(4))

def test_truth_values_as_input():
    class Weigh(Scale):
        "`s` where `inp` is true"
        def forward(self, inp): return inp*self.s
        def bwd(self, out, inp): self.s.g = (out.g*inp).sum(0)
    assert said(check(Weigh(tensor([1., 2., 3.])), x=torch.ones(2, 3)>0))=={'out.g': 'agrees with autograd', 's1.g': 'agrees with autograd'}

def test_a_mistake_that_makes_up_for_another():
    rec = check(Odd(b=lambda g: g/2), Odd(b=lambda g: 2*g))
    assert rec.table().startswith('Odd → Odd → Loss, 2 rows: 6 steps. 2 of 3 gradients DIFFER from autograd: l1.g, x.g.')

def test_one_value_of_many():
    rec = check(Wrong(torch.ones(2, 3).index_put((tensor(1), tensor(2)), tensor(4.))), Through())
    assert said(rec)['x.g']=='DIFFERS from autograd in 1 of 6 values, the first at [1, 2]: 4 by hand, 1 by autograd. The mistake is in Wrong.bwd'

def test_where_autograd_got_stuck_first():
    rec = check(Through(), Blind(), Through(), Blinder(), Through())
    got = said(rec)
    assert got['l4.g']=='agrees with autograd' and all(got[k]=='agrees with autograd for the upstream gradient that came; autograd got no further back than Blinder' for k in ('l2.g', 'x.g'))
    assert all(got[k]==f"not compared: autograd can't differentiate {o}.forward, whose output doesn't know what it was made from" for k,o in (('l3.g', 'Blinder'), ('l1.g', 'Blind')))
    assert '6 steps' not in rec.table() and 'Loss, 2 rows: 12 steps. 4 of 6 gradients agree with autograd; not compared: l3.g, l1.g.' in rec.table()
    s = next(s for s in rec._steps() if s.name=='l3.g')
    assert '<span> =</span>' in _equation(s) and 'by autograd' not in _equation(s) and '? l3.g not compared' in _section(s, 1, 1)

def test_a_weight_that_is_not_used():
    class Idle(Scale):
        "its `s` changes nothing"
        def forward(self, inp): return inp*1
        def bwd(self, out, inp): inp.g,self.s.g = out.g,torch.zeros_like(self.s)
    class Vain(Loss):
        "has a weight that changes nothing"
        def __init__(self): self.v = torch.ones(1)
        def params(self): return [self.v]
        def bwd(self, loss, inp, targ): inp.g,self.v.g = torch.ones_like(inp),torch.zeros(1)
    for layers,loss,name,cls in (([Idle(torch.ones(3))], None, 's1.g', 'Idle'), ([Idle(torch.ones(3)), Blind()], None, 's1.g', 'Idle'), ([Through()], Vain(), 'v1.g', 'Vain')):
        got = said(check(*layers, loss=loss))
        assert got[name]==f'not compared: autograd finds no way to it from the output of {cls}' and got['x.g'].startswith('agrees with autograd')

def test_another_kind_of_output_in_the_second_run():
    n = itertools.count()
    assert "can't differentiate Odd.forward" in said(check(Odd(lambda inp, out: [out] if next(n) else out)))['x.g']

def test_rows_that_are_lost_in_the_second_run():
    n = itertools.count()
    assert 'gives another output when it is run again' in said(check(Odd(lambda inp, out: out if next(n)==0 else out[:1])))['x.g'] # though all rows are alike

def test_the_value_by_autograd_is_the_right_one_wherever_the_mistake_is():
    s = check(Square(), Wrong(7*torch.ones(2, 3)))._steps()[-1]
    assert s.want.tolist()==[[2.]*3]*2 and s.value.tolist()==[[14.]*3]*2 and s.said.endswith('Square.bwd is right, but the upstream gradient that it was given is wrong')

def test_gradients_of_zeros_infinities_and_nans():
    fit = said(trace(Model([Lin(torch.eye(1), torch.zeros(1)), Relu()], Mse()), tensor([[1.], [2.]]), tensor([1., 2.]))) # nothing left to learn
    assert set(fit.values())=={'agrees with autograd'}
    nan,inf = float('nan'),float('inf')
    for x in (nan, inf): assert set(said(check(Square(), Square(), x=tensor([[1., x, 2.]]))).values())=={'agrees with autograd'}
    got = said(check(Wrong(tensor([[nan, 1., 1.]]).expand(2, 3))))['x.g']
    assert got=='DIFFERS from autograd in 2 of 6 values, the first at [0, 0]: nan by hand, 1 by autograd. The mistake is in Wrong.bwd'
    got = said(check(Odd(b=lambda g: g*1.001), Square(), x=tensor([[1., inf, 2.]])))['x.g']
    assert 'in 2 of 3 values' in got, 'an infinity beside it hides no mistake'

@pytest.mark.parametrize('k, x, p, up, want, allowed', [ # the upstream's largest sum of sizes in a row or column, times the largest input (for a weight) or weight (for the input), at least 1
    (1, [[3., -5.]], [[8.]], [[1., -2.], [3., 4.]], [0.], 4*7*5), (0, [[3., -5.]], [[8.]], [[1., -2.], [3., 4.]], [0.], 4*7*8), (0, [[3.]], [[8., 1.], [9., -2.]], [[1., 3.], [-2., 4.]], [0.], 4*7*9),
    (1, [[.5]], [[8.]], [[2.]], [0.], 4*2), (0, [[3.]], [[.25]], [[2.]], [0.], 4*2), (1, [[-6.]], [[8.]], [1., -2.], [0.], 4*3*6), (1, [[1.]], [[8.]], [[[1., 2.]], [[-4., 3.]]], [0.], 4*10),
    (0, [[3.]], [[8.]], None, [0.], 4*3), (1, [[3.]], [[8.]], None, [0.], 4*3), (1, [[1.]], [[8.]], [[0.]], [0.], 0), (1, [[1.]], [[8.]], [[]], [0.], 0),
    (1, [[3., float('inf')]], [[8.]], [[float('nan'), 2., float('-inf')]], [0.], 4*2*3), (0, [[3.]], [], [[2.]], [0.], 4*2),
    (1, [[1.]], [[8.]], [[0.]], [-5., 1.], 5*2**20.8), (1, [[1.]], [[8.]], [[0.]], [.5, float('nan')], .5*2**20.8), (1, [[1.]], [[8.]], [[0.]], [.5, float('-inf')], .5*2**20.8)]) # (2^-52)^0.6 = 2^-31.2: a share of the largest gradient
def test_how_far_two_right_gradients_may_be_apart(k, x, p, up, want, allowed):
    x,p,up,want = (o if o is None else tensor(o, dtype=torch.float64) for o in (x, p, up, want))
    c,allowed = SimpleNamespace(args=[x, tensor(100.)], params=[p] if p.numel() else [], out_g=up),allowed*2.**-52
    for by in (allowed*.999, -allowed*.999): assert not _off(c, k, want+by, want).any()
    for by in (allowed*1.001 or 5e-324, -allowed*1.001 or -5e-324): assert _off(c, k, want+by, want)[want.isfinite()].all()
    assert _off(c, k, want.new_zeros(7), want).any()

def test_what_cannot_be_shown_is_refused():
    class Two(Through):
        "a pair"
        def forward(self, inp): return inp,inp
        def bwd(self, out, inp): inp.g = inp
    class Of(Loss):
        "the sum of the first"
        def forward(self, inp, targ): return inp[0].sum()
        def bwd(self, loss, inp, targ): pass
    for layers,loss,x,y,message in (([Two()], Of(), torch.ones(2, 3), torch.ones(2), 'Two has no tensor to return'), ([Through()], Loss(), torch.ones(2, 3), [1], 'tensors; Loss, the loss, was given or made a list'),
                                    ([Through()], Loss(), torch.ones(0, 3), torch.ones(2), r'with values; Through, layers\[0\], was given or made one of shape \(0, 3\)'), ([Scale(torch.ones(0))], Loss(), torch.ones(2, 1), torch.ones(2), r'shape \(0,\)')):
        with pytest.raises(TypeError, match=message): trace(Model(layers, loss), x, y)

def test_the_rows_are_those_that_came_in():
    class First(Through):
        "the first row"
        def forward(self, inp): return inp[:1]
        def bwd(self, out, inp): inp.g = torch.cat([out.g, torch.zeros_like(inp[1:])])
    assert repr(check(First()))=='<trace of First → Loss, 2 rows>' and check(First(), x=torch.ones(1, 3)).table().startswith('First → Loss, 1 row: 4 steps. 2 of 2')

# --- numbers and pictures -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('size, text', [((4, 12), None), ((12, 4), None), ((12,), None), ((), None), ((2, 2, 3), None), ((7, 7), 'mean'), ((49,), 'mean'), ((13,), 'mean'), ((13, 1), 'mean'), ((1, 13), 'mean'), ((2, 3, 4), None), ((2, 1, 13), 'mean'), ((2, 13, 1), 'mean')])
def test_small_tensors_are_written_out(size, text):
    t = torch.arange(float(torch.Size(size).numel())).view(size)
    assert _values(t)==str(t.long().tolist()) if not text else _values(t).startswith(text)

def test_statistics():
    assert _stats(tensor([1., 2., 6.]))=='mean 3, std 2.16, from 1 to 6' and _stats(tensor([[1.], [3.]]))=='mean 2, std 1, from 1 to 3' and _stats(tensor([5.]))=='5' # 2.16² = (4+1+9)/3
    assert _stats(tensor([1., float('inf'), float('inf')])).endswith('to inf; 2 not finite')

def picture(t, ink=False):
    "The image of `t`: pixels, size on the page, caption, width"
    tag,how,wide = _image(t, 'w1', ink)
    w,h,alt = re.search(r'width="(\d+)" height="(\d+)" alt="(.*?)" src="data:image/png;base64,', tag).groups()
    assert html.unescape(alt)==f'Heat map of w1, {tuple(t.shape)}: {_stats(t)}; {how}'
    im = Image.open(io.BytesIO(base64.b64decode(tag.partition('base64,')[2].rstrip('">'))))
    return torch.frombuffer(bytearray(im.tobytes()), dtype=torch.uint8).view(im.height, im.width),(int(w), int(h)),how,wide

TURNED,LARGEST = 'turned: columns run across','each square is the largest in size of {} × {} values'
@pytest.mark.parametrize('size, pixels, page, how', [ # rows and columns; then width and height on the page
    ((5, 11), (5, 11), (176, 80), ''), ((12, 5), (12, 5), (80, 192), ''), ((13, 5), (5, 13), (208, 80), TURNED), ((14, 7), (14, 7), (98, 196), ''), ((16, 7), (7, 16), (256, 112), TURNED),
    ((4, 40), (4, 40), (280, 28), ''), ((40, 20), (40, 20), (100, 200), ''), ((67, 34), (67, 34), (68, 134), ''),
    ((13,), (1, 13), (208, 16), ''), ((13, 1), (1, 13), (208, 16), TURNED), ((32,), (2, 32), (256, 16), ''), ((1, 50), (3, 50), (250, 15), ''), ((2, 5, 4), (2, 20), (280, 28), ''),
    ((128, 100), (128, 100), (100, 128), ''), ((129, 100), (65, 100), (200, 130), LARGEST.format(2, 1)), ((100, 129), (100, 65), (130, 200), LARGEST.format(1, 2)), ((256, 256), (128, 128), (128, 128), LARGEST.format(2, 2)),
    ((300, 140), (70, 100), (200, 140), f'{TURNED}; {LARGEST.format(2, 3)}'), ((259, 260), (87, 87), (174, 174), LARGEST.format(3, 3)),
    ((784,), (28, 28), (112, 112), 'as 28 × 28 pixels'), ((784, 1), (28, 28), (112, 112), 'as 28 × 28 pixels'), ((3, 784), (28, 86), (86, 28), 'each row as 28 × 28 pixels'), ((784, 3), (28, 86), (86, 28), 'each column as 28 × 28 pixels'),
    ((13, 784), (57, 289), (289, 57), 'each row as 28 × 28 pixels'), ((60, 784), (173, 289), (289, 173), 'each row as 28 × 28 pixels'), ((61, 784), (173, 289), (289, 173), 'each row as 28 × 28 pixels, the first 60 of 61'),
    ((784, 400), (173, 289), (289, 173), 'each column as 28 × 28 pixels, the first 60 of 400'), ((784, 784), (173, 289), (289, 173), 'each row as 28 × 28 pixels, the first 60 of 784'), ((2000, 784), (173, 289), (289, 173), 'each row as 28 × 28 pixels, the first 60 of 2000')])
def test_how_a_tensor_is_drawn(size, pixels, page, how):
    got,on_page,text,wide = picture(torch.ones(size))
    assert (tuple(got.shape), on_page, text, wide)==(pixels, page, '; '.join(o for o in ('white 0, black 1', how) if o), max(page[0], 160))

@pytest.mark.parametrize('ink, vs, shades, grey', [
    (False, [4., -2., 0., -4.], 'white -4, grey 0, black 4', [0, 191, 127, 255]), (False, [1., -4., 2.], 'white -4, grey 0, black 4', [96, 255, 64]), # 255 less (v+4)/8 of 255
    (False, [-2., -4.], 'white -4, grey 0, black 4', [191, 255]), (False, [1., 3., 0.], 'white 0, black 3', [170, 0, 255]), (False, [.5, 2.], 'white 0, black 2', [191, 0]), (False, [0., 0.], 'white 0, black 0', [255, 255]),
    (True, [4., -2., 1.], 'white -2, black 4', [0, 255, 127]), (True, [1., 3., 2.], 'white 1, black 3', [255, 0, 127]), (True, [2., 2.], 'white 2, black 2', [255, 255]), (True, [-4., -2.], 'white -4, black -2', [255, 0]),
    (False, [float('nan'), 2., float('inf'), float('-inf'), -1.], 'white -2, grey 0, black 2', [255, 0, 0, 255, 191]),
    (False, [float('nan')], 'white 0, black 0', [255]), (True, [float('nan')], 'white 0, black 0', [255]), (True, [float('inf'), float('-inf')], 'white 0, black 0', [255, 255])])
def test_the_shades_of_a_picture(ink, vs, shades, grey):
    t = tensor((vs*20)[:20]).view(1, 20) # 20 of a kind, or a few again and again
    got,_,how,_ = picture(t, ink)
    assert how==shades and got[0].tolist()==(grey*20)[:20]

def test_each_square_shows_the_largest_in_size():
    m = torch.zeros(259, 260)
    m[0,2],m[0,1],m[258,0],m[3,259],m[4,258] = 2.,-5.,-1.,3.,-3. # the last square of a row or column has one or two values; of two as large, that above 0 is shown
    got = picture(m)[0]
    assert {(i,j): got[i,j].item() for i,j in got.ne(127).nonzero().tolist()}=={(0,0): 255, (86,0): 153, (1,86): 51} # 255 less (v+5)/10 of 255

def test_pictures_of_digits_stand_beside_and_below_each_other():
    m = torch.arange(1., 14)[:,None].expand(13, 784).clone()
    m[11,5*28+3] = 17. # row 12, in its own row 5, column 3
    got,_,how,_ = picture(m)
    assert how.startswith('white 0, black 17') and got[29+5,29+3]==0 and got.eq(0).sum()==1
    for i in range(20):
        r,c = 29*(i//10),29*(i%10)
        assert got[r+27,c+27]==(255 if i>12 else 255-round((i+1)*15)), i # 13 of them, 15 shades each; no more
    assert (got[28]==255).all() and (got[:,28::29]==255).all()

def test_a_few_numbers_are_a_table():
    def cells(t): return re.findall(r'<(t[hd])[^>]*?(?:--v:([\d.]+)[^>]*)?>(.*?)</', _numbers(t, 'a<b')[0])
    assert cells(tensor([[1., -4.], [0., 2.]]))==[('td', '0.25', '1'), ('td', '1.00', '-4'), ('td', '0.00', '0'), ('td', '0.50', '2')]
    assert cells(tensor([float('nan'), .5, float('-inf')]))==[('td', '0.00', 'nan'), ('td', '1.00', '0.5'), ('td', '1.00', '-inf')] and cells(tensor([0., 0.]))==[('td', '0.00', '0')]*2
    assert cells(torch.full((2,), float('nan')))==[('td', '0.00', 'nan')]*2
    row,how = _numbers(torch.ones(6), 'a<b')
    assert row.startswith('<table aria-label="a&lt;b, (6,)"><tr><td ') and row.count('<tr>')==1 and how==''
    row,how = _numbers(torch.arange(7.), 'v')
    assert row.count('<tr>')==7 and '<tr><th scope="row">6</th><td style="--v:1.00">6</td></tr>' in row and how=='drawn as a column'
    assert [_numbers(torch.ones(o), 'v')[0].count('<tr>') for o in ((2, 7), (7, 1), (1, 1))]==[2, 7, 1]

# --- the page -------------------------------------------------------------------------------------------------------------------

def sections(rec): return [ElementTree.fromstring(re.sub(r'<br>|(<img[^>]*)>', lambda m: f'{m[1]}/>' if m[1] else '\n', o)) for o in re.findall('<section.*?</section>', rec._stepper(), re.S)]
def texts(o, cls): return [''.join(e.itertext()) for e in o.iter() if e.get('class')==cls]

def test_the_steps_as_a_page():
    steps = sections(tiny())
    assert [texts(o, 't-title') for o in steps]==[[f'Step {i} of 12, {phase}: {o}'] for i,(phase,o) in enumerate(zip([o[0] for o in TINY],
        ['Lin, layers[0]', 'Relu, layers[1]', 'Lin, layers[2]', 'Mse, the loss', 'Mse, the loss', *['Lin, layers[2]']*3, 'Relu, layers[1]', *['Lin, layers[0]']*3]), 1)]
    assert [o.get('aria-label') for o in steps]==[f'Step {i} of 12' for i in range(1, 13)]
    assert [texts(o, 't-formula') for o in steps]==[[re.sub(r'\b(x|[a-z]\d)ᵀ', r'\1T', f)] for _,f,_,_ in TINY]
    assert [texts(o, 't-then') for o in steps]==[[f"{f.split(' = ')[0]} {then}."] for _,f,_,then in TINY]
    assert [texts(o, 't-said') for o in steps]==[[]]*4+[[f"✓ {f.split(' = ')[0]} agrees with autograd."] for _,f,_,_ in TINY[4:]]
    docs = [texts(o, 't-doc')[0] for o in steps]
    assert docs[0]=='Lin.forward: A linear layer, inp @ w + b. Here inp is x, self.w is w1, self.b is b1, out is l1.' and docs[2].endswith('. Here inp is l2, self.w is w2, self.b is b2.')
    assert docs[3].startswith('Mse.forward: ') and docs[3].endswith('. Here inp is out.') and docs[4].startswith('Mse.bwd: ')
    assert all(o.find('.//figure').get('style') is None for o in steps) # tables of numbers are as wide as they are

def equation(o): return [(e.find('span').text or '', ' '.join(td.text for td in e.iter('td')), ''.join(e.find('.//figcaption').itertext())) for e in o.iter() if (e.get('class') or '').startswith('t-term')]
def test_the_equation_of_a_step():
    steps = sections(tiny())
    assert equation(steps[0])==[('', '1 2 0 -1', 'x (2, 2)\n'), (' · ', '1 -1 0 2', 'w1 (2, 2)\n'), (' + ', '0 1', 'b1 (2,)\n'), (' =', '1 4 0 -1', 'l1 (2, 2)\n')]
    assert equation(steps[9])==[('', '2 1 0 0', 'l1.g (2, 2)\nupstream'), (' · ', '1 0 -1 2', 'w1T (2, 2)\nlocal'), (' =', '1 2 0 0', 'x.g (2, 2)\nby hand'), ('=', '1 2 0 0', 'x.g (2, 2)\nby autograd')]
    wrong = sections(check(Odd(b=lambda g: g+1)))[-1] # x.g is 2, and 1 by autograd
    assert equation(wrong)[-2:]==[(' ≠', '2 2 2 2 2 2', 'x.g (2, 3)\nby hand'), ('≠', '1 1 1 1 1 1', 'x.g (2, 3)\nby autograd')] and texts(wrong, 't-said t-wrong')[0].startswith('✗ x.g DIFFERS')

def test_only_the_input_is_drawn_as_ink():
    x = torch.linspace(-1, 3, 60).view(4, 15)
    first,last = sections(trace(Model([Lin(torch.linspace(-1, 3, 240).view(15, 16), torch.zeros(16))], Loss()), x, torch.ones(4)))[::4][:2]
    captions = {c.partition(' ')[0]: c for step in (first, last) for *_,c in equation(step)}
    assert captions['x'].endswith('\nwhite -1, black 3') and 'white -1, black 3' in captions['xT']
    assert 'grey 0' in captions['out'] # the product, by hand, is no input either
    assert captions['w1']=='w1 (15, 16)\nmean 1, std 1.16, from -1 to 3\nwhite -3, grey 0, black 3'
    figure = first.find('.//figure')
    assert figure.get('style')=='width: 240px' and figure.find('img').get('width')=='240' # 15 columns of 16 pixels

def test_the_words_about_a_class():
    class Mute(Through): pass
    class Says(Through): "\n    with `code` <here>\n    and more"
    for layer,text in ((Mute(), 'Mute.forward: Here inp is x.'), (Says(), 'Says.forward: with code <here>. Here inp is x.')): assert texts(sections(check(layer))[0], 't-doc')==[text]

def test_the_code_on_the_page():
    there,s,x = back(Scale(tensor([3., 4.])))
    assert '<pre class="t-code">  self.s.g = (out.g*inp).sum(0)\n▸ inp.g = (out.g *\n           self.s)\n  inp.seen = inp.g</pre>' in _section(x, 6, 6)

def test_the_map_and_the_buttons():
    page = check(Through(), Odd(b=lambda g: g+1))._stepper()
    nav = ElementTree.fromstring('<nav>'+html.unescape(re.search('data-html="(.*?)"', page)[1])+'</nav>')
    boxes = [(o.find('b').text, *[[(b.get('data-to'), ''.join(b.itertext()), b.get('title')) for b in span.iter('button')] for span in o.iter('span')]) for o in nav.iter('li')]
    assert boxes==[('Through', [('0', 'l1', 'l1 = Through(x)')], [('5', 'x.g ✗', 'x.g = ∂L/∂x = Through′(x) × ∂L/∂l1')]), ('Odd', [('1', 'out', 'out = Odd(l1)')], [('4', 'l1.g ✗', 'l1.g = ∂L/∂l1 = Odd′(l1) × ∂L/∂out')]),
                   ('Loss', [('2', 'loss', 'loss = Loss(out, targ)')], [('3', 'out.g', 'out.g = ∂L/∂out = (∂L/∂out)ᵀ · ∂L/∂L')])]
    assert [(b.get('data-by'), b.text) for b in nav.iter('button') if b.get('data-by')]==[('-6', 'first'), ('-1', '← back'), ('1', 'next →'), ('6', 'last')]
    assert '.mlp-trace [hidden]' in page and '.mlp-trace .t-eq' in page # both halves of the style

def test_what_is_saved(tmp_path):
    rec,path = tiny(),tmp_path/'pass.html'
    assert rec.save(str(path))==path and rec._stepper() in path.read_text(encoding='utf-8') and stat.S_IMODE(path.stat().st_mode)==0o644
    assert rec._repr_mimebundle_()=={'text/html': rec._stepper(), 'text/plain': rec.table()}
    with pytest.raises(IsADirectoryError, match='is a folder: name a file in it'): rec.save(tmp_path)
    with pytest.raises(FileNotFoundError, match='there is no folder .* to save b.html in'): rec.save(tmp_path/'a'/'b.html')
    assert [o.name for o in tmp_path.iterdir()]==['pass.html']

def test_models_that_it_can_not_follow():
    "A layer called twice, one not called, an error before any layer's `bwd`"
    class Again(Model):
        def forward(self, x, targ=None): return self.loss(self.layers[1](self.layers[0](self.layers[0](x))), targ)
    class Skip(Model):
        def forward(self, x, targ=None): return self.loss(self.layers[1](x), targ)
    class Early(Model):
        def bwd(self, out, x, targ): raise KeyError('too early')
    layers = lambda: [Lin(rand(3, 3), rand(3)), Lin(rand(3, 1), rand(1))]
    for model,kind,text in ((Again, TypeError, r'layers\[0\], was called again'), (Skip, TypeError, r'layers\[0\], was not called'), (Early, KeyError, 'too early')):
        with pytest.raises(kind, match=text): trace(model(layers(), Mse()), rand(4, 3), rand(4))

class Careless(Relu):
    "Takes an upstream gradient of any shape"
    def backward(self): self.bwd(self.out, *self.args)
    def bwd(self, out, inp): inp.g = torch.ones_like(inp)

def test_a_layer_that_takes_an_upstream_gradient_of_any_shape():
    "An error of trace's own, or silence, where a layer goes on with a gradient that doesn't fit its output"
    class Short(Lin):
        def bwd(self, out, inp):
            super().bwd(out, inp)
            inp.g = inp.g[:1]
    class Blind(Careless): # autograd finds no way through it either
        def forward(self, inp): return super().forward(inp).detach()
    def rec(layer): return trace(Model([Lin(rand(3, 2), rand(2)), layer, Short(rand(2, 1), rand(1))], Mse()), rand(4, 3), rand(4))
    got = said(rec(Careless()))
    assert 'its shape is (1, 2) and should be (4, 2)' in got['l2.g'] and 'Careless.bwd was given no upstream gradient of the right shape' in got['l1.g'], got
    assert "can't differentiate Blind.forward" in said(rec(Blind()))['l1.g']
    for g,ok in ((lambda o: o.g[:1], False), (lambda o: None, False), (lambda o: o.g+0, True)): # behind a layer that autograd can't pass
        class Blinding(Blind):
            def bwd(self, out, inp): inp.g = g(out)
        got = said(trace(Model([Careless(), Blinding(), Lin(rand(3, 1), rand(1))], Mse()), rand(4, 3), rand(4)))['x.g']
        assert ('Careless was given no upstream gradient of the right shape' in got)==(not ok), got

def test_the_sign_of_an_equation():
    "A gradient that is missing is not equal to anything; one that was not reached is not called unequal"
    class Nothing(Relu):
        def bwd(self, out, inp): pass
    rec = trace(Model([Lin(rand(3, 2), rand(2)), Nothing(), Lin(rand(2, 1), rand(1))], Mse()), rand(4, 3), rand(4))
    steps = {s.name: s for s in rec._steps() if s.phase=='backward'}
    assert 'MISSING' in steps['l1.g'].said and _equation(steps['l1.g']).count('≠')==2 # the formula, and autograd's
    assert 'did not reach' in steps['w1.g'].said and _equation(steps['w1.g']).count('≠')==1 # autograd's

def test_whose_mistake_a_wrong_loss_is():
    class Double(Mse):
        def bwd(self, out, inp, targ):
            super().bwd(out, inp, targ)
            inp.g = 2*inp.g
    got = said(trace(Model([Lin(rand(3, 2), rand(2)), Relu(), Lin(rand(2, 1), rand(1))], Double()), rand(4, 3), rand(4)))
    assert 'The mistake is in Double.bwd' in got['out.g']
    assert all('is right, but the upstream' in got[k] for k in ('l2.g', 'w2.g', 'l1.g', 'w1.g', 'x.g')), got

def test_the_numbers_of_a_loss():
    "The local gradient that is drawn is the one that the formula names"
    out,targ = rand(4, 1),rand(4)
    step = next(s for s in trace(Model([Lin(torch.ones(1, 1), torch.zeros(1))], Mse()), out, targ)._steps() if s.name=='out.g')
    assert torch.allclose(step.terms[0].value, 2/4*(out-targ[:,None]))
