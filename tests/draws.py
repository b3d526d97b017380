"Random tensors of every memory layout, how near is near, and a model with a forward of its own: what several tests share."
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from mlp_foundations.layers import Model

torch.set_num_threads(1)

def prop(examples=40, **kw):
    "A property of random cases: always the same ones, without a deadline"
    def f(test): return settings(max_examples=examples, derandomize=True, deadline=None, database=None)(given(**kw)(test))
    return f

def around(t): # the middle of a larger tensor of NaN
    return F.pad(t, (1,2)*t.ndim, value=torch.nan)[(slice(1,-2),)*t.ndim]

LAYOUTS = dict(contiguous=lambda t: t, transposed=lambda t: t.mT.contiguous().mT if t.ndim>1 else t, sliced=around,
               strided=lambda t: torch.stack([t, torch.full_like(t, torch.nan)], -1)[...,0], expanded=lambda t: t[:1].expand_as(t))

class Draw:
    "Random tensors of one dtype, each laid out in memory as the next of `layouts` says"
    def __init__(self, seed, dtype, layouts): self.gen,self.dtype,self.layouts,self.i = torch.Generator().manual_seed(seed),dtype,layouts,0
    def __call__(self, *shape):
        self.i += 1
        t = torch.randn(shape, generator=self.gen, dtype=torch.float64).to(self.dtype)
        return LAYOUTS[self.layouts[self.i%len(self.layouts)]](t)
    def __repr__(self): return f'Draw({self.gen.initial_seed()}, {self.dtype}, {self.layouts})'

draws = st.builds(Draw, st.integers(0, 2**31), st.sampled_from([torch.float32, torch.float64]),
                  st.lists(st.sampled_from(list(LAYOUTS)), min_size=1, max_size=7))
rows,width = st.one_of(st.integers(1, 8), st.sampled_from([17, 64])),st.integers(1, 9)

def autograd(f, g, *ts):
    "f(*ts) and its gradients for the upstream gradient `g`, in float64, by torch's own derivatives"
    ts = [t.detach().double().clone().requires_grad_() for t in ts]
    out = f(*ts)
    return [out.detach(), *torch.autograd.grad(out, ts, torch.as_tensor(g).double().expand_as(out))]

def close(got, want, bound):
    """Each of `got` is a plain tensor like that of `want`, wrong by no more than rounding: a few hundred units in the last place of `bound`,
    the sum of the sizes of the terms that a value is made of"""
    assert len(got)==len(want)==len(bound)
    for i,(a,b,c) in enumerate(zip(got, want, bound)):
        assert a.shape==b.shape and a.dtype==got[0].dtype and not a.requires_grad, (i, a.shape, b.shape, a.dtype)
        assert ((a.double()-b).abs() <= 200*torch.finfo(a.dtype).eps*c).all(), (i, a, b)

class Shortcut(Model):
    "Around its second layer leads a way: out = layers[2](a + layers[1](a)) for a = layers[0](x), so that `a` is used twice"
    def forward(self, x, targ=None):
        self.a = self.layers[0](x)
        self.s = self.a+self.layers[1](self.a)
        out = self.layers[2](self.s)
        return out if targ is None else self.loss(out, targ)
    def bwd(self, out, x, targ=None):
        self.loss.backward()
        self.layers[2].backward()
        self.layers[1].out.g = self.s.g
        self.layers[1].backward()
        self.a.g = self.a.g+self.s.g
        self.layers[0].backward()
