"Every derivative against autograd in float64 and against central differences: random shapes, dtypes, memory layouts and upstream gradients."
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import Phase, assume, given, settings, strategies as st
from mlp_foundations import backward, forward, layers, matmul, nn, training

torch.set_num_threads(1)

EXAMPLES = 40 # of each property, for each way in which we compute it
ran = Counter() # examples that were compared, by property

def prop(**kw):
    "A property of random cases: always the same ones, without a deadline"
    def f(test): return settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)(given(**kw)(test))
    return f

# --- random tensors -------------------------------------------------------------------------------------------------

def around(t):
    "`t` as the middle of a larger tensor of NaN"
    return F.pad(t, (1,2)*t.ndim, value=torch.nan)[(slice(1,-2),)*t.ndim]

LAYOUTS = dict(contiguous=lambda t: t, transposed=lambda t: t.mT.contiguous().mT if t.ndim>1 else t, sliced=around,
               strided=lambda t: torch.stack([t, torch.full_like(t, torch.nan)], -1)[...,0], expanded=lambda t: t[:1].expand_as(t))

class Draw:
    "Random tensors of one dtype, each laid out in memory as the next of `layouts` says"
    def __init__(self, seed, dtype, layouts): self.gen,self.dtype,self.layouts,self.i = torch.Generator().manual_seed(seed),dtype,layouts,0
    def __call__(self, *shape, scale=1.):
        t = (torch.randn(shape, generator=self.gen, dtype=torch.float64)*scale).to(self.dtype)
        self.i += 1
        return LAYOUTS[self.layouts[self.i%len(self.layouts)]](t)
    def labels(self, n, c): return torch.randint(c, (n,), generator=self.gen)
    def number(self): return torch.randn((), generator=self.gen, dtype=torch.float64).to(self.dtype)
    def __repr__(self): return f'Draw({self.gen.initial_seed()}, {self.dtype}, {self.layouts})'

def draws(dtypes=(torch.float32, torch.float64), layouts=tuple(LAYOUTS)):
    return st.builds(Draw, st.integers(0, 2**31), st.sampled_from(dtypes), st.lists(st.sampled_from(layouts), min_size=1, max_size=7))

few,rows,width = st.integers(1, 4),st.one_of(st.integers(1, 8), st.sampled_from([17, 64])),st.integers(1, 9)

# --- what is right, and how near is near ------------------------------------------------------------------------------

def leaf(t): return t.detach().requires_grad_() # same memory, same layout

def autograd(f, g, *ts):
    "f(*ts) and its gradients for the upstream gradient `g`, in float64, by torch's own derivatives"
    ts = [t.detach().double().clone().requires_grad_() for t in ts]
    out = f(*ts)
    return [out.detach(), *torch.autograd.grad(out, ts, torch.as_tensor(g).double().expand_as(out))]

def close(got, want, bound):
    """Each of `got` is a plain tensor like that of `want`, wrong by no more than rounding: each value by a few hundred units in the last place
    of `bound`, the sum of the sizes of the terms it is made of; in float64 by 1e-10 of the largest value as well"""
    assert len(got)==len(want)==len(bound)
    for i,(a,b,c) in enumerate(zip(got, want, bound)):
        assert a.shape==b.shape and a.dtype==got[0].dtype and not a.requires_grad, (i, a.shape, b.shape, a.dtype)
        far = (a.double()-b).abs()
        assert (far <= 200*torch.finfo(a.dtype).eps*c).all(), (i, a, b)
        if a.dtype==torch.float64: assert not b.numel() or far.max() <= 1e-10*b.abs().max().clamp_min(1e-6*c.max()), (i, a, b)

def followed(f, g, *ts):
    "f(*ts) and the gradients that autograd finds by following it, in the dtype of `ts`"
    ts = [leaf(t) for t in ts]
    out = f(*ts)
    return [out.detach(), *torch.autograd.grad(out, ts, g)]

def layer(l, g, *args):
    "The output of the layer `l`, and the gradient of its argument"
    out = l(*args)
    out.g = g
    l.backward()
    return [out, args[0].g]

# --- one operation ----------------------------------------------------------------------------------------------------

def by_lin_grad(x, w, b, g):
    out = matmul.lin(x, w, b)
    out.g = g
    backward.lin_grad(x, out, w, b)
    return [out, x.g, w.g, b.g]

def by_linear(x, w, b, g):
    l = nn.Linear(*w.shape)
    l.weight,l.bias = nn.Parameter(w.t()),nn.Parameter(b)
    res = followed(l, g, x)
    l(x).backward(g)
    return res+[l.weight.grad.t(), l.bias.grad]

LIN = dict(lin_grad=by_lin_grad, lin=lambda x, w, b, g: followed(matmul.lin, g, x, w, b),
           Lin=lambda x, w, b, g: layer(layers.Lin(w, b), g, x)+[w.g, b.g],
           linear_fn=lambda x, w, b, g: followed(lambda x, w, b: nn.linear_fn(x, w.t(), b), g, x, w, b), Linear=by_linear)

@pytest.mark.parametrize('how', LIN)
@prop(draw=draws(), n=rows, n_in=width, n_out=width)
def test_linear(how, draw, n, n_in, n_out):
    x,w,b,g = draw(n, n_in),draw(n_in, n_out),draw(n_out),draw(n, n_out)
    right = lambda x, w, b: F.linear(x, w.t(), b)
    close(LIN[how](x, w, b, g), autograd(right, g, x, w, b), autograd(right, g.abs(), x.abs(), w.abs(), b.abs()))
    ran['linear'] += 1

def by_relu_grad(x, g):
    out = matmul.relu(x)
    out.g = g
    backward.relu_grad(x, out)
    return [out, x.g]

RELU = dict(relu_grad=by_relu_grad, relu=lambda x, g: followed(matmul.relu, g, x), Relu=lambda x, g: layer(layers.Relu(), g, x),
            relu_fn=lambda x, g: followed(nn.relu_fn, g, x), ReLU=lambda x, g: followed(nn.ReLU(), g, x))

@pytest.mark.parametrize('how', RELU)
@prop(draw=draws(), shape=st.lists(width, min_size=1, max_size=3))
def test_relu(how, draw, shape):
    x,g = draw(*shape),draw(*shape)
    want = autograd(torch.relu, g, x)
    close(RELU[how](x, g), want, [t.abs() for t in want])
    ran['relu'] += 1

@prop(draw=draws(), n=rows, m=width, shift=st.floats(-2, 2, width=16))
def test_shifted_relu(draw, n, m, shift):
    x,g = draw(n, m),draw(n, m)
    want = autograd(lambda x: torch.relu(x)-shift, g, x)
    close(layer(layers.Relu(shift), g, x), want, [t.abs()+abs(shift) for t in want])
    ran['shifted relu'] += 1

AT_0 = dict(relu_grad=0., Relu=0., relu_fn=0., ReLU=0., relu=1. if tuple(int(o) for o in torch.__version__.split('.')[:2])<(2,14) else 0.) # `relu` is a clamp: see lesson 04

@pytest.mark.parametrize('zero', [0., -0.])
@pytest.mark.parametrize('how', RELU)
def test_relu_at_exactly_0(how, zero):
    x,g = torch.tensor([-1., zero, 1.]),torch.tensor([5., 7., 9.])
    assert RELU[how](x, g)[1].tolist()==[0., 7.*AT_0[how], 9.]
    choices = dict(relu=torch.relu, maximum=lambda x: torch.maximum(x, torch.zeros(3)))
    assert {k:followed(f, g, x)[1][1].item()/7 for k,f in choices.items()}==dict(relu=0., maximum=.5)

def by_mse_grad(x, t, g):
    backward.mse_grad(x, t)
    return [forward.mse(x, t), g*x.g]

MSE = dict(mse_grad=by_mse_grad, mse=lambda x, t, g: followed(forward.mse, g, x, t), mse_fn=lambda x, t, g: followed(nn.mse_fn, g, x, t),
           Mse=lambda x, t, g: (lambda out, d: [out, g*d])(*layer(layers.Mse(), None, x, t)))

@pytest.mark.parametrize('how', MSE)
@prop(draw=draws(), n=rows)
def test_mean_squared_error(how, draw, n):
    x,t,g = draw(n, 1),draw(n),draw.number()
    right = lambda x, t: F.mse_loss(x, t[:,None])
    got = MSE[how](x, t, g)
    close(got, autograd(right, g, x, t)[:len(got)], autograd(right, g.abs(), x.abs(), -t.abs())[:2] + [2*(x.abs()[:,0]+t.abs())]*(len(got)-2))
    ran['mean squared error'] += 1

CE = dict(cross_entropy=lambda x, t, g: followed(lambda x: training.cross_entropy(x, t), g, x),
          CrossEntropy=lambda x, t, g: (lambda out, d: [out, g*d])(*layer(training.CrossEntropy(), None, x, t)))

@pytest.mark.parametrize('how', CE)
@prop(draw=draws(), n=rows, c=width, scale=st.sampled_from([1., 30., 1e4]))
def test_cross_entropy(how, draw, n, c, scale):
    x,t,g = draw(n, c, scale=scale),draw.labels(n, c),draw.number()
    size = (1+2*x.abs().max()).double() # the largest logit moves probabilities by so many units in the last place
    want = autograd(lambda x: F.cross_entropy(x, t), g, x)
    close(CE[how](x, t, g), want, [size+want[0], (size*g.abs()/n).expand(n, c)])
    ran['cross-entropy'] += 1

@prop(draw=draws(), n=rows, c=width, scale=st.sampled_from([1., 30., 1e4]))
def test_log_softmax(draw, n, c, scale):
    x,g = draw(n, c, scale=scale),draw(n, c)
    size = (1+2*x.abs().max()).double()
    want = autograd(lambda x: F.log_softmax(x, -1), g, x)
    close(followed(training.log_softmax, g, x), want, [size.expand(n, c), (size*g.abs().double().sum(1, keepdim=True)).expand(n, c)])
    ran['log softmax'] += 1

# --- nets -------------------------------------------------------------------------------------------------------------

class Net:
    "The values of a random net: inputs, weights and targets"
    def __init__(self, draw, n, sizes, kind, shift=0.):
        self.kind,self.shift,self.x = kind,shift,draw(n, sizes[0])
        self.ws = [draw(i, o, scale=i**-.5) for i,o in zip(sizes, sizes[1:])]
        self.bs = [draw(o) for o in sizes[1:]]
        self.t = draw(n) if kind=='mse' else draw.labels(n, sizes[-1])
    def __repr__(self): return f'Net({self.__dict__})'

    def right(self, x, *wb, loss=None, t=None, shift=None):
        "The loss, in torch's own words; `self.kink` is the least distance of a unit from ReLU's corner"
        self.kink = 1.
        for i,(w,b) in enumerate(zip(wb[::2], wb[1::2])):
            if i:
                self.kink = min(self.kink, x.detach().abs().min().item())
                x = torch.relu(x)-(self.shift if shift is None else shift)
            x = F.linear(x, w.t(), b)
        return loss(x) if loss else F.mse_loss(x[:,0], self.t.to(x.dtype)) if self.kind=='mse' else F.cross_entropy(x, self.t)

    @property
    def tensors(self): return [self.x, *(o for pair in zip(self.ws, self.bs) for o in pair)]
    def want(self): return autograd(self.right, 1., *self.tensors)
    def bound(self):
        "The same with every sign made +, so that nothing cancels: what rounding is a share of"
        def loss(x): return (x+self.t.abs()[:,None]).square().mean() if self.kind=='mse' else (1+2*x+x*x).sum()/len(x)
        return autograd(lambda *ts: self.right(*ts, loss=loss, shift=-abs(self.shift)), 1., *[o.abs() for o in self.tensors])

    def model(self):
        "The same as a `Model` of ours"
        parts = [o for w,b in zip(self.ws, self.bs) for o in (layers.Relu(self.shift), layers.Lin(w, b))][1:]
        return layers.Model(parts, layers.Mse() if self.kind=='mse' else training.CrossEntropy())

def nets(shift=st.just(0.), n=rows, width=width, kind=st.sampled_from(['mse', 'cross-entropy']), depth=st.integers(1, 5), **kw):
    @st.composite
    def f(draw):
        k = draw(kind)
        sizes = [draw(width) for _ in range(draw(depth))] + [1 if k=='mse' else draw(width)]
        return Net(draw(draws(**kw)), draw(n), sizes, k, draw(shift))
    return f()

def by_model(net, inp_g=True):
    model = net.model()
    model(net.x, net.t) # a call more must leave nothing behind
    model.backward()
    loss = model(net.x, net.t)
    model.backward(inp_g)
    return [loss, *([net.x.g] if inp_g else []), *(p.g for p in model.params())]

def by_sequential(net):
    parts = [o for w in net.ws for o in (nn.ReLU(), nn.Linear(*w.shape))][1:]
    for l,w,b in zip(parts[::2], net.ws, net.bs): l.weight,l.bias = nn.Parameter(w.t()),nn.Parameter(b)
    seq,x = nn.Sequential(*parts),leaf(net.x)
    loss = nn.mse_fn(seq(x), net.t) if net.kind=='mse' else training.cross_entropy(seq(x), net.t)
    loss.backward()
    return [loss.detach(), x.grad, *(o for l in parts[::2] for o in (l.weight.grad.t(), l.bias.grad))]

NET = dict(Model=by_model, Sequential=by_sequential)

@pytest.mark.parametrize('how', NET)
@prop(net=nets())
def test_nets(how, net):
    want = net.want()
    assume(net.kink>1e-4) # a unit that float32 puts on the other side of the corner has another gradient
    close(NET[how](net), want, net.bound())
    ran['nets'] += 1

@prop(net=nets(shift=st.floats(-1, 1, width=16)))
def test_shifted_model_without_the_inputs_gradient(net):
    (loss,_,*want),(size,_,*bound) = net.want(),net.bound()
    assume(net.kink>1e-4)
    close(by_model(net, inp_g=False), [loss,*want], [size,*bound])
    assert net.x.g is None
    ran['shifted model'] += 1

def by_forward_and_backward(net):
    x,w1,b1,w2,b2 = net.tensors
    return [backward.forward_and_backward(x, net.t, w1, b1, w2, b2), *(t.g for t in net.tensors)]

@prop(net=nets(kind=st.just('mse'), depth=st.just(2)))
def test_forward_and_backward(net):
    want = net.want()
    assume(net.kink>1e-4)
    close(by_forward_and_backward(net), want, net.bound())
    ran['forward and backward'] += 1

# --- steps of training ------------------------------------------------------------------------------------------------

writable = tuple(o for o in LAYOUTS if o!='expanded')

def stepped(net, by, lr):
    "The weights of `net` after one step, `by` its fused `step` or by backward and `SGD`; copies of them before"
    model = net.model()
    before = [p.double().clone() for p in model.params()]
    if by=='fused': model.step(net.x, net.t, lr)
    else:
        model(net.x, net.t)
        model.backward()
        training.SGD(model.params(), lr).step()
    return model.params(),before

@pytest.mark.parametrize('by', ['fused', 'sgd'])
@prop(net=nets(layouts=writable, shift=st.floats(-1, 1, width=16)), lr=st.floats(1e-3, 2.))
def test_step(by, net, lr):
    want,bound = net.want()[2:],net.bound()[2:]
    assume(net.kink>1e-4)
    after,before = stepped(net, by, lr)
    close(after, [p-lr*g for p,g in zip(before, want)], [p.abs()+lr*c for p,c in zip(before, bound)])
    for p in after: # what lies between the values of a slice stays as it was
        if p._base is not None: assert (p._base.numel()-p.numel())==p._base.isnan().sum()
    ran['step'] += 1

@prop(net=nets(layouts=writable, dtypes=[torch.float64]), bs=st.integers(1, 70), lr=st.floats(.01, .1), final_lr=st.floats(0, .1))
def test_fit(net, bs, lr, final_lr):
    "Two epochs without shuffling: in float64, what a loop of autograd's makes of the weights"
    want,n = [t.clone() for t in net.tensors],len(net.x)
    bs = min(bs, n)
    x,steps = want[0],2*-(-n//bs)
    for t in range(steps):
        i = t%(steps//2)*bs
        part = Net.__new__(Net)
        part.__dict__.update(net.__dict__, t=net.t[i:i+bs])
        _,_,*grads = autograd(part.right, 1., x[i:i+bs], *want[1:])
        for p,g in zip(want[1:], grads): p -= (lr+(final_lr-lr)*t/steps)*len(x[i:i+bs])/bs*g
    model = net.model()
    training.fit(model, net.x, net.t, epochs=2, bs=bs, lr=lr, final_lr=final_lr, shuffle=False, progress=False)
    for a,b in zip(model.params(), want[1:]): assert (a-b).abs().max() <= 1e-10*b.abs().max().clamp_min(1e-3)
    ran['fit'] += 1

# --- central differences ----------------------------------------------------------------------------------------------

tiny = dict(n=few, width=few, layouts=writable, dtypes=[torch.float64])

def differences(f, *ts):
    backward.check_grads(f, *ts)
    ran['central differences'] += 1

@prop(draw=draws(), n=few, n_in=few, n_out=few)
def test_differences_of_linear(draw, n, n_in, n_out):
    g = draw(n, n_out).double()
    def f(x, w, b): return (by_lin_grad(x, w, b, g)[0]*g).sum()
    def lay(x, w, b): return (layer(layers.Lin(w, b), g, x)[0]*g).sum()
    for o in (f, lay): differences(o, draw(n, n_in), draw(n_in, n_out), draw(n_out))

@prop(draw=draws(), n=few, m=few, shift=st.floats(-2, 2, width=16))
def test_differences_of_relu(draw, n, m, shift):
    x,g = draw(n, m),draw(n, m).double()
    x = x+x.sign()*.01 # away from the corner
    for f in (by_relu_grad, lambda x, g: layer(layers.Relu(shift), g, x)): differences(lambda x: (f(x, g)[0]*g).sum(), x)

@prop(draw=draws(), n=few, c=few)
def test_differences_of_losses(draw, n, c):
    t,labels = draw(n).double(),draw.labels(n, c)
    for f in (by_mse_grad, MSE['Mse']): differences(lambda x: f(x, t, 1.)[0], draw(n, 1))
    differences(lambda x: CE['CrossEntropy'](x, labels, 1.)[0], draw(n, c))

@prop(net=nets(shift=st.floats(-1, 1, width=16), **tiny))
def test_differences_of_models(net):
    net.want()
    assume(net.kink>1e-3)
    def f(x, *wb):
        net.x,net.ws,net.bs = x,wb[::2],wb[1::2]
        model = net.model()
        loss = model(x, net.t)
        model.backward(True)
        return loss
    differences(f, *net.tensors)

@prop(net=nets(kind=st.just('mse'), depth=st.just(2), **tiny))
def test_differences_of_forward_and_backward(net):
    net.want()
    assume(net.kink>1e-3)
    differences(lambda x, w1, b1, w2, b2: backward.forward_and_backward(x, net.t, w1, b1, w2, b2), *net.tensors)

@pytest.mark.parametrize('f', ['linear_fn', 'relu_fn', 'mse_fn'])
def test_autograd_can_differentiate_our_derivatives_again(f):
    rand = Draw(0, torch.float64, ['contiguous'])
    args = dict(linear_fn=[(4,3), (2,3), (2,)], relu_fn=[(4,3)], mse_fn=[(4,1), (4,)])[f]
    args = [leaf(rand(*o)) for o in args]
    assert torch.autograd.gradcheck(getattr(nn, f), args) and torch.autograd.gradgradcheck(getattr(nn, f), args)

def test_a_thousand_examples():
    if len(ran)<12: pytest.skip('only some of the properties were run')
    assert sum(ran.values())>=1000, ran

# --- the checks bite: each property fails on a broken copy --------------------------------------------------------------

def fails(test, **kw):
    "The test `test` fails, a property within a few examples"
    if hasattr(test, 'hypothesis'):
        quick = settings(max_examples=25, phases=[Phase.generate], derandomize=True, deadline=None, database=None)
        test = quick(given(**test.hypothesis._given_kwargs)(test.hypothesis.inner_test))
    with pytest.raises(AssertionError): test(**kw)

DAMAGE = dict(a_little=lambda t: t*(1+1e-3), zero=torch.zeros_like, one_value=lambda t: t.flatten().index_fill(0, torch.tensor([0]), 1.).view(t.shape),
              order=lambda t: t.flatten().roll(1).view(t.shape) if t.numel()>1 else t+1)
WAYS = {f'{how}-{i}':(test, table, how, i) for test,table,results in ((test_linear, LIN, 4), (test_relu, RELU, 2), (test_mean_squared_error, MSE, 2),
        (test_cross_entropy, CE, 2), (test_nets, NET, 4)) for how in table for i in range(results)}

@pytest.mark.parametrize('way', WAYS)
def test_a_damaged_result_is_seen(way, monkeypatch):
    test,table,how,i = WAYS[way]
    right = table[how]
    for damage in DAMAGE.values():
        monkeypatch.setitem(table, how, lambda *args: [damage(o) if k==i else o for k,o in enumerate(right(*args))])
        fails(test, how=how)

def g(o, value): o.g = value
def added(w): w.g = w.total = w.g+getattr(w, 'total', 0)

MISTAKES = { # whose, which function, what it does wrong afterwards, the tests that see it
    'w.g without its transpose': (backward, 'lin_grad', lambda x, o, w, b: g(w, (o.g.t()@x).reshape(w.shape)),
        [(test_linear, 'lin_grad'), (test_differences_of_linear,), (test_forward_and_backward,), (test_differences_of_forward_and_backward,)]),
    'inp.g by / for *': (backward, 'lin_grad', lambda x, o, w, b: g(x, o.g@(1/w).t()), [(test_linear, 'lin_grad'), (test_differences_of_linear,), (test_forward_and_backward,)]),
    'b.g a mean': (backward, 'lin_grad', lambda x, o, w, b: g(b, o.g.mean(0)), [(test_linear, 'lin_grad'), (test_differences_of_linear,), (test_forward_and_backward,)]),
    'b.g along the wrong axis': (backward, 'lin_grad', lambda x, o, w, b: g(b, o.g.sum(1)), [(test_linear, 'lin_grad'), (test_differences_of_linear,), (test_forward_and_backward,)]),
    'upstream forgotten': (backward, 'lin_grad', lambda x, o, w, b: g(w, x.t()@torch.ones_like(o.g)), [(test_linear, 'lin_grad'), (test_differences_of_linear,)]),
    'a gate open at 0': (backward, 'relu_grad', lambda x, o: g(x, o.g*(x>=0)), [(test_relu_at_exactly_0, 'relu_grad')]),
    'a gate by /': (backward, 'relu_grad', lambda x, o: g(x, o.g/(x>0)), [(test_relu, 'relu_grad'), (test_differences_of_relu,), (test_forward_and_backward,)]),
    'a gate without upstream': (backward, 'relu_grad', lambda x, o: g(x, (x>0).to(x.dtype)), [(test_relu, 'relu_grad'), (test_differences_of_relu,), (test_forward_and_backward,)]),
    'no 1/n': (backward, 'mse_grad', lambda x, t: g(x, x.g*len(t)), [(test_mean_squared_error, 'mse_grad'), (test_differences_of_losses,), (test_forward_and_backward,)]),
    'the other sign': (backward, 'mse_grad', lambda x, t: g(x, -x.g), [(test_mean_squared_error, 'mse_grad'), (test_differences_of_losses,), (test_forward_and_backward,)]),
    'no 2': (layers.Mse, 'bwd', lambda l, o, x, t: g(x, x.g/2), [(test_mean_squared_error, 'Mse'), (test_differences_of_losses,), (test_nets, 'Model'), (test_differences_of_models,)]),
    'a gate by the shifted output': (layers.Relu, 'bwd', lambda l, o, x: g(x, o.g*(o>0)),
        [(test_shifted_relu,), (test_shifted_model_without_the_inputs_gradient,), (test_differences_of_relu,), (test_differences_of_models,), (test_step, 'sgd')]),
    'added up': (layers.Lin, 'bwd', lambda l, o, x: added(l.w), [(test_nets, 'Model'), (test_shifted_model_without_the_inputs_gradient,)]),
    'softmax down the columns': (training.CrossEntropy, 'bwd', lambda l, o, x, t: g(x, (x.softmax(0)-F.one_hot(t, x.shape[1]))/len(t)),
        [(test_cross_entropy, 'CrossEntropy'), (test_differences_of_losses,), (test_nets, 'Model'), (test_step, 'fused'), (test_fit,)]),
    'inp.g after the step': (layers.Lin, 'step', lambda l, o, x, lr: g(x, (l.w@o.g.t()).t()), [(test_step, 'fused'), (test_fit,)]),
    'uphill': (training.SGD, 'step', lambda s: [p.add_(p.g, alpha=2*s.lr) for p in s.params], [(test_step, 'sgd')])}

@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_is_seen(mistake, monkeypatch):
    owner,name,wrong,tests = MISTAKES[mistake]
    right = getattr(owner, name)
    def broken(*args):
        res = right(*args)
        wrong(*args)
        return res
    monkeypatch.setattr(owner, name, broken)
    for test,*how in tests:
        key = 'by' if test is test_step else 'how'
        fails(test, **{key:o for o in how}, **dict(zero=0.) if test is test_relu_at_exactly_0 else {})
