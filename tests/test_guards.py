"Odd input: a clear error that names what is wrong, or the right value; never a silent wrong one. One test a row, one line a case."
import copy, math

import pytest
import torch
import torch.nn.functional as F
from mlp_foundations import nn
from mlp_foundations.backward import check_grads, forward_and_backward, lin_grad, mse_grad, relu_grad
from mlp_foundations.data import normalize, test_near as near, test_near_zero as near_zero
from mlp_foundations.forward import mse
from mlp_foundations.init import kaiming_normal, layer_stats
from mlp_foundations.layers import Lin, Model, Module, Mse, Relu
from mlp_foundations.matmul import lin, matmul, matmul_broadcast, matmul_dot, matmul_einsum, matmul_loops, relu
from mlp_foundations.training import SGD, CrossEntropy, accuracy, cross_entropy, fit, log_softmax

torch.set_num_threads(1)

inf,nan = math.inf,math.nan
MATMULS = [matmul_loops, matmul_dot, matmul_broadcast, matmul_einsum, matmul]

def rand(*shape, dtype=torch.float32, seed=0): return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)
def ints(*shape, seed=0): return torch.randint(3, shape, generator=torch.Generator().manual_seed(seed))
def with_g(t, g):
    t.g = g
    return t

def refused(f, *said, kind=ValueError):
    "`f()` raises `kind`, and its text names everything in `said`"
    with pytest.raises(kind) as e: f()
    for o in said: assert str(o) in str(e.value), str(e.value)

def right_or_refused(f, want, *said, tol=1e-5):
    "`f()` is the right value, or is refused with an error that names `said`"
    try: got = f()
    except ValueError as e:
        for o in said: assert str(o) in str(e), str(e)
        return
    want = torch.as_tensor(want).double()
    got = torch.as_tensor(got).double()
    assert got.shape==want.shape
    torch.testing.assert_close(got, want, rtol=tol, atol=tol*float(want[want.isfinite()].abs().max()) if want.isfinite().any() else tol, equal_nan=True)

class Same(Module):
    "A layer that gives back what it gets, and lets through any gradient as it is"
    def forward(self, inp): return inp.clone()
    def bwd(self, out, inp): inp.g = out.g

class Exp(Module):
    "A layer whose derivative is made from its output"
    def forward(self, inp): return inp.exp()
    def bwd(self, out, inp): inp.g = out.g*out

class Scale(Module):
    "A layer with a weight of its own, and no fused step of its own"
    def __init__(self, a): self.a = a
    def params(self): return [self.a]
    def forward(self, inp): return inp*self.a
    def bwd(self, out, inp): inp.g,self.a.g = out.g*self.a,(out.g*inp).sum(0)

def net(c=None, dtype=torch.float32, kind=Lin, seed=0):
    "3 inputs, 4 hidden units, and `c` classes, or one number"
    k = c or 1
    return Model([kind(rand(3, 4, dtype=dtype, seed=seed), rand(4, dtype=dtype, seed=1)), Relu(), Lin(rand(4, k, dtype=dtype, seed=2), rand(k, dtype=dtype, seed=3))],
                 CrossEntropy() if c else Mse())

def quiet(model, x, y, **kw): return fit(model, x, y, **dict(dict(epochs=1, progress=False, shuffle=False), **kw))

# --- shapes -----------------------------------------------------------------------------------------------------------

def trained(loss): return lambda out, targ: quiet(Model([Same()], loss()), out, targ)
def valid(loss, x, y): return lambda out, targ: quiet(Model([Same()], loss()), x, y, valid=(out, targ))

MSES = dict(mse=mse, mse_grad=mse_grad, mse_fn=nn.mse_fn, Mse=lambda out, targ: Mse()(out, targ), Model=lambda out, targ: Model([Same()], Mse())(out, targ),
            step=lambda out, targ: Model([Same()], Mse()).step(out, targ, .1), fit=trained(Mse), valid=valid(Mse, rand(4, 1), rand(4)))
CES = dict(cross_entropy=cross_entropy, CrossEntropy=lambda out, targ: CrossEntropy()(out, targ), accuracy=accuracy, Model=lambda out, targ: Model([Same()], CrossEntropy())(out, targ),
           step=lambda out, targ: Model([Same()], CrossEntropy()).step(out, targ, .1), fit=trained(CrossEntropy), valid=valid(CrossEntropy, rand(4, 3), ints(4)))

@pytest.mark.parametrize('f', ['mse', 'mse_fn', 'Mse', 'Model'])
def test_a_column_against_a_row_of_targets(f):
    out,targ = rand(5, 1),rand(5, seed=1)
    near(MSES[f](out, targ), F.mse_loss(out[:,0], targ))
    mse_grad(out, targ)
    near(out.g, 2/5*(out-targ[:,None]))

@pytest.mark.parametrize('out, targ', [((5,1), (5,1)), ((5,), (5,)), ((5,), (5,1)), ((5,3), (5,)), ((5,3), (5,3)), ((5,1), (1,)), ((5,1), (4,)), ((5,1), ()), ((0,1), (0,)), ((2,5,1), (2,5)), ((5,1,1), (5,))])
@pytest.mark.parametrize('f', MSES)
def test_shapes_of_mse(f, out, targ): refused(lambda: MSES[f](rand(*out), rand(*targ)), out, targ)

@pytest.mark.parametrize('out, targ', [((5,3), (5,1)), ((5,3), (5,3)), ((5,3), (4,)), ((5,3), (1,)), ((5,3), ()), ((5,), (5,)), ((3,), ()), ((2,5,3), (2,5)), ((0,3), (0,)), ((5,0), (5,))])
@pytest.mark.parametrize('f', CES)
def test_shapes_of_labels(f, out, targ): refused(lambda: CES[f](rand(*out), ints(*targ)), out, targ)

LINS = dict(lin=lin, Lin=lambda x, w, b: Lin(w, b)(x), linear_fn=lambda x, w, b: nn.linear_fn(x, w.mT, b), Model=lambda x, w, b: Model([Lin(w, b)], Mse())(x),
            lin_grad=lambda x, w, b: lin_grad(x, with_g(torch.ones(5, 2), torch.ones(5, 2)), w, b), fit=lambda x, w, b: quiet(Model([Lin(w, b)], CrossEntropy()), x, ints(5)),
            step=lambda x, w, b: Model([Lin(w, b)], CrossEntropy()).step(x, ints(5), .1))

@pytest.mark.parametrize('x, w, b', [((5,3), (4,2), (2,)), ((5,3), (3,2), (3,)), ((5,3), (3,2), (1,)), ((5,3), (3,2), (1,2)), ((5,3), (3,2), (5,2)), ((5,3), (3,2), ()), ((3,), (3,2), (2,)), ((4,5,3), (3,2), (2,)), ((5,3), (1,3,2), (2,))])
@pytest.mark.parametrize('f', LINS)
def test_shapes_of_a_linear_layer(f, x, w, b):
    said = ((x,) if len(x)!=2 else (w, b)) if f=='fit' else (x, b) if f=='linear_fn' else (x, w, b) # fit tries one row, linear_fn has its weight transposed
    refused(lambda: LINS[f](rand(*x), rand(*w), rand(*b)), *said)

@pytest.mark.parametrize('a, b', [((2,3), (2,3)), ((3,), (3,2)), ((2,3), (3,)), ((1,2,3), (3,2)), ((1,2,3), (1,3,2))])
@pytest.mark.parametrize('f', MATMULS)
def test_shapes_of_products(f, a, b):
    refused(lambda: f(rand(*a), rand(*b)), a, b)
    if len(a)!=1: refused(lambda: layer_stats(rand(*a), [rand(*b)]), a, b)

def test_shapes_of_gradients():
    x,w,b,out = rand(5, 3),rand(3, 2),rand(2),rand(5, 2)
    for g in (rand(5, 1), rand(2), rand(5, 3), rand()):
        refused(lambda: lin_grad(x, with_g(out, g), w, b), (5,2), tuple(g.shape))
        refused(lambda: relu_grad(out, with_g(relu(out), g)), (5,2), tuple(g.shape))
        for l,inp in ((Lin(w, b), x), (Relu(), out)):
            l(inp).g = g
            refused(l.backward, (5,2), tuple(g.shape))
        refused(SGD([with_g(rand(5, 2), g)], .1).step, (5,2), tuple(g.shape))
    refused(lambda: lin_grad(x, with_g(rand(5, 3), rand(5, 3)), w, b), (5,2), (5,3))
    refused(lambda: relu_grad(x, with_g(out, out)), (5,3), (5,2))

def test_shapes_that_would_be_broadcast():
    for m in (rand(5, 1), rand(2, 5)): refused(lambda: normalize(rand(5), m, 1.), (5,), tuple(m.shape))
    refused(lambda: normalize(rand(5), 0., torch.ones(5, 1)), (5,), (5,1))
    near(normalize(rand(5, 3), rand(3), torch.ones(3)), rand(5, 3)-rand(3))
    for a,b in (((5,1), (5,)), ((5,), (1,)), ((1,5), (5,)), ((), (1,))): refused(lambda: near(torch.ones(a), torch.ones(b)), a, b, kind=AssertionError)
    def f(x): x.g = torch.ones(1); return x.sum()
    refused(lambda: check_grads(f, rand(3)), (1,), (3,), kind=AssertionError)

def test_three_dimensions_where_they_make_sense():
    x = rand(2, 3, 4)
    near(relu(x), x.relu())
    near(Relu()(x), x.relu())
    near(log_softmax(x), F.log_softmax(x, -1))
    near(normalize(x, 1., 2.), (x-1)/2)

def test_a_batch_of_one():
    x,y,label = rand(1, 3),rand(1),torch.tensor([1])
    for model,targ in ((net(), y), (net(2), label)):
        want = copy.deepcopy(model)
        model(x, targ)
        model.backward()
        SGD(model.params(), .1).step()
        quiet(want, x, targ, lr=.1, bs=1)
        for a,b in zip(model.params(), want.params()): near(a, b, rtol=1e-4, atol=1e-6)
    near(cross_entropy(rand(1, 3), label), F.cross_entropy(rand(1, 3), label))
    assert accuracy(torch.tensor([[0.,1.]]), label)==1.
    assert all(o.isfinite().all() for o in layer_stats(x, [rand(3, 4)]))
    refused(lambda: layer_stats(x, [rand(3, 1)]), (1,1)) # one number has no standard deviation

def test_a_batch_of_zero():
    x,w,b,out = torch.ones(0, 3),rand(3, 2),rand(2),torch.ones(0, 2)
    for f in (lin, LINS['Lin'], LINS['linear_fn'], LINS['Model']): assert f(x, w, b).shape==(0,2)
    for f in MATMULS: assert f(x, w).shape==(0,2) and f(rand(2, 0), rand(0, 3)).tolist()==[[0]*3]*2
    assert relu(x).shape==Relu()(x).shape==normalize(x, 0., 1.).shape==log_softmax(x).shape==(0,3)
    lin_grad(x, with_g(out, out), w, b)
    assert x.g.shape==(0,3) and w.g.eq(0).all() and w.g.shape==w.shape and b.g.tolist()==[0,0]
    refused(lambda: layer_stats(x, [w]), '(0, ')
    refused(lambda: check_grads(lambda: 1.)) # nothing to check is not a check that passed

# --- dtypes -----------------------------------------------------------------------------------------------------------

BYTES = torch.tensor([[0,200,100], [255,1,30]])
@pytest.mark.parametrize('dtype', [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_integers_and_booleans(dtype):
    x = BYTES.to(dtype)
    d,w,b,one = x.double(),x.t(),x[0,:2],x[:,:1]
    for f in MATMULS: right_or_refused(lambda: f(x, w), d@d.t(), dtype)
    for f in ('lin', 'Lin', 'linear_fn', 'Model'): refused(lambda: LINS[f](x, w, b), dtype)
    refused(lambda: lin_grad(x, with_g(rand(2, 2), rand(2, 2)), w, b), dtype)
    for f in (mse, mse_grad, nn.mse_fn, MSES['Mse'], MSES['Model'], MSES['step'], MSES['fit']):
        refused(lambda: f(one, x[:,1]), dtype)
        refused(lambda: f(rand(2, 1), x[:,1]), dtype)
    for f in (relu, Relu(), Relu(.5), nn.relu_fn): right_or_refused(lambda: f(x), d-.5 if getattr(f, 'shift', 0) else d, dtype)
    refused(lambda: relu_grad(x, with_g(x.clone(), x)), dtype)
    right_or_refused(lambda: log_softmax(x), F.log_softmax(d, -1), dtype)
    for f in CES.values():
        if f is not accuracy: refused(lambda: f(x, torch.tensor([1,0])), dtype)
    right_or_refused(lambda: accuracy(BYTES[:,:1].repeat(1, 2).to(dtype), torch.tensor([0,0])), 1., dtype)
    for m,s in ((128, 64), (128., 64.), (torch.tensor(128), torch.tensor(64)), (.5, .5)): right_or_refused(lambda: normalize(x, m, s), (d-m)/s, dtype)
    right_or_refused(lambda: torch.stack(layer_stats(x, [w], act=lambda o: o)), torch.stack([(d@d.t()).mean(), (d@d.t()).std()])[:,None], dtype)
    refused(SGD([with_g(x.clone(), x)], .1).step, dtype)
    with pytest.raises(AssertionError): near(x, d)
    if dtype!=torch.bool: refused(lambda: near_zero(x), x.max().item(), kind=AssertionError)

f32,f64 = torch.float32,torch.float64
def test_mixed_dtypes():
    x,w,b,out = rand(4, 3),rand(3, 2),rand(2),rand(4, 2)
    for args in ((x.double(), w, b), (x, w.double(), b), (x, w, b.double())):
        for f in ('lin', 'Lin', 'linear_fn', 'Model'): refused(lambda: LINS[f](*args), f32, f64)
        refused(lambda: lin_grad(args[0], with_g(out, out), *args[1:]), f32, f64)
        model = Model([Lin(*args[1:])], CrossEntropy())
        for f in (lambda: model.step(args[0], ints(4), .1), lambda: quiet(model, args[0], ints(4))): refused(f, f32, f64)
    for f in MATMULS: refused(lambda: f(x, w.double()), f32, f64)
    refused(lambda: layer_stats(x, [w.double()]), f32, f64)
    for f in MSES.values(): refused(lambda: f(rand(4, 1), rand(4).double()), f32, f64)
    for g,o in ((out.double(), out), (out.double(), out.double())):
        refused(lambda: lin_grad(x, with_g(o.clone(), g), w, b), f32, f64)
        refused(lambda: relu_grad(out, with_g(o.clone(), g)), f32, f64)
    l = Lin(w, b)
    l(x).g = out.double()
    refused(l.backward, f32, f64)
    assert normalize(x, rand(3).double(), 1.).dtype==normalize(x, 0., torch.ones(3).double()).dtype==f32
    refused(SGD([with_g(x.clone(), x.double())], .1).step, f32, f64)
    refused(lambda: near(x, x.double()), f32, f64, kind=AssertionError)

@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    tol = 16*torch.finfo(dtype).eps
    def close(a, want):
        assert a.dtype==dtype
        right_or_refused(lambda: a, want, tol=tol)
    x,w,b,g,y,labels = (rand(8, 3, dtype=dtype), rand(3, 2, dtype=dtype), rand(2, dtype=dtype), rand(8, 2, dtype=dtype, seed=1), rand(8, dtype=dtype, seed=2), ints(8))
    D = [t.double().requires_grad_() for t in (x, w, b)]
    want = D[0]@D[1]+D[2]
    grads = torch.autograd.grad(want, D, g.double())
    for f in (lin, LINS['Lin'], LINS['linear_fn']): close(f(x, w, b), want.detach())
    for f in MATMULS: refused(lambda: f(x, w), str(dtype)) # sums of loops would go wrong
    lin_grad(x, with_g(lin(x, w, b), g), w, b)
    for t,o in zip((x, w, b), grads): close(t.g, o)
    l = Lin(w, b)
    l(x).g = g
    l.backward()
    for t,o in zip((x, w, b), grads): close(t.g, o)
    close(relu(x), x.double().relu())
    for f in (mse, nn.mse_fn, MSES['Mse']): close(f(x[:,:1], y), F.mse_loss(x[:,0].double(), y.double()))
    close(log_softmax(x), F.log_softmax(x.double(), -1))
    for f in (cross_entropy, CES['CrossEntropy']): close(f(x, labels), F.cross_entropy(x.double(), labels))
    close(normalize(x, 1., 2.), (x.double()-1)/2)
    refused(lambda: layer_stats(x, [w]), str(dtype))
    for c,t in ((None, y), (3, labels)):
        model,same = net(c, dtype),net(c, dtype)
        for l in same.layers[::2]: l.w,l.b = l.w.double(),l.b.double()
        quiet(model, x, t, bs=8)
        quiet(same, x.double(), t if c else t.double(), bs=8)
        for a,o in zip(model.params(), same.params()): close(a, o)

@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('f', MATMULS)
def test_long_sums_in_half_precision(f, dtype):
    "256 + 1 is 256 in bfloat16, and 2048 + 1 is 2048 in float16: a sum must not stop there"
    n = 300 if dtype==torch.bfloat16 else 2100
    right_or_refused(lambda: f(torch.ones(1, n, dtype=dtype), torch.ones(n, 1, dtype=dtype)), [[n]], dtype, tol=.01)

@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize('f', MATMULS)
def test_sums_of_integers_that_do_not_fit(f, dtype):
    "PyTorch's wrap around without a word"
    most = torch.iinfo(dtype).max
    for a,b in (([most//2+1, most//2+1], [1, 1]), ([-most-1, 0], [-1, 0]), ([most, 0], [-1, 1])): refused(lambda: f(torch.tensor([a], dtype=dtype), torch.tensor([b], dtype=dtype).t()), dtype, 'sums may reach')
    assert f(torch.tensor([[most//2, 1]], dtype=dtype), torch.tensor([[1], [-1]], dtype=dtype)).tolist()==[[most//2-1]]
    assert f(torch.tensor([[most]], dtype=dtype), torch.tensor([[-1]], dtype=dtype)).tolist()==[[-most]]

def test_the_edge_of_near():
    near(torch.tensor([1.5]), torch.tensor([1.]), rtol=0, atol=.5)
    near(torch.tensor([3.]), torch.tensor([2.]), rtol=.5)
    for a,b in (([1.5001], [1.]), ([.4999], [1.])): refused(lambda: near(torch.tensor(a), torch.tensor(b), rtol=0, atol=.5), '1 of 1', kind=AssertionError)
    refused(lambda: near(torch.tensor([2.]), torch.tensor([3.]), rtol=1/3.001), '1 of 1', kind=AssertionError) # a share of the second
    near(torch.tensor([1.]), torch.tensor([1.000009]))
    for b in (1.00002, .99998, 1+1e-4): refused(lambda: near(torch.tensor([1.]), torch.tensor([b])), '1 of 1', kind=AssertionError)
    near_zero(torch.tensor([.4999, -.4999]), tol=.5)
    for o in (.5, -.5, 4j): refused(lambda: near_zero(torch.tensor([o]), tol=.5), 'not near zero', kind=AssertionError)
    near(torch.tensor([1+1j]), torch.tensor([1+1.000001j]))

def test_near_of_numbers_and_lists():
    "A number takes the dtype of the tensor beside it; what Python has alone is float64, an array keeps its own"
    import numpy as np
    near(torch.tensor(.1), .1)
    near(.1, torch.tensor(.1, dtype=f64), rtol=1e-16)
    near(torch.tensor([1+0j])[0], 1)
    near([.1, .2], (.1, .2), rtol=1e-16)
    refused(lambda: near([.1], [.1+1e-12], rtol=1e-13), '1 of 1', kind=AssertionError)
    for a,b in ((torch.tensor(3), 3.), (torch.tensor([1.], dtype=f64), [1.]), (torch.tensor([1.]), torch.tensor([1.], dtype=f64)), (3, 3.), (torch.tensor(True), 1), (np.float32([1]), [1.])): refused(lambda: near(a, b), 'dtypes differ', kind=AssertionError)
    for a,b in (([nan], [1.]), ([1.], [nan]), ([nan], [nan])): refused(lambda: near(a, b), 'NaN', kind=AssertionError)

def test_near_what_overflows():
    "|-128| is -128 in int8, and a difference of two large floats is infinite"
    for o in (torch.tensor([-2**(b-1)], dtype=t) for b,t in ((8, torch.int8), (16, torch.int16), (32, torch.int32), (64, torch.int64))): refused(lambda: near_zero(o), float(-o.double()), kind=AssertionError)
    for o in (torch.tensor([True]), [True], 3, torch.tensor([3+4j])): refused(lambda: near_zero(o), 'not near zero', kind=AssertionError)
    for o in (torch.tensor([False]), 0, torch.tensor([0], dtype=torch.uint8), torch.tensor([1e-4+1e-4j])): near_zero(o)
    for big in (torch.tensor([3e38]), torch.tensor([6e4], dtype=torch.float16), torch.tensor([1.5e308], dtype=f64)): refused(lambda: near(-big, big, rtol=1.5), '1 of 1', kind=AssertionError)
    near(torch.tensor([complex(1, inf)]), torch.tensor([complex(1, inf)]))
    refused(lambda: near(torch.tensor([complex(1, inf)]), torch.tensor([complex(2, inf)])), '1 of 1', kind=AssertionError)

@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_a_difference_in_half_precision(dtype):
    "2049 - 2047.5 is 0 in float16, and 60000 + 60000 is infinite"
    x = torch.tensor([256., 258., -6e4], dtype=dtype)
    for m,s in ((255.5, 1.), (torch.tensor(255.5), 2), (torch.full((3,), 255.5), torch.ones(3, dtype=f64)), (6e4, 6e4)):
        got = normalize(x, m, s)
        assert got.dtype==dtype
        right_or_refused(lambda: got, ((x.double()-m)/s).to(dtype), tol=1e-9)

def test_means_and_deviations_of_other_kinds():
    import numpy as np
    x = rand(4, 3)
    for o in ([1., 2., 3.], np.array([1., 2., 3.]), np.array([1, 2, 3], dtype=np.float32), torch.tensor([1, 2, 3])): near(normalize(x, o, o), (x-torch.tensor([1., 2., 3.]))/torch.tensor([1., 2., 3.]))
    near(normalize(x, torch.ones(4, 1), torch.full((1, 3), 2.)), (x-1)/2)
    near(normalize(x.double(), .1, np.float64(.3)), (x.double()-.1)/.3, rtol=1e-15)
    for o in (np.ones((4, 1, 1)), np.ones(4), [1.]*4, torch.ones(2, 3), torch.ones(4, 2), torch.ones(3)*1j, torch.tensor(1j)):
        refused(lambda: normalize(x, o, 1.), (4,3))
        refused(lambda: normalize(x, 0., o), (4,3))
    for s in (1e-50, torch.tensor(1e-50, dtype=f64), torch.tensor(0), False): refused(lambda: normalize(x, 0., s), 'above 0') # 0 in float32

def test_many_classes_in_half_precision():
    x = torch.zeros(1, 70_000, dtype=torch.float16) # more than float16's largest number
    right_or_refused(lambda: log_softmax(x)[0,0], -math.log(70_000), torch.float16, tol=1e-3)

# --- layouts, gradients that are asked for, devices -------------------------------------------------------------------

def test_layouts():
    "Those of the functions with derivatives are in test_gradients.py"
    rows,wide = rand(1, 3).expand(6, 3),rand(3, 8)[:,::2]
    for f in MATMULS: near(f(rows, wide), rows.contiguous()@wide.contiguous(), rtol=1e-4)
    for a,b in zip(layer_stats(rows, [wide, rand(5, 4).t()[:,1:]]), layer_stats(rows.contiguous(), [wide.contiguous(), rand(5, 4).t()[:,1:].contiguous()])): near(a, b, rtol=1e-4)
    near(normalize(rand(4, 3).t(), 1., 2.), (rand(4, 3).t()-1)/2)
    assert accuracy(rand(3, 8).t(), rand(3, 8).t().argmax(1))==accuracy(rand(1, 3).expand(8, 3), rand(1, 3).argmax().expand(8))==1
    near(rand(4, 3).t(), rand(4, 3).t().contiguous())
    def f(x): x.g = 2*x; return (x*x).sum()
    for o in (rand(1, 3).expand(4, 3), rand(4, 3).t(), rand(4, 6)[:,::2]): check_grads(f, o)
    a,b = net(3),net(3)
    quiet(a, rows, ints(1).expand(6))
    quiet(b, rows.contiguous(), ints(1).repeat(6))
    for p,q in zip(a.params(), b.params()): near(p, q, rtol=1e-4, atol=1e-6)

def test_a_weight_with_one_place_for_many_values():
    w = rand(3, 1).expand(3, 2)
    model = Model([Lin(w, rand(2))], CrossEntropy())
    model(rand(4, 3), ints(4)%2)
    model.backward()
    for f in (SGD([w], .1).step, lambda: model.step(rand(4, 3), ints(4)%2, .1)):
        refused(f, 'single memory location', kind=(ValueError, RuntimeError))
        near(w, rand(3, 1).expand(3, 2))

def test_tensors_that_require_grad():
    "Hand-written derivatives are values, not parts of a graph; the weights stay what they are"
    def leafs(): return [o.requires_grad_() for o in (rand(4, 3), rand(3, 2), rand(2), rand(2, 1), rand(1))]
    x,w1,b1,w2,b2 = ts = leafs()
    plain = [o.detach().clone() for o in ts]
    loss = forward_and_backward(x, rand(4), w1, b1, w2, b2)
    near(loss, forward_and_backward(plain[0], rand(4), *plain[1:]))
    for a,b in zip(ts, plain): near(a.g, b.g)
    assert not loss.requires_grad and not any(t.g.requires_grad for t in ts)
    out = lin(x, w1, b1)
    lin_grad(x, with_g(out, rand(4, 2)), w1, b1)
    relu_grad(out, with_g(relu(out), out))
    assert out.requires_grad and not any(t.g.requires_grad for t in (x, w1, b1, out))
    targ = rand(4)
    for step in (False, True):
        x,w1,b1,w2,b2 = ts = leafs()
        plain = [o.detach().clone() for o in ts]
        model,same = (Model([Lin(*o[1:3]), Relu(.1), Lin(*o[3:])], Mse()) for o in (ts, plain))
        for m,rows in ((model, x), (same, plain[0])):
            if step: m.step(rows, targ, .1)
            else:
                loss = m(rows, targ)
                m.backward(True)
                SGD(m.params(), .1).step()
                assert not loss.requires_grad and not m.layers[0].out.requires_grad
        for a,b in zip(model.params(), same.params()):
            near(a, b)
            assert a.requires_grad and a.is_leaf and not getattr(a, 'g', b).requires_grad
        quiet(model, x, targ)
        assert all(p.requires_grad and p.is_leaf for p in model.params())
    assert accuracy(x, ints(4))==accuracy(x.detach(), ints(4))

def test_no_g_keeps_a_graph_alive():
    up = rand(4, 2).requires_grad_()*2
    x,w,b = rand(4, 3).requires_grad_(),rand(3, 2),rand(2)
    out = lin(x, w, b)
    lin_grad(x, with_g(out, up), w, b)
    relu_grad(out, with_g(relu(out), up))
    pred = rand(4, 1).requires_grad_()
    mse_grad(pred, rand(4))
    assert not any(t.g.requires_grad for t in (x, w, b, out, pred))
    for l,inp in ((Lin(w, b), x), (Relu(), rand(4, 2)), (Relu(.5), rand(4, 2)), (Exp(), rand(4, 2))):
        l(inp).g = up
        l.backward()
        assert not inp.g.requires_grad, l
    for model,y in ((net(), rand(4)), (net(3), ints(4))):
        rows = rand(4, 3).requires_grad_()
        model(rows, y)
        model.backward(True)
        assert not any(t.g.requires_grad for t in (rows, *model.params()))

OTHERS = ['meta'] + ['cuda']*torch.cuda.is_available()
@pytest.mark.parametrize('other', OTHERS)
def test_different_devices(other):
    def there(*shape): return torch.ones(*shape, device=other)
    x,w,b,out = rand(4, 3),rand(3, 3),rand(3),rand(4, 3)
    for f in MATMULS:
        refused(lambda: f(x, there(3, 3)), 'cpu', other)
        refused(lambda: f(there(4, 3), w), 'cpu', other)
    for f in ('lin', 'Lin', 'linear_fn', 'Model'):
        for args in ((there(4, 3), w, b), (x, there(3, 3), b), (x, w, there(3))): refused(lambda: LINS[f](*args), 'cpu', other)
    for f in MSES:
        if f!='valid': refused(lambda: MSES[f](rand(4, 1), there(4)), 'cpu', other)
    for f in CES:
        if f!='valid': refused(lambda: CES[f](x, there(4).long()), 'cpu', other)
    refused(lambda: lin_grad(x, with_g(out, there(4, 3)), w, b), 'cpu', other)
    refused(lambda: lin_grad(there(4, 3), with_g(out, out), w, b), 'cpu', other)
    refused(lambda: relu_grad(x, with_g(out, there(4, 3))), 'cpu', other)
    refused(lambda: relu_grad(there(4, 3), with_g(out, out)), 'cpu', other)
    for l in (Lin(w, b), Relu()):
        l(x).g = there(4, 3)
        refused(l.backward, 'cpu', other)
    refused(lambda: normalize(x, there(3), 1.), 'cpu', other)
    refused(lambda: normalize(x, 0., there(3)), 'cpu', other)
    refused(lambda: layer_stats(x, [there(3, 3)]), 'cpu', other)
    refused(lambda: near(x, there(4, 3)), 'cpu', other, kind=AssertionError)
    refused(SGD([with_g(x, there(4, 3))], .1).step, 'cpu', other)

# --- backward: too early, twice, after a change -----------------------------------------------------------------------

def test_backward_before_forward():
    w,b = rand(3, 2),rand(2)
    for l in (Lin(w, b), Relu(), Mse(), CrossEntropy(), net(), Same()): refused(l.backward, f'{type(l).__name__}.backward before forward', kind=RuntimeError)
    l = Lin(w, b)
    l(rand(4, 3)) # and nothing came after it
    refused(l.backward, 'out.g is missing')
    refused(lambda: lin_grad(rand(4, 3), rand(4, 2), w, b), 'out.g is missing')
    refused(lambda: relu_grad(rand(4, 3), rand(4, 3)), 'out.g is missing')
    refused(SGD([w, b], .1).step, 'no .g')
    assert not hasattr(w, 'g')
    model = net()
    model(rand(4, 3)) # only the output: nothing to go back from
    refused(model.backward, 'before forward', kind=RuntimeError)

def test_backward_twice():
    "The same gradients again, not their double; after a step they need another forward pass"
    for model,y in ((net(), rand(4)), (net(3), ints(4))):
        x = rand(4, 3)
        model(x, y)
        model.backward(True)
        first = [t.g.clone() for t in (x, *model.params())]
        model.backward(True)
        for t,g in zip((x, *model.params()), first): assert t.g.equal(g)
        opt = SGD(model.params(), .1)
        opt.step()
        refused(model.backward, 'changed', kind=RuntimeError)
    ts = rand(4, 3),rand(3, 2),rand(2),rand(2, 1),rand(1)
    forward_and_backward(ts[0], rand(4), *ts[1:])
    first = [t.g.clone() for t in ts]
    forward_and_backward(ts[0], rand(4), *ts[1:])
    assert all(t.g.equal(g) for t,g in zip(ts, first))
    x = rand(3).requires_grad_()
    loss = nn.relu_fn(x).sum()
    loss.backward()
    refused(loss.backward, 'second time', kind=RuntimeError)

def test_one_layer_twice():
    l = Lin(rand(3, 3), rand(3))
    refused(lambda: Model([l, Relu(), l], CrossEntropy()), 'layer 2', 'Lin')
    refused(lambda: Model([l, Relu(), Lin(l.w, rand(3))], CrossEntropy()), (3,3)) # or one tensor in two layers
    for again in (l, Lin(rand(3, 3), l.b)):
        model = Model([l, Relu()], CrossEntropy())
        model.layers.append(again)
        for f in (lambda: model(rand(4, 3), ints(4)), lambda: model.step(rand(4, 3), ints(4), .1), lambda: quiet(model, rand(4, 3), ints(4))): refused(f, 'already')
    near(l.w, rand(3, 3))
    refused(lambda: SGD([l.w, l.b, l.w], .1), 'twice') # it would be stepped twice
    ours = nn.Linear(3, 3, generator=torch.Generator().manual_seed(0))
    theirs = torch.nn.Linear(3, 3)
    with torch.no_grad():
        for p,q in zip(theirs.parameters(), ours.parameters()): p.copy_(q)
    for seq,o in ((nn.Sequential(ours, nn.ReLU(), ours), ours), (torch.nn.Sequential(theirs, torch.nn.ReLU(), theirs), theirs)): seq(rand(4, 3)).square().sum().backward()
    near(ours.weight.grad, theirs.weight.grad) # autograd adds the two up
    a,b = Model([l, Relu()], CrossEntropy()),Model([Lin(rand(3, 3, seed=1), rand(3)), l], CrossEntropy()) # in two models: each gets all of its gradients
    for model in (a, b):
        model(rand(4, 3), ints(4))
        model.backward()
        assert all(p.g is not None for p in model.params())

@pytest.mark.parametrize('what', ['x', 'targ', 'w', 'b', 'hidden', 'view'])
@pytest.mark.parametrize('c', [None, 3])
def test_changed_in_place(what, c):
    x,targ,model = rand(4, 3),ints(4) if c else rand(4),net(c)
    model(x, targ)
    changed = dict(x=x, targ=targ, w=model.layers[0].w, b=model.layers[2].b, hidden=model.layers[1].out, view=x[1:,:2])[what]
    changed.mul_(0)
    refused(model.backward, 'changed', kind=RuntimeError)
    model(x, targ)
    model.backward()

def test_a_single_layer_changed_in_place():
    x = rand(4, 3)
    for make in (lambda: Lin(rand(3, 2), rand(2)), Relu, Exp, Same):
        for what in ('x', 'out'):
            l = make()
            with_g(out := l(x), torch.ones_like(out))
            (x if what=='x' else out).mul_(2)
            refused(l.backward, 'changed', kind=RuntimeError)
    for f,args in ((nn.relu_fn, [rand(4, 3)]), (nn.linear_fn, [rand(4, 3), rand(2, 3), rand(2)]), (nn.mse_fn, [rand(4, 1), rand(4)])):
        args = [o.requires_grad_() for o in args]
        out = f(*args)
        with torch.no_grad(): (out if f is nn.relu_fn else args[0]).mul_(2) # what is saved
        refused(out.sum().backward, 'modified by an inplace operation', kind=RuntimeError)

def test_a_weight_replaced():
    x,y,lr = rand(4, 3),rand(4),.1
    for change in (lambda l: setattr(l, 'w', l.w.clone()), lambda l: setattr(l, 'b', rand(4, seed=9))):
        model = net()
        model(x, y)
        change(model.layers[0])
        refused(model.backward, 'replaced', kind=RuntimeError)
    model = net()
    model(x, y)
    model.layers[0].w.data = rand(3, 4, seed=5)
    refused(model.backward, 'replaced', kind=RuntimeError)
    square = rand(3, 3)
    refused(lambda: Lin(square, rand(3))(square), 'its own weight')
    model,same = net(),net()
    model.step(x, y, lr)
    model.layers[0].w = rand(3, 4, seed=5)
    same.layers[0].w,same.layers[0].b,same.layers[2].w,same.layers[2].b = (p.clone() for p in model.params())
    model.step(x, y, lr) # steps the new weight
    same(x, y)
    same.backward()
    opt = SGD(same.params(), lr)
    opt.step()
    for p,q in zip(model.params(), same.params()): near(p, q, rtol=1e-4, atol=1e-6)
    same.layers[0].w = rand(3, 4, seed=6)
    before = [p.clone() for p in same.params()]
    same(x, y)
    same.backward()
    refused(opt.step, 'parameter 0', (3,4)) # it still has the old weight, whose gradient is that of the last step
    for p,q in zip(same.params(), before): assert p.equal(q)
    seq = nn.Sequential(nn.Linear(3, 2))
    seq[0].weight = nn.Parameter(rand(2, 3))
    assert any(p is seq[0].weight for p in seq.parameters())

def test_one_tensor_in_two_places():
    "It has one `.g`, and would need two; two views of one memory have one each"
    w,b = rand(3, 3),rand(3)
    refused(lambda: lin_grad(w, with_g(rand(3, 3), rand(3, 3)), w, b), 'inp is w')
    assert not hasattr(w, 'g') and not hasattr(b, 'g')
    x,y,sq,one,b1 = rand(4, 3),rand(4),rand(3, 3),rand(1, 1),rand(1)
    for args in ((x, y, rand(3, 1), b1, one, b1), (rand(4, 1), y, one, rand(1), one, b1), (sq, rand(3), sq, rand(3), rand(3, 1), b1), (one, rand(1), rand(1, 1), rand(1), one, b1), (one, rand(1), one, rand(1), rand(1, 1), b1)):
        refused(lambda: forward_and_backward(*args), 'twice')
    view = sq[:]
    forward_and_backward(sq, rand(3), view, rand(3), rand(3, 1), b1)
    assert sq.g is not view.g and not sq.g.equal(view.g)
    xs = rand(3, 3).requires_grad_()
    ws = xs.detach().clone().requires_grad_()
    xs.data = ws.data # values alone
    want = torch.autograd.grad((lin(xs, ws, b)*sq).sum(), [xs, ws])
    lin_grad(a := xs.detach(), with_g(lin(a, v := ws.detach(), b), sq), v, b)
    for t,g in zip((a, v), want): near(t.g, g)

def test_what_check_grads_has_to_move():
    for ts in ((), (torch.ones(0),), (torch.ones(0, 3), torch.ones(2, 0))): refused(lambda: check_grads(lambda *ts: 1., *ts), 'at least one value')
    def f(x, y):
        x.g,y.g = 2*x,2*y
        return x.square().sum()+y.square().sum()
    check_grads(f, torch.ones(0), torch.ones(2))
    refused(lambda: check_grads(f, torch.ones(2)*1j, torch.ones(2)), 'complex')

def test_a_slope_that_is_no_number():
    for a in (nan, inf, -inf, 1e200): refused(lambda: kaiming_normal(3, 2, a=a), a)
    assert kaiming_normal(3, 2, a=-1.).isfinite().all()

class Double(Lin):
    def forward(self, inp): return 2*super().forward(inp)
class Leaky(Relu):
    def forward(self, inp): return torch.where(inp>0, inp, .1*inp)
class Named(Lin): "computes as `Lin` does"
# --- what a step may change -------------------------------------------------------------------------------------------

FROZEN = dict(all=lambda l: [], w=lambda l: [l.b], b=lambda l: [l.w])
@pytest.mark.parametrize('what', FROZEN)
def test_a_frozen_weight(what):
    "What isn't among the layer's `params()` is not changed, whoever takes the step, and all else is trained as ever"
    kind = type('Frozen', (Lin,), dict(params=FROZEN[what]))
    x,y = rand(6, 3),rand(6)
    a,b,c,free = net(kind=kind),net(kind=kind),net(kind=kind),net()
    a.step(x, y, .1)
    quiet(b, x, y, lr=.1, bs=6)
    for m in (c, free):
        m(x, y)
        m.backward()
        SGD(m.params(), .1).step()
    for m in (a, b, c):
        for i,l in enumerate(m.layers[::2]):
            for k in ('w', 'b'):
                t,start,moved = (getattr(o.layers[2*i], k) for o in (m, net(), free))
                if i==0 and (what=='all' or what==k): assert t.equal(start)
                else: near(t, moved, rtol=1e-4, atol=1e-6)
    frozen = nn.Linear(3, 2)
    frozen.bias = nn.Parameter(torch.zeros(2), requires_grad=False)
    frozen(rand(4, 3)).sum().backward()
    assert frozen.bias.grad is None and frozen.weight.grad is not None
    assert [p.requires_grad for p in nn.to_torch(nn.Sequential(frozen)).parameters()]==[True, False]
    assert [p.requires_grad for p in nn.from_torch(nn.to_torch(nn.Sequential(frozen))).parameters()]==[True, False]

class Half(Lin):
    "A linear layer that learns at half the speed"
    def bwd(self, out, inp):
        super().bwd(out, inp)
        self.w.g,self.b.g = self.w.g/2,self.b.g/2

@pytest.mark.parametrize('make', [lambda: Scale(rand(3, seed=7)), lambda: Half(rand(3, 3), rand(3))])
def test_a_layer_of_your_own_is_trained_by_fit(make):
    "Its `bwd` is what counts, also in the fused step"
    models = [Model([make(), Relu(), Lin(rand(3, 2), rand(2)), *more], CrossEntropy()) for more in ([], [], [])]
    x,y = rand(6, 3),ints(6)%2
    models[0].step(x, y, .1)
    quiet(models[1], x, y, lr=.1, bs=6)
    models[2](x, y)
    models[2].backward()
    SGD(models[2].params(), .1).step()
    for m in models[:2]:
        for p,q in zip(m.params(), models[2].params()): near(p, q, rtol=1e-4, atol=1e-6)

# --- values -----------------------------------------------------------------------------------------------------------

def as_torch(f, g, *ts):
    "f and g of `ts` and their gradients by autograd are the same, NaN and infinity included"
    res = []
    for h in (f, g):
        args = [t.clone().requires_grad_() for t in ts]
        out = h(*args)
        res.append([out.detach(), *torch.autograd.grad(out, args, torch.full_like(out, 3.))])
    for a,b in zip(*res): torch.testing.assert_close(a, b, equal_nan=True)
    return res[1]

ODD = torch.tensor([[nan, inf, -inf, 1.], [0., -0., 2., -3.], [1., 2., 3., inf]])
def test_nan_and_infinity_pass_as_in_torch():
    x,w,b = ODD,rand(4, 2),rand(2)
    for f in (lin, lambda x, w, b: nn.linear_fn(x, w.t(), b)): as_torch(f, lambda x, w, b: F.linear(x, w.t(), b), x, w, b)
    want = as_torch(nn.relu_fn, torch.relu, x)
    out = with_g(relu(x), torch.full_like(x, 3.))
    relu_grad(x, out)
    torch.testing.assert_close([out, x.g], want, equal_nan=True)
    l = Relu()
    l(x).g = torch.full_like(x, 3.)
    l.backward()
    torch.testing.assert_close([l.out, x.g], want, equal_nan=True)
    for i in range(4):
        want = as_torch(mse, lambda o, t: F.mse_loss(o[:,0], t), x[:,i:i+1], rand(3))
        as_torch(nn.mse_fn, lambda o, t: F.mse_loss(o[:,0], t), x[:,i:i+1], rand(3))
        out = x[:,i:i+1].clone()
        mse_grad(out, rand(3))
        torch.testing.assert_close(3*out.g, want[1], equal_nan=True)
    as_torch(log_softmax, lambda x: F.log_softmax(x, -1), x[1:2])
    for row in x: torch.testing.assert_close(log_softmax(row[None]), F.log_softmax(row[None], -1), equal_nan=True)
    for a in layer_stats(x, [w]): assert a.isnan().all()

def test_nan_and_infinity_where_they_would_be_a_wrong_number():
    refused(lambda: accuracy(torch.tensor([[nan, nan], [0., 1.]]), torch.tensor([0, 1])), 'NaN')
    for s in (nan, inf, 0., -1., torch.tensor([1., nan, 1.]), torch.tensor([1., inf, 1.])): refused(lambda: normalize(rand(4, 3), 0., s))
    for a in (nan, [1., nan], inf): refused(lambda: near_zero(a), kind=AssertionError)
    for a,b in ((nan, nan), ([1., nan], [1., nan]), (inf, 1.), (inf, -inf), (1., inf)): refused(lambda: near(a, b), kind=AssertionError)
    near(inf, inf)
    def log(x): x.g = 1/x; return x.log().sum()
    def pole(x): x.g = 7*x; return (1/x).sum()
    refused(lambda: check_grads(log, torch.tensor([-1.])), 'nan', kind=AssertionError)
    refused(lambda: check_grads(pole, torch.tensor([1e-5], dtype=f64)), 'inf', kind=AssertionError) # 1/(x-h) is infinite

@pytest.mark.parametrize('bad', [nan, inf, -inf])
@pytest.mark.parametrize('by', ['fit', 'step'])
@pytest.mark.parametrize('place', ['x', 'targ'])
def test_training_stops_before_the_weights_are_lost(bad, by, place):
    x,y = rand(4, 1).abs(),rand(4)
    (x if place=='x' else y)[1] = bad
    model = Model([Lin(torch.ones(1, 2), torch.zeros(2)), Relu(), Lin(torch.ones(2, 1), torch.zeros(1))], Mse()) # -inf becomes a 0 in the ReLU, and inf*0 a NaN on the way back
    before = [p.clone() for p in model.params()]
    with pytest.raises((FloatingPointError, ValueError)): model.step(x, y, .1) if by=='step' else quiet(model, x, y)
    for p,q in zip(model.params(), before): assert p.equal(q)

def test_training_that_overflows_says_so():
    for epochs in (1, 2): # also where it is the very last step that goes wrong
        for x,y,lr in ((100*rand(8, 3), ints(8), 3e38), (torch.full((8,3), 1e38), ints(8), .1), (rand(8, 3), torch.full((8,), 3e38), 100.)):
            model = net(None if y.is_floating_point() else 3)
            try: quiet(model, x, y, lr=lr, epochs=epochs, bs=8)
            except FloatingPointError: continue
            assert all(p.isfinite().all() for p in model.params())

@pytest.mark.parametrize('dtype', [torch.float16, f32, f64])
def test_logits_of_ten_thousand(dtype):
    x = torch.tensor([[1e4,-1e4,0.], [-1e4,-1e4,-1e4], [1e4,1e4,-1e4]], dtype=dtype)
    for y in (torch.tensor([0,1,1]), torch.tensor([1,2,2])):
        want = as_torch(lambda x: cross_entropy(x, y), lambda x: F.cross_entropy(x.to(torch.promote_types(x.dtype, f32)), y).to(x.dtype), x) # older ones have none in float16
        l = CrossEntropy()
        near(l(x, y), want[0], rtol=1e-3)
        l.backward()
        torch.testing.assert_close(3*x.g, want[1])
    torch.testing.assert_close(log_softmax(x), F.log_softmax(x, -1))

def test_logits_of_minus_infinity():
    y = torch.tensor([0, 1])
    for x in (torch.full((2,3), -inf), torch.tensor([[-inf,0.,1.], [0.,1.,-inf]]), torch.tensor([[1.,-inf,-inf], [-inf,2.,-inf]]), torch.tensor([[inf,0.,1.], [0.,inf,-inf]])):
        torch.testing.assert_close(cross_entropy(x, y), F.cross_entropy(x, y), equal_nan=True)
        l = CrossEntropy()
        torch.testing.assert_close(l(x, y), F.cross_entropy(x, y), equal_nan=True)
        if F.cross_entropy(x, y).isfinite():
            l.backward()
            torch.testing.assert_close(x.g, torch.autograd.grad(F.cross_entropy(z := x.clone().requires_grad_(), y), z)[0])

LABELS = {'-1': ([0,-1,2,1], '-1'), 'c': ([0,3,2,1], '3'), 'far': ([0,2**40,2,1], str(2**40)), 'float': ([0.,1.,2.,1.], 'torch.float32'), 'half': ([.5,1.,2.,1.], 'torch.float32'), 'bool': ([True,False,True,True], 'torch.bool'),
          'nan': ([0.,nan,2.,1.], 'torch.float32'), 'column': ([[0],[1],[2],[1]], '(4, 1)'), 'one-hot': ([[1,0,0]]*4, '(4, 3)')}
@pytest.mark.parametrize('label', LABELS)
@pytest.mark.parametrize('f', CES)
def test_labels(f, label):
    y,said = LABELS[label]
    refused(lambda: CES[f](rand(4, 3), torch.tensor(y)), said)

@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int16])
@pytest.mark.parametrize('f', ['cross_entropy', 'CrossEntropy', 'accuracy'])
def test_labels_of_other_integers(f, dtype):
    x,y = rand(4, 3),ints(4)
    right_or_refused(lambda: CES[f](x, y.to(dtype)), CES[f](x, y), dtype)

def test_the_loss_of_a_regression_is_validated_without_an_accuracy():
    "The share of right labels means nothing where the targets are numbers"
    last = quiet(net(), rand(4, 3), rand(4), valid=(rand(4, 3), rand(4)))[-1]
    assert 'loss' in last and last.get('accuracy') is None
