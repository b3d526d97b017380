"`nn`: a registry that meets torch.nn, torch.optim, torch.compile, skorch and a DataLoader, and refuses what it can't hold."
import copy, pickle, shutil

import numpy as np
import pytest
import torch
from mlp_foundations import nn
from mlp_foundations.data import get_data
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.training import SGD, cross_entropy

torch.set_num_threads(1)
def rand(*shape, seed=0): return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
def net(*sizes, bias=True):
    g = torch.Generator().manual_seed(0)
    return nn.Sequential(*[o for i,j in zip(sizes, sizes[1:]) for o in (nn.ReLU(), nn.Linear(i, j, bias, generator=g))][1:])

@pytest.mark.parametrize('value, todo', [(torch.nn.Linear(2, 3), 'from_torch'), (torch.nn.Parameter(torch.ones(2)), 'nn.Parameter'), (torch.nn.Dropout(), 'to_torch')])
def test_what_is_torchs_is_refused_as_an_attribute(value, todo):
    "Fault: it is kept and not registered, so nobody trains it"
    o = nn.Module()
    with pytest.raises(TypeError, match=todo): o.part = value
    assert not hasattr(o, 'part')

class Outer(torch.nn.Module):
    def __init__(self, seen):
        super().__init__()
        self.net = net(4, 3, 2)
        if seen: self.ps = torch.nn.ParameterList(self.net.parameters())
    def forward(self, x): return self.net(x)

def test_our_net_in_a_torch_module():
    "Fault: its parameters are not registered there, and nothing says so"
    with pytest.raises(TypeError, match='ParameterList'): Outer(False)(rand(5, 4))
    with torch.no_grad(): assert Outer(False)(rand(5, 4)).shape==(5,2) # nobody trains it
    o = copy.deepcopy(Outer(True))
    assert {*map(id, o.parameters())}=={*map(id, o.net.parameters())}
    o(rand(5, 4)).sum().backward()
    assert all(p.grad is not None for p in o.parameters())
    own = torch.nn.Module()
    own.w = nn.Parameter(torch.ones(2))
    assert [k for k,_ in own.named_parameters()]==['w']

def test_modules_as_torchs():
    "Fault: other names, another order, or a shared module twice"
    def build(m):
        l,o = m.Linear(3, 3),m.Module()
        o.body,o.head,o.again = m.Sequential(l, m.Sequential(m.ReLU(), l)),m.Linear(3, 1),l
        return o
    ours,theirs = build(nn),build(torch.nn)
    for f in ('named_modules', 'named_children', 'named_parameters'): assert [k for k,_ in getattr(ours, f)()]==[k for k,_ in getattr(theirs, f)()]
    order = [[], []]
    for o,l in zip((ours, theirs), order): assert o.apply(lambda m: l.append(type(m).__name__)) is o
    assert order[0]==order[1]
    assert ours.eval() is ours and not any(o.training for o in ours.modules())
    assert all(o.training for o in ours.train().modules())
    with pytest.raises(ValueError, match='True or False'): ours.train(rand(2))
    assert ours.requires_grad_(False) is ours and not any(p.requires_grad for p in ours.parameters())

def test_a_slice_is_a_sequential():
    "Fault: a list comes back, or other names than torch.nn's"
    a,x = net(4, 3, 2),rand(5, 4)
    assert a[2:](a[:2](x)).equal(a(x)) and isinstance(a[:2], nn.Sequential) and a[1:][1] is a[2]
    assert list(a[1:].state_dict())==list(nn.to_torch(a)[1:].state_dict())

def test_to_changes_all_or_nothing(monkeypatch):
    "Fault: it stops in the middle, and half of the net has another dtype"
    a = net(4, 3, 2)
    with pytest.raises(TypeError, match='floating'): a.to(torch.int64)
    calls,to = [],torch.Tensor.to
    def fails(self, *args):
        calls.append(self)
        if len(calls)==3: raise RuntimeError('out of memory')
        return to(self, *args)
    with monkeypatch.context() as m:
        m.setattr(torch.Tensor, 'to', fails)
        with pytest.raises(RuntimeError, match='out of memory'): a.to(torch.float64)
    assert len(calls)==3 and {p.dtype for p in a.parameters()}=={torch.float32}
    assert {p.dtype for p in a.to(torch.float64).parameters()}=={torch.float64}

def test_a_linear_without_bias():
    "Fault: a bias all the same, one that is lost on the way to torch.nn and back, or a generator taken for it"
    a,x = net(4, 3, 2, bias=False),rand(5, 4).requires_grad_()
    assert list(a.state_dict())==['0.weight', '2.weight'] and 'bias=False' in repr(a)
    theirs = nn.to_torch(a)
    torch.testing.assert_close(a(x), theirs(x))
    torch.testing.assert_close(nn.from_torch(theirs)(x), theirs(x))
    x64,w64 = (o.detach().double().requires_grad_() for o in (x, a[0].weight))
    assert torch.autograd.gradcheck(nn.linear_fn, (x64, w64))
    with pytest.raises(TypeError, match='bias must be'): nn.Linear(3, 2, torch.Generator())

def test_state_from_numpy():
    "Fault: an AttributeError of NumPy, or half a net loaded"
    a,b = net(4, 3, 2),net(4, 3, 2).to(torch.float64)
    state = {k: v.numpy()+1 for k,v in a.state_dict().items()}
    b.load_state_dict(state)
    for k,v in b.state_dict().items(): assert np.array_equal(v.numpy(), state[k])
    for bad in (np.ones(7), np.ones(2)*1j):
        with pytest.raises(ValueError, match='2.bias'): b.load_state_dict({**{k: v*0 for k,v in state.items()}, '2.bias': bad})
    assert np.array_equal(b[0].weight.detach().numpy(), state['0.weight'])

def test_one_layer_there_and_back():
    "Fault: an error about iteration"
    l,x = torch.nn.Linear(4, 3),rand(5, 4)
    torch.testing.assert_close(nn.from_torch(l)(x), l(x))
    torch.testing.assert_close(nn.to_torch(nn.from_torch(l)[0])(x), l(x))
    with pytest.raises(ValueError, match='from_torch knows'): nn.from_torch(None)

def test_copies_and_pickles():
    "Fault: a copy that shares memory, unties, thaws a parameter, or is no Parameter"
    a = net(3, 3, 3)
    a[2].weight = a[0].weight
    a[0].bias.requires_grad_(False)
    for q in (copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert q[0].weight is q[2].weight and type(q[0].weight) is nn.Parameter and q[0].weight.is_leaf
        assert q[0].weight.data_ptr()!=a[0].weight.data_ptr() and not q[0].bias.requires_grad and q[2].bias.requires_grad

COMPILERS = ['eager', 'aot_eager', pytest.param('inductor', marks=pytest.mark.skipif(not shutil.which('g++'), reason='no C++ compiler'))]
@pytest.mark.parametrize('backend', COMPILERS)
def test_compile(backend):
    "Fault: a Parameter that torch.compile can't trace"
    a,x = net(4, 8, 3),rand(20, 4)
    torch._dynamo.reset()
    out = torch.compile(lambda x: a(x), backend=backend)(x)
    torch.testing.assert_close(out, a(x))
    got,want = (torch.autograd.grad(o.square().sum(), list(a.parameters())) for o in (out, a(x)))
    for g,w in zip(got, want): torch.testing.assert_close(g, w)

def test_vmap_says_what_it_lacks():
    "Fault: a wrong value without a word"
    with pytest.raises(RuntimeError, match='setup_context'): torch.vmap(net(4, 3))(rand(2, 5, 4))

def test_adam_on_digits_from_a_dataloader_beside_torch():
    "Fault: a parameter that the optimiser does not get, or a wrong gradient"
    x,y,_,_ = get_data()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x[:500].double(), y[:500]), batch_size=50)
    ours = net(784, 20, 10).to(torch.float64)
    theirs = nn.to_torch(ours)
    losses = []
    for model in (ours, theirs):
        opt = torch.optim.Adam(model.parameters(), 1e-3)
        losses.append([])
        for xb,yb in loader:
            model.zero_grad()
            loss = (cross_entropy if model is ours else torch.nn.functional.cross_entropy)(model(xb), yb)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
            opt.step()
            losses[-1].append(loss.item())
    assert losses[0][-1]<losses[0][0]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=0)
    for p,q in zip(ours.parameters(), theirs.parameters(), strict=True): torch.testing.assert_close(p.data, q.data)

class Digits(torch.nn.Module):
    "skorch asks for a torch.nn.Module: one that registers the parameters of our net"
    def __init__(self):
        super().__init__()
        self.net = net(784, 30, 10)
        self.ps = torch.nn.ParameterList(self.net.parameters())
    def forward(self, x): return self.net(x)

def test_skorch_trains_our_net_on_digits():
    "Fault: skorch does not train the parameters, or loses them in a clone or a pickle"
    skorch = pytest.importorskip('skorch')
    x,y,xv,yv = (o.numpy() for o in get_data())
    made = dict(optimizer=torch.optim.Adam, lr=.003, batch_size=64, max_epochs=2, train_split=None, verbose=0)
    est = skorch.NeuralNetClassifier(Digits, criterion=torch.nn.CrossEntropyLoss, **made).fit(x[:5000], y[:5000])
    assert est.score(xv[:1000], yv[:1000])>.8
    again = pickle.loads(pickle.dumps(est))
    assert np.array_equal(again.predict_proba(xv[:50]), est.predict_proba(xv[:50]))
    with pytest.raises(ValueError, match='empty parameter list'): # our net by itself has nothing that skorch sees
        skorch.NeuralNetClassifier(type('Bare', (nn.Linear,), {}), module__n_in=784, module__n_out=10, **made).fit(x[:9], y[:9])

def test_our_sgd_refuses_autograds_gradients():
    "Fault: nothing is stepped, and nothing says so"
    a = net(4, 1)
    nn.mse_fn(a(rand(5, 4)), rand(5)).backward()
    with pytest.raises(ValueError, match='for .grad use torch.optim'): SGD(a.parameters(), .1).step()

def test_torchs_optimiser_steps_our_model():
    "Fault: parameters with .g and no .grad are skipped in silence"
    model = Model([Lin(rand(4, 3), rand(3)), Relu(), Lin(rand(3, 1), rand(1))], Mse())
    before,opt = [p.clone() for p in model.params()],torch.optim.SGD(model.params(), .1)
    model(rand(5, 4), rand(5))
    model.backward()
    opt.step()
    for p,q in zip(model.params(), before): torch.testing.assert_close(p, q-.1*p.g)

def test_a_layer_that_computes_something_else_is_not_moved():
    "Fault: a subclass with another forward becomes a plain layer"
    class Twice(nn.Linear):
        def forward(self, x): return 2*super().forward(x)
    class TorchTwice(torch.nn.Linear):
        def forward(self, x): return 2*super().forward(x)
    for o in (Twice(2, 2), Mse(), Relu(.5), None, torch.relu):
        with pytest.raises(ValueError, match='to_torch knows'): nn.to_torch([o])
    for o in (TorchTwice(2, 2), torch.nn.Tanh(), None):
        with pytest.raises(ValueError, match='from_torch knows'): nn.from_torch([o])
    t = nn.to_torch([Lin(torch.ones(3, 2), torch.zeros(2))])[0]
    assert (t.in_features, t.out_features)==(3, 2)

def test_weights_that_change_places():
    "Fault: state_dict shares memory with the parameters, and the first copy overwrites the second value"
    a = net(2, 2, 2)
    state = a.state_dict()
    want = {k: v.clone() for k,v in state.items()}
    turn = lambda k: ('2' if k[0]=='0' else '0')+k[1:]
    a.load_state_dict({k: state[turn(k)] for k in state})
    for k,v in a.state_dict().items(): assert v.equal(want[turn(k)])

@pytest.mark.parametrize('f, shapes', [(nn.relu_fn, [(4,3)]), (nn.linear_fn, [(4,3), (2,3), (2,)]), (nn.mse_fn, [(4,1), (4,)]), (nn.mse_fn, [(4,), (4,)])])
def test_derivatives(f, shapes):
    "Fault: a second derivative that is lost, a change in place that is not noticed"
    args = [rand(*o, seed=i).double().requires_grad_() for i,o in enumerate(shapes)]
    assert torch.autograd.gradcheck(f, args) and torch.autograd.gradgradcheck(f, args)
    out = f(*args)
    with torch.no_grad(): (out if f is nn.relu_fn else args[0]).mul_(2)
    with pytest.raises(RuntimeError, match='modified by an inplace operation'): out.sum().backward()

def test_what_is_refused_before_anything_is_changed():
    "A state of another net that is loaded in part, a torch layer in a Sequential, tied weights that are untied"
    a = net(3, 2)
    before = a.state_dict()['0.weight'].clone()
    for state in ({}, {**a.state_dict(), 'more': rand(2)}, {'0.weight': rand(2, 3)}):
        with pytest.raises(ValueError, match='missing: .*unexpected: '): a.load_state_dict(state)
    assert torch.equal(a.state_dict()['0.weight'], before)
    with pytest.raises(TypeError, match='is no nn.Module of ours'): nn.Sequential(torch.nn.Linear(2, 3))
    b = nn.Linear(3, 3)
    for f,layers in ((nn.to_torch, [b, b]), (nn.from_torch, [torch.nn.Linear(3, 3)]*2)):
        with pytest.raises(ValueError, match='would untie'): f(layers)

def test_sizes_and_biases_are_those_of_the_layer():
    "Sizes exchanged on the way to torch, a bias lost or invented"
    for bias in (True, False):
        theirs = nn.to_torch(nn.Linear(3, 2, bias))[0]
        assert (theirs.in_features, theirs.out_features, theirs.bias is not None)==(3, 2, bias)
        assert f'bias={bias}' in repr(theirs)

def test_defaults_of_a_module():
    "A module that begins in eval mode, or stays frozen"
    a = nn.Linear(2, 2)
    assert a.training is True
    assert not any(p.requires_grad for p in a.requires_grad_(False).parameters()) and all(p.requires_grad for p in a.requires_grad_().parameters())
