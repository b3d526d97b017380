"05: layers are their formulas, a model is a list, and what goes wrong between the forward and the backward pass is told."
import copy, io, pickle

import pytest, torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import tensor

from mlp_foundations import nn
from mlp_foundations.all import CrossEntropy, Lin, Model, Module, Mse, Relu, SGD, cross_entropy, fit, mse, relu
from mlp_foundations.data import test_near as near
from draws import Shortcut, autograd, close, draws, prop, rows, width

def randn(*size, seed=0): return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
def net(*sizes, loss=None, seed=0, dtype=torch.float64):
    ws = [(randn(i, j, seed=seed+k).to(dtype), randn(j, seed=seed+k+50).to(dtype)) for k,(i,j) in enumerate(zip(sizes, sizes[1:]))]
    return Model([o for w,b in ws for o in (Lin(w, b), Relu())][:-1], loss or Mse())
def want(model, x, targ, loss=F.mse_loss):
    "The loss, and the gradients of `x` and of the parameters, by autograd"
    x,*ps = [o.detach().clone().requires_grad_() for o in (x, *model.params())]
    out = x
    for i,(w,b) in enumerate(zip(ps[::2], ps[1::2])): out = (out.relu() if i else out)@w+b
    l = loss(out[:,0] if loss is F.mse_loss else out, targ)
    l.backward()
    return l.detach(), [o.grad for o in (x, *ps)]
def got(model, x): return [o.g for o in (x, *model.params())]

# --- the formulas --------------------------------------------------------------------------------------------------------------

@prop(draw=draws, n=rows, n_in=width, n_out=width)
def test_lin(draw, n, n_in, n_out):
    "A factor, a transpose or a sum over the wrong axis in one of the three gradients, in any memory layout"
    inp,w,b,g = draw(n, n_in),draw(n_in, n_out),draw(n_out),draw(n, n_out)
    l = Lin(w, b)
    l(inp).g = g
    l.backward()
    size = [a.double().abs() for a in (inp, w, b, g)]
    bound = [size[0]@size[1]+size[2], size[3]@size[1].t(), size[0].t()@size[3], size[3].sum(0)]
    close([l.out, inp.g, w.g, b.g], autograd(lambda i, w, b: i@w+b, g, inp, w, b), bound)

@prop(draw=draws, n=rows, m=width, shift=st.sampled_from([0., .5, -1.]))
def test_relu(draw, n, m, shift):
    "A gate that is open at 0, a shift that reaches the gradient, an upstream gradient left out"
    inp,g = draw(n, m).clone(),draw(n, m)
    inp[0,0] = 0.
    l = Relu(shift)
    l(inp).g = g
    l.backward()
    close([l.out, inp.g], autograd(lambda i: i.relu()-shift, g, inp), [inp.double().abs()+abs(shift), g.double().abs()])

@pytest.mark.parametrize('flat', [False, True])
def test_mse(flat):
    "The 1/n or the 2 forgotten, and (n, 1) against (n,) made a table"
    inp,targ = randn(7, 1),randn(7, seed=1)
    inp = inp[:,0] if flat else inp
    l = Mse()
    assert torch.isclose(l(inp, targ), F.mse_loss(inp.reshape(-1), targ))
    l.backward()
    near(inp.g, 2/7*(inp-targ.view_as(inp)), rtol=1e-12)

@pytest.mark.parametrize('sizes', [(3, 1), (4, 5, 1), (2, 3, 4, 1), (5, 4, 4, 3, 1)])
def test_a_model_of_any_depth(sizes):
    "A layer left out, or called in the wrong order, in either pass; x.g missing"
    model,x,targ = net(*sizes),randn(6, sizes[0], seed=7),randn(6, seed=8)
    loss,grads = want(model, x, targ)
    near(model(x, targ), loss, rtol=1e-10)
    model.backward()
    for a,b in zip(got(model, x), grads, strict=True): near(a, b, rtol=1e-9, atol=1e-12)
    near(model(x), model.layers[-1].out, rtol=0.)

def test_gradients_are_replaced():
    "Gradients that are added to those of the pass before"
    model,x,targ = net(3, 4, 1),randn(5, 3),randn(5, seed=1)
    for _ in range(2):
        model(x, targ)
        model.backward()
    for a,b in zip(got(model, x), want(model, x, targ)[1]): near(a, b, rtol=1e-9, atol=1e-12)

def test_lists_and_single_layers():
    "`Model(layer, loss)` that fails for want of brackets, a list that is changed under the model"
    layers = [Lin(randn(3, 1), randn(1))]
    model = Model(layers, Mse())
    layers.clear()
    assert len(model.layers)==1 and len(Model(Lin(randn(3, 1), randn(1)), Mse()).params())==2

# --- between the passes ----------------------------------------------------------------------------------------------------------

def test_backward_before_forward():
    "An AttributeError about something inside"
    for o in (Relu(), Lin(randn(2, 1), randn(1)), Mse(), net(2, 1)):
        with pytest.raises(RuntimeError, match=f'{type(o).__name__}.backward: there was no forward pass'): o.backward()

def swap(t): t.data = t.data.clone()
@pytest.mark.parametrize('who, change, said', [
    ('x', lambda m, x: x.mul_(2), 'Lin.backward: argument 0'), ('x.data', lambda m, x: swap(x), 'Lin.backward: argument 0'),
    ('w', lambda m, x: m.layers[0].w.mul_(2), 'Lin.backward: parameter 0'), ('b', lambda m, x: m.layers[2].b.add_(1), 'Lin.backward: parameter 1'),
    ('w replaced', lambda m, x: setattr(m.layers[2], 'w', m.layers[2].w.clone()), 'Lin.backward: parameter 0'),
    ('w.data', lambda m, x: swap(m.layers[2].w), 'Lin.backward: parameter 0'), ('hidden', lambda m, x: m.layers[1].out.mul_(2), 'Lin.backward: argument 0'),
    ('out', lambda m, x: m.layers[2].out.mul_(2), 'Mse.backward: argument 0'), ('loss', lambda m, x: m.loss.out.mul_(2), 'Mse.backward: the output')])
def test_what_was_changed_between_the_passes(who, change, said):
    "Gradients of a loss that nobody computed"
    model,x,targ = net(3, 4, 1),randn(5, 3),randn(5, seed=1)
    model(x, targ)
    change(model, x)
    with pytest.raises(RuntimeError, match=f'{said} was changed since the forward pass'): model.backward()
    model(x, targ)
    model.backward()

@pytest.mark.parametrize('call', [lambda m, x: m(x), lambda m, x: m.layers[0](x.clone()), lambda m, x: m.layers[1](randn(5, 4)), lambda m, x: m.layers[2](randn(5, 4))])
def test_another_call_between_the_passes(call):
    "The gradients of other rows: a layer remembers its last call, whoever made it"
    model,x,targ = net(3, 4, 1),randn(5, 3),randn(5, seed=1)
    model(x, targ)
    call(model, x)
    with pytest.raises(RuntimeError): model.backward()

def test_the_loss_called_again():
    "As above: the loss of other outputs, or against other targets"
    model,x,targ = net(3, 4, 1),randn(5, 3),randn(5, seed=1)
    for other in ((randn(5, 1), targ), (None, targ+1)):
        model(x, targ)
        model.loss(model.layers[-1].out if other[0] is None else other[0], other[1])
        with pytest.raises(RuntimeError, match='another call came since'): model.backward()

def test_under_inference_mode():
    "Tensors that count no changes"
    model,x,targ = net(3, 4, 1),randn(5, 3),randn(5, seed=1)
    with torch.inference_mode():
        model(x*1, targ)
        model.backward()
    near(model.params()[0].g.clone(), want(model, x, targ)[1][1], rtol=1e-9, atol=1e-12)

def test_an_upstream_gradient_that_is_missing_or_of_another_shape():
    "A (n, 1) that would broadcast, and a layer whose bwd forgot to store"
    for l,inp in ((Relu(), randn(4, 3)), (Lin(randn(3, 3), randn(3)), randn(4, 3))):
        out = l(inp)
        with pytest.raises(RuntimeError, match=r'the output \(4, 3\) has no .g of its shape'): l.backward()
        for g in (randn(4, 1), randn(3), randn(1, 4, 3)):
            out.g = g
            with pytest.raises(RuntimeError, match='has no .g of its shape'): l.backward()

# --- what makes no model -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('bad, said', [(Relu, 'layers.Relu'), (relu, 'function relu'), (torch.nn.ReLU(), r'ReLU\(\)'), (torch.nn.Linear(2, 1), 'Linear'), (nn.Linear(2, 1), 'Linear'), (None, 'None'), ('relu', "'relu'")])
def test_layers_that_are_none(bad, said):
    "An AttributeError in the middle of a pass"
    with pytest.raises(TypeError, match=f'layer 1 of a Model is .*{said}.*no Module: write Lin'): Model([Lin(randn(2, 1), randn(1)), bad], Mse())

@pytest.mark.parametrize('bad', [CrossEntropy, cross_entropy, mse, torch.nn.MSELoss(), F.mse_loss, None])
def test_losses_that_are_none(bad):
    "The same, for a loss"
    with pytest.raises(TypeError, match='the loss of a Model is .*no Module: write .*CrossEntropy'): Model([Lin(randn(2, 1), randn(1))], bad)

def test_one_layer_or_one_memory_twice():
    "Half a gradient: one layer remembers one call, one memory is stepped by two"
    r,w,b = Relu(),randn(3, 3),randn(3)
    with pytest.raises(ValueError, match='layer 0 is in the Model twice'): Model([r, Lin(w, b), r], Mse())
    for w_,b_ in ((w, randn(3)), (w.t(), randn(3)), (w[:2], randn(3)), (randn(3, 3), b), (randn(3, 3), w[0]), (randn(3, 3), b[:])):
        with pytest.raises(ValueError, match='share memory'): Model([Lin(w, b), Relu(), Lin(w_, b_)], Mse())
    with pytest.raises(ValueError, match='requires_grad'): Model([Lin(w.clone().requires_grad_(), b)], Mse())

@pytest.mark.parametrize('args, said', [((4, 3), 'Lin needs .*number 1 is no tensor but a int'), ((torch.ones(4, 3), None), 'number 2 is no tensor but a NoneType'),
    ((torch.ones(4, 3), torch.ones(4)), r'Lin needs \(n_in, n_out\), \(n_out,\), and was given \(4, 3\), \(4,\)'), ((torch.ones(4, 3).long(), torch.ones(3)), 'torch.int64')])
def test_weights_that_are_none(args, said):
    "`Lin(784, 50)` as PyTorch has it"
    with pytest.raises((TypeError, ValueError), match=said): Lin(*args)

@pytest.mark.parametrize('inp, said', [(randn(4, 2), r'\(4, 2\)'), (randn(3), r'\(3,\)'), (randn(4, 3).float(), 'float32'), (torch.ones(4, 3).long(), 'int64'), ([[1., 2., 3.]], 'list'), (randn(0, 3), r'\(0, 3\)')])
def test_rows_that_do_not_fit(inp, said):
    "Broadcasting, and errors that don't name the layer"
    with pytest.raises((TypeError, ValueError), match=f'Lin needs.*{said}'): net(3, 4, 1)(inp)

# --- layers of one's own -------------------------------------------------------------------------------------------------------------

class Count(Module):
    "Counts its passes"
    def __init__(self): self.calls = []
    def forward(self, inp):
        self.calls.append('forward')
        return inp*2
    def bwd(self, out, inp):
        self.calls.append('bwd')
        inp.g = out.g*2

def test_every_pass_is_one_call():
    "A trial call, or a second forward pass: layers with running statistics would notice"
    c = Count()
    model,x,targ = Model([Lin(randn(3, 2), randn(2)), c, Lin(randn(2, 1), randn(1, seed=2))], Mse()),randn(8, 3),randn(8, seed=1)
    model(x, targ)
    model.backward()
    assert c.calls==['forward', 'bwd']
    fit(model, x, targ, epochs=1, lr=1e-3, bs=4, progress=False)
    assert c.calls==['forward', 'bwd']*3

class Rmse(Module):
    "A loss whose gradient needs its value"
    def forward(self, inp, targ): return (inp[:,0]-targ).pow(2).mean().sqrt()
    def bwd(self, loss, inp, targ): inp.g = ((inp[:,0]-targ)/(len(targ)*loss))[:,None]

def test_a_loss_that_needs_its_value():
    "None in the place of the loss"
    model,x,targ = net(3, 4, 1, loss=Rmse()),randn(6, 3),randn(6, seed=1)
    other = copy.deepcopy(model)
    model(x, targ)
    model.backward()
    for a,b in zip(got(model, x), want(model, x, targ, lambda out, t: (out[:,0]-t).pow(2).mean().sqrt())[1]): near(a, b, rtol=1e-9, atol=1e-12)
    SGD(model.params(), .1).step()
    fit(other, x, targ, epochs=1, lr=.1, bs=6, shuffle=False, progress=False)
    for a,b in zip(model.params(), other.params()): near(a, b, rtol=1e-12)

def test_a_model_that_overrides_both_passes():
    "`model(x)` or `fit` that follow another path than `backward`"
    layers = lambda: [Lin(randn(4, 5), torch.zeros(5).double()), Relu(), Lin(randn(5, 3, seed=1), torch.zeros(3).double())]
    model,x,targ = Shortcut(layers(), CrossEntropy()),randn(20, 4, seed=2),torch.arange(20)%3
    ps = [p.clone().requires_grad_() for p in model.params()]
    a = x@ps[0]+ps[1]
    out = (a+a.relu())@ps[2]+ps[3]
    loss = F.cross_entropy(out, targ)
    loss.backward()
    near(model(x), out.detach(), rtol=1e-10)
    near(model(x, targ), loss.detach(), rtol=1e-10)
    model.backward()
    for p,q in zip(model.params(), ps): near(p.g, q.grad, rtol=1e-9, atol=1e-12)
    record = fit(model, x, targ, epochs=1, lr=.1, final_lr=.1, bs=20, shuffle=False, progress=False)[0]
    assert abs(record['loss']-loss.item())<1e-12
    for p,q in zip(model.params(), ps): near(p, q.detach()-.1*q.grad, rtol=1e-9, atol=1e-12)

class Scaled(Mse):
    "A loss with a parameter"
    def __init__(self): self.s = tensor([2.], dtype=torch.float64)
    def params(self): return [self.s]
    def forward(self, inp, targ): return super().forward(inp, targ)*self.s[0]
    def bwd(self, out, inp, targ):
        super().bwd(out, inp, targ)
        inp.g = inp.g*self.s
        self.s.g = mse(inp, targ)[None]

def test_the_parameters_of_a_loss():
    "A parameter that nobody trains"
    model,x,targ = net(3, 1, loss=Scaled()),randn(6, 3),randn(6, seed=1)
    assert model.params()[-1] is model.loss.s
    fit(model, x, targ, epochs=1, lr=.1, bs=6, progress=False)
    assert model.loss.s.item()!=2

def test_what_a_layer_must_write():
    "A misspelt forward that hands on None, a bwd that leaves old gradients"
    class Double(Module):
        def foward(self, inp): return 2*inp
    with pytest.raises(NotImplementedError, match='Double has no forward'): Double()(randn(3))
    class Half(Module):
        def forward(self, inp): return inp/2
    l = Half()
    l(randn(3)).g = randn(3)
    with pytest.raises(NotImplementedError, match='Half has no bwd'): l.backward()
    class NoReturn(Module):
        def forward(self, inp): inp*2
    with pytest.raises(TypeError, match='NoReturn has no tensor to return'): NoReturn()(randn(3))
    class Returns(Half):
        def bwd(self, out, inp): return out.g/2
    model = Model([Lin(randn(3, 1), randn(1)), Returns()], Mse())
    model(randn(4, 3), randn(4))
    with pytest.raises(RuntimeError, match='the layer or loss after it sets it'): model.backward()

# --- copies, files, neighbours -------------------------------------------------------------------------------------------------------

def by_file(model):
    f = io.BytesIO()
    torch.save(model, f)
    f.seek(0)
    return torch.load(f, weights_only=False)

@pytest.mark.parametrize('make', [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), by_file], ids=['deepcopy', 'pickle', 'torch.save'])
def test_copies_in_the_middle_of_a_training(make):
    "A copy that carries the rows of the last call, shares weights with the first, or can't go on"
    model,x,targ = net(20, 5, 1),randn(3000, 20)/9,randn(3000, seed=1)
    fit(model, x, targ, epochs=1, lr=.01, progress=False)
    model(x, targ)
    other = make(model)
    size = sum(p.numel()*p.element_size() for p in model.params())
    assert len(pickle.dumps(model)) < 3*size+6000 < x.numel() # the weights, their gradients, and some words; not the rows
    model.backward() # the first one is as it was
    with pytest.raises(RuntimeError, match='no forward pass'): other.backward()
    for a,b in zip(model.params(), other.params()): assert torch.equal(a, b) and a.data_ptr()!=b.data_ptr()
    for m in (model, other): fit(m, x, targ, epochs=1, lr=.01, shuffle=False, progress=False)
    for a,b in zip(model.params(), other.params()): assert torch.equal(a, b)

class Listed(Module):
    "Keeps its weight twice, by name and in a list"
    def __init__(self, w): self.w,self.ps = w,[w]
    def params(self): return self.ps
    def forward(self, inp): return inp*self.w
    def bwd(self, out, inp): inp.g,self.w.g = out.g*self.w,(out.g*inp).sum(0)

def test_a_copy_keeps_one_tensor_one():
    "A copy whose forward uses one tensor while another is trained"
    model = copy.deepcopy(Model([Listed(randn(3)), Lin(randn(3, 1), randn(1))], Mse()))
    assert model.layers[0].w is model.layers[0].ps[0]

def test_an_old_gradient_does_not_pass_for_a_new_one():
    "A bwd that stores a gradient only sometimes: the step would be taken with that of another batch"
    class Forgets(Lin):
        def bwd(self, out, inp):
            inp.g,self.w.g = out.g@self.w.t(),inp.t()@out.g
            if len(inp)==5: self.b.g = out.g.sum(0)
    model = Model([Forgets(randn(3, 1), randn(1))], Mse())
    opt = SGD(model.params(), .1)
    for n in (5, 4):
        model(randn(n, 3), randn(n))
        model.backward()
        if n==5: opt.step()
    with pytest.raises(ValueError, match='needs its .g'): opt.step()

@pytest.mark.parametrize('kind', [torch.optim.SGD, torch.optim.Adam])
def test_optimisers_of_torch(kind):
    "torch.optim, which looks for .grad, does nothing without a word"
    model,x,targ = net(4, 5, 1),randn(30, 4),randn(30, seed=1)
    theirs = nn.to_torch(model)
    opts = kind(model.params(), lr=.05),kind(theirs.parameters(), lr=.05)
    for _ in range(5):
        model(x, targ)
        model.backward()
        opts[1].zero_grad()
        F.mse_loss(theirs(x)[:,0], targ).backward()
        for o in opts: o.step()
    for p,q in zip(model.params(), theirs.parameters()): near(p, q.detach().t() if q.ndim>1 else q.detach(), rtol=1e-8, atol=1e-10)

def test_a_layer_that_grew_between_the_passes():
    "A parameter more than the forward pass saw: an error of another kind, or its gradient from nothing"
    class Growing(Lin):
        more = ()
        def params(self): return [self.w, self.b, *self.more]
    layer = Growing(randn(3, 2), randn(2))
    layer(randn(4, 3)).g = torch.ones(4, 2).double()
    layer.more = [randn(2)]
    with pytest.raises(RuntimeError, match='the list of parameters was changed since the forward pass'): layer.backward()
