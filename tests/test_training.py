"What `fit`, `SGD` and the losses for classes do and refuse. Each test names the fault that it would catch."
import functools, inspect, math, signal, sys, threading
from unittest import mock

import numpy as np
import pytest
import torch
from mlp_foundations import nn
from mlp_foundations.layers import Lin, Model, Module, Relu
from mlp_foundations.training import SGD, CrossEntropy, accuracy, cross_entropy, fit, log_softmax
from draws import Shortcut

inf,nan = math.inf,math.nan
def gen(seed=0): return torch.Generator().manual_seed(seed)
def rows(n=6): return torch.randn(n, 3, generator=gen()), torch.arange(n)%2
def net(*first): return Model([*first, Lin(torch.randn(3, 2, generator=gen(1)), torch.zeros(2))], CrossEntropy())
def deep(dtype=torch.float32):
    ws = [torch.randn(p, q, generator=gen(p), dtype=dtype)/2 for p,q in ((3, 5), (5, 2))]
    return Model([Lin(ws[0], torch.zeros(5, dtype=dtype)), Relu(), Lin(ws[1], torch.zeros(2, dtype=dtype))], CrossEntropy())
def kept(model, f, *said, kind=ValueError):
    "`f()` is refused, says `said`, and the weights of `model` are bit for bit as they were"
    before = [p.clone() for p in model.params()]
    with pytest.raises(kind) as e: f()
    for o in said: assert str(o) in str(e.value), str(e.value)
    assert all(p.equal(q) for p,q in zip(model.params(), before))
def same(a, b, **kw):
    for p,q in zip(a.params(), b.params(), strict=True): torch.testing.assert_close(p, q, **kw)

# --- one path: model(xb, yb), model.backward(), opt.step() ------------------------------------------------------------

class Counting(Module):
    "A model that notes who calls it, and has no gradients at all"
    def __init__(self): self.calls,self.p = [],torch.zeros(1)
    def params(self): return [self.p]
    def __call__(self, x, targ=None):
        self.calls.append(('call', len(x), targ is not None))
        return torch.tensor(.5)
    def backward(self): self.calls.append('backward')
    def step(self): self.calls.append('step')

def test_a_batch_is_three_calls_and_nothing_else():
    "A trial call, a call for the score in between, or a second forward pass: layers that keep something would notice"
    m = Counting()
    fit(m, *rows(7), opt=m, epochs=2, bs=3, progress=False)
    assert m.calls==[o for _ in range(2) for n in (3, 3, 1) for o in (('call', n, True), 'backward', 'step')]

def test_valid_is_called_once_an_epoch_and_once_more_for_a_metric():
    m = Counting()
    fit(m, *rows(3), valid=rows(5), opt=m, epochs=1, progress=False)
    assert m.calls[3:]==[('call', 5, True)]
    m = Counting()
    fit(m, *rows(3), valid=rows(5), metric=lambda out, y: 1., opt=m, epochs=1, progress=False)
    assert m.calls[3:]==[('call', 5, True), ('call', 5, False)]

def by_hand(model, x, y, bs, lr, epochs=1):
    opt = SGD(model.params(), lr)
    for _ in range(epochs):
        for i in range(0, len(x), bs):
            model(x[i:i+bs], y[i:i+bs])
            model.backward()
            opt.step()
    return model

class Half(Lin):
    def bwd(self, out, inp):
        super().bwd(out, inp)
        self.w.g = self.w.g/2
class Rmse(Module):
    "Its gradient needs the value of the loss"
    def forward(self, inp, targ): return (inp[:,0]-targ).pow(2).mean().sqrt()
    def bwd(self, out, inp, targ): inp.g = ((inp[:,0]-targ)/(len(targ)*out))[:,None]
class Clipped(Model):
    def backward(self):
        super().backward()
        for p in self.params(): p.g = p.g.clamp(-.01, .01)
def half(): return Model([Half(torch.ones(3, 2), torch.zeros(2))], CrossEntropy())
def clipped(): return Clipped(deep().layers, CrossEntropy())
def shortcut(): return Shortcut(deep().layers, CrossEntropy())
def rmse(): return Model([Lin(torch.ones(3, 1), torch.zeros(1))], Rmse())
def on_one_object():
    m = net()
    def ones(out, inp): m.layers[0].w.g,m.layers[0].b.g = torch.ones(3, 2),torch.ones(2)
    m.layers[0].bwd = ones
    return m
@pytest.mark.parametrize('make', [half, clipped, shortcut, rmse, on_one_object])
def test_what_is_overridden_is_honoured(make):
    "A second, faster code path in fit that ignores a subclass, a loss or one object's own method"
    x,y = rows()
    y = y.float() if make is rmse else y
    fitted = make()
    fit(fitted, x, y, epochs=2, bs=2, lr=.1, final_lr=.1, shuffle=False, progress=False)
    same(fitted, by_hand(make(), x, y, 2, .1, 2), rtol=0, atol=0)

def test_a_short_last_batch_takes_a_full_step():
    x,y = rows(5)
    fitted = net()
    fit(fitted, x, y, epochs=1, bs=4, lr=.1, final_lr=.1, shuffle=False, progress=False)
    same(fitted, by_hand(net(), x, y, 4, .1), rtol=0, atol=0)

def test_lr_falls_linearly_to_final_lr():
    "The schedule off by one step, or counted in epochs"
    m,seen = net(),[]
    with mock.patch.object(SGD, 'step', lambda self: seen.append(self.lr)): fit(m, *rows(4), epochs=2, bs=2, lr=.4, final_lr=.2, progress=False)
    assert seen==pytest.approx([.4, .35, .3, .25])

# --- optimisers --------------------------------------------------------------------------------------------------------

class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.vs = mom,[torch.zeros_like(p) for p in self.params]
    def step(self):
        for p,v in zip(self.params, self.vs):
            v.mul_(self.mom).add_(p.g)
            p -= self.lr*v

def torch_nn(model, opt, x, y, bs):
    "The parameters after the same epochs by torch.nn and `opt`"
    first,_,last = model.layers
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)).double()
    with torch.no_grad():
        for l,o in ((theirs[0], first), (theirs[2], last)):
            l.weight.copy_(o.w.t())
            l.bias.copy_(o.b)
    opt = opt(theirs.parameters())
    for i in range(0, len(x), bs):
        opt.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x[i:i+bs]), y[i:i+bs]).backward()
        opt.step()
    return [theirs[0].weight.t(), theirs[0].bias, theirs[2].weight.t(), theirs[2].bias]

@pytest.mark.parametrize('ours, theirs', [(lambda p: Momentum(p, .1), lambda p: torch.optim.SGD(p, .1, momentum=.9)),
    (lambda p: torch.optim.Adam(p, .01), lambda p: torch.optim.Adam(p, .01)), (lambda p: SGD(p, .1), lambda p: torch.optim.SGD(p, .1))])
def test_optimisers_train_as_under_torch_nn(ours, theirs):
    "An opt that is ignored, whose lr is changed, or whose .grad is stale or missing"
    x,y = rows(20)
    x,model = x.double(),deep(torch.float64)
    want = torch_nn(model, theirs, x, y, 4)
    fit(model, x, y, opt=ours(model.params()), epochs=1, bs=4, shuffle=False, progress=False)
    for p,q in zip(model.params(), want): torch.testing.assert_close(p, q.detach(), rtol=1e-10, atol=1e-12)

def test_an_opt_keeps_its_lr():
    model = net()
    opt = SGD(model.params(), .05)
    fit(model, *rows(), opt=opt, epochs=2, bs=2, progress=False)
    assert opt.lr==.05
    for kw in (dict(lr=.1), dict(final_lr=.1)): kept(model, lambda: fit(model, *rows(), opt=opt, progress=False, **kw), 'an opt has its own lr')

def test_what_sgd_needs():
    "A parameter without a gradient that is passed over without a word, or one that is stepped twice"
    p = torch.ones(2)
    for lr in (0, -.1, nan, inf, -inf, '0.1', None):
        with pytest.raises(ValueError, match='lr above 0'): SGD([p], lr)
    with pytest.raises(ValueError, match='not 0 and 0.1'): SGD([], .1)
    q = torch.ones(3, 3)
    for two in ([p, torch.ones(2), p], [q, q.t()], [q, q[0]]):
        with pytest.raises(ValueError, match='share memory'): SGD(two, .1)
    a,b = torch.ones(2),torch.ones(3)
    a.g = torch.ones(2)
    for g in (None, torch.ones(1), torch.ones(3, 3)): # a (1,) would broadcast
        b.g = g
        with pytest.raises(ValueError, match=r'parameter \(3,\) needs its .g'): SGD([a, b], .1).step()
        assert a.equal(torch.ones(2))
    watched = torch.ones(3).requires_grad_()
    watched.g,b.g = torch.ones(3),torch.ones(3).requires_grad_()
    for p in (watched, b):
        with pytest.raises(ValueError, match='without requires_grad'): SGD([a, p], .1).step()
        assert a.equal(torch.ones(2)) and p.equal(torch.ones(3)) and not b.requires_grad
    model = net()
    kept(model, lambda: fit(model, rows()[0].requires_grad_(), rows()[1], progress=False), 'without requires_grad')
    net_ = nn.Sequential(nn.Linear(3, 2))
    torch.nn.functional.cross_entropy(net_(rows()[0]), rows()[1]).backward()
    with pytest.raises(ValueError, match='torch.optim'): SGD(net_.parameters(), .1).step()

# --- records -----------------------------------------------------------------------------------------------------------

def test_the_records():
    "The loss of the wrong rows; a metric under another name, or one that nobody passed"
    x,y = rows(5)
    model = net()
    res = fit(model, x, y, epochs=2, bs=2, progress=False)
    assert [list(o) for o in res]==2*[['epoch', 'seconds', 'loss']] and [o['epoch'] for o in res]==[0, 1] and all(o['seconds']>=0 for o in res)
    def hits(out, targ): return (out.argmax(1)==targ).sum().item()
    last = fit(model, x, y, valid=rows(9), metric=hits, epochs=1, progress=False)[-1]
    assert list(last)==['epoch', 'seconds', 'loss', 'valid_loss', 'hits']
    out = model(rows(9)[0])
    assert last['valid_loss']==cross_entropy(out, rows(9)[1]).item() and last['hits']==hits(out, rows(9)[1])
    assert list(fit(model, x, y, valid=rows(9), epochs=1, progress=False)[-1])==['epoch', 'seconds', 'loss', 'valid_loss']

def test_the_training_loss_is_the_mean_over_rows():
    "A mean over batches: the short one would weigh as much as a full one"
    x,y = rows(5)
    first,model = net(),net()
    want = (4*first(x[:4], y[:4]).item()+by_hand(net(), x[:4], y[:4], 4, .1)(x[4:], y[4:]).item())/5
    got = fit(model, x, y, epochs=1, bs=4, lr=.1, final_lr=.1, shuffle=False, progress=False)[0]['loss']
    assert got==pytest.approx(want, rel=1e-12)

@pytest.mark.parametrize('targ', [torch.arange(6)%3, (torch.arange(6)%2).bool(), torch.eye(3).long()[torch.arange(6)%3]])
def test_whole_numbers_are_not_taken_for_labels(targ):
    "A metric guessed from the dtype of the targets: a ValueError after the first epoch, and the records lost"
    class Regress(Module):
        def forward(self, inp, targ): return (inp-targ.float().view(len(targ), -1)).pow(2).mean()
        def bwd(self, out, inp, targ): inp.g = 2*(inp-targ.float().view(len(targ), -1))/inp.numel()
    m = Model([Lin(torch.zeros(3, targ.ndim if targ.ndim==1 else 3), torch.zeros(1 if targ.ndim==1 else 3))], Regress())
    res = fit(m, rows()[0], targ, valid=(rows()[0], targ), epochs=2, lr=.01, final_lr=.01, progress=False)
    assert list(res[-1])==['epoch', 'seconds', 'loss', 'valid_loss'] and res[1]['loss']<res[0]['loss']

def test_metrics_that_could_not_be_recorded():
    "A metric without valid, without a name, or under the name of something else is refused before the first step"
    def loss(out, targ): return 0.
    for metric in (loss, functools.partial(accuracy), CrossEntropy()):
        model = net()
        kept(model, lambda: fit(model, *rows(), valid=rows(), metric=metric, progress=False), 'metric')
    model = net()
    kept(model, lambda: fit(model, *rows(), metric=accuracy, progress=False), 'valid')

def test_a_metric_that_raises():
    "Its own error arrives, not another one, and Ctrl-C is as before"
    def broken(out, targ): raise ZeroDivisionError('mine')
    old = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError, match='mine'): fit(net(), *rows(), valid=rows(), metric=broken, progress=False)
    assert signal.getsignal(signal.SIGINT) is old

def test_the_bar(capfd, monkeypatch):
    "A bar that can't be switched off, or an AttributeError where there is no stderr (pythonw)"
    fit(net(), *rows(), epochs=2, progress=False)
    assert capfd.readouterr().err==''
    fit(net(), *rows(), epochs=2)
    assert '100%' in capfd.readouterr().err
    monkeypatch.setattr(sys, 'stderr', None)
    assert len(fit(net(), *rows(), epochs=2))==2

def test_the_order_of_the_rows():
    "Drawn anew for each epoch from `generator`, or from torch's own: one order for all epochs, or a generator that is ignored"
    x,y = rows()
    for seed in (0, 5):
        fitted,model,g = net(),net(),gen(seed)
        fit(fitted, x, y, epochs=2, bs=2, lr=.1, final_lr=.1, generator=gen(seed), progress=False)
        for _ in range(2):
            o = torch.randperm(6, generator=g)
            by_hand(model, x[o], y[o], 2, .1)
        same(fitted, model)
    a,b,c = net(),net(),net()
    for model,seed in ((a, 1), (b, 1), (c, 2)):
        torch.manual_seed(seed)
        fit(model, x, y, bs=2, progress=False)
    assert a.params()[0].equal(b.params()[0]) and not a.params()[0].equal(c.params()[0])

# --- what ends a training --------------------------------------------------------------------------------------------

class Overflows(Module):
    "Multiplies by infinity in its call number `at`"
    def __init__(self, at): self.at,self.weights = at,None
    def forward(self, inp):
        self.at -= 1
        if self.at<0: self.weights = [p.clone() for p in self.model.params()]
        return inp*inf if self.at<0 else inp
    def bwd(self, out, inp): inp.g = out.g

def test_a_loss_that_is_not_finite_stops_before_the_step():
    "A step by NaN, or an error that doesn't say where: weights must be bit for bit those before the batch"
    last = Overflows(4)
    model = Model([Lin(torch.ones(3, 2), torch.zeros(2)), last], CrossEntropy())
    last.model = model
    with pytest.raises(FloatingPointError) as e: fit(model, *rows(), epochs=5, bs=2, lr=.5, final_lr=.5, progress=False)
    for o in ('loss is nan', 'epoch 1, batch 1, lr 0.5', 'as they were', 'input ', 'Lin ', 'Overflows nan'): assert o in str(e.value) or o=='Overflows nan' and 'Overflows inf' in str(e.value), str(e.value)
    assert all(p.equal(q) and p.isfinite().all() for p,q in zip(model.params(), last.weights))

@pytest.mark.parametrize('bad', [nan, inf])
def test_one_bad_pixel_is_shown(bad):
    x,y = rows()
    x[3,1] = bad
    model = net()
    kept(model, lambda: fit(model, x, y, bs=6, progress=False), 'epoch 0, batch 0', f'input {bad}', kind=FloatingPointError)

def test_a_model_without_layers_can_overflow_too():
    "An AttributeError in place of the report"
    class Bad(Counting):
        def __call__(self, x, targ=None): return torch.tensor(nan)
    bad = Bad()
    for layers in ([], [Relu()]): # a layer that was never called has no output
        bad.layers = layers
        with pytest.raises(FloatingPointError, match='lr None'): fit(bad, *rows(), opt=Counting(), progress=False)
    with pytest.raises(FloatingPointError, match='lr None'): fit(Bad(), *rows(), opt=Counting(), progress=False)

def test_a_last_step_that_ruins_the_weights():
    "Behind it there is no batch whose loss would tell"
    x,y = torch.full((2,3), -inf),torch.tensor([0, 1])
    model = Model([Lin(torch.ones(3, 2), torch.zeros(2)), Relu(), Lin(torch.ones(2, 2), torch.zeros(2))], CrossEntropy())
    with pytest.raises(FloatingPointError, match='a weight is not finite in epoch 0, batch'): fit(model, x, y, epochs=1, progress=False)

class Presses(Module):
    "Presses Ctrl-C in its call number `at`"
    def __init__(self, at, times=1): self.at,self.times = at,times
    def forward(self, inp):
        self.at -= 1
        if self.at==0:
            for _ in range(self.times): signal.raise_signal(signal.SIGINT)
        return inp
    def bwd(self, out, inp): inp.g = out.g

def test_ctrl_c_ends_after_a_whole_step():
    "Half a step, a lost record, or a handler that stays: from inside a layer, in the middle of the second epoch"
    x,y = rows()
    model,old = net(Presses(5)),signal.getsignal(signal.SIGINT)
    with pytest.warns(UserWarning, match='interrupted'): res = fit(model, x, y, epochs=4, bs=2, lr=.1, final_lr=.1, shuffle=False, progress=False)
    assert [o['epoch'] for o in res]==[0] and signal.getsignal(signal.SIGINT) is old
    want = by_hand(net(), x, y, 2, .1)
    same(model, by_hand(want, x[:4], y[:4], 2, .1), rtol=0, atol=0)

def test_ctrl_c_while_the_last_epoch_is_scored():
    "The key is swallowed: nobody learns that it was pressed"
    with pytest.warns(UserWarning, match='interrupted'): res = fit(net(Presses(4)), *rows(), valid=rows(), epochs=1, bs=2, progress=False)
    assert len(res)==1

def test_ctrl_c_twice_ends_at_once():
    old = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt): fit(net(Presses(2, times=2)), *rows(), bs=2, progress=False)
    assert signal.getsignal(signal.SIGINT) is old

def test_in_a_thread():
    "signal.signal raises a ValueError there"
    res = []
    t = threading.Thread(target=lambda: res.append(fit(net(), *rows(), epochs=2, progress=False)))
    t.start()
    t.join()
    assert len(res[0])==2

# --- arguments --------------------------------------------------------------------------------------------------------

WRONG = [*[(dict(bs=o), 'bs must be', f'not {o!r}') for o in (0, -1, 2.5, '64', True, None)], *[(dict(epochs=o), 'epochs must be', f'not {o!r}') for o in (-1, 1.5, '2', True, None)],
    *[(dict(lr=o), 'lr must be above 0', f'not {o!r}') for o in (0., -1, nan, inf, '0.1', None)], *[(dict(final_lr=o), 'final_lr at least 0', f'and {o!r}') for o in (-.1, nan, inf, '0')]]
@pytest.mark.parametrize('kw, said', [(kw, said) for kw,*said in WRONG])
def test_numbers_that_make_no_sense(kw, said):
    "range(0, n, -1) takes no step, lr -1 climbs, True is 1: no error, a wrong training"
    model = net()
    kept(model, lambda: fit(model, *rows(), progress=False, **kw), *said)

def test_whole_numbers_of_numpy_and_a_bs_above_n():
    a,b = net(),net()
    assert len(fit(a, *rows(), bs=np.int64(100), epochs=np.int64(2), shuffle=False, progress=False))==2
    fit(b, *rows(), bs=6, epochs=2, shuffle=False, progress=False)
    same(a, b, rtol=0, atol=0)
    assert fit(a, *rows(), epochs=0, progress=False)==[]
    same(a, b, rtol=0, atol=0)

@pytest.mark.parametrize('make, said', [(lambda x, y: (x.tolist(), y), 'a list'), (lambda x, y: (x, y.numpy()), 'a ndarray'), (lambda x, y: (x.numpy(), y), 'a ndarray'), (lambda x, y: (x[:0], y[:0]), '(0, 3)'),
    (lambda x, y: (x, y[:5]), '(5,)'), (lambda x, y: (x[:5], y), '(5, 3)'), (lambda x, y: (x, y[0]), '()')])
def test_rows_and_targets_that_do_not_fit(make, said):
    "Rows without targets would be left out, or an error from deep inside"
    bad = make(*rows())
    for args,kw in ((bad, {}), (rows(), dict(valid=bad))):
        model = net()
        kept(model, lambda: fit(model, *args, progress=False, **kw), 'n rows and n targets', said)

def test_valid_is_a_pair():
    for valid in (rows()[0], (*rows(), 1), 5, [rows()[0]]):
        model = net()
        kept(model, lambda: fit(model, *rows(), valid=valid, progress=False), 'tensors (x, y)')

@pytest.mark.parametrize('y, said', [(torch.tensor([0, 1, 2, 0, 1, 0]), 'labels from 0 to 2'), (torch.tensor([0, 1, -1, 0, 1, 0]), 'labels from -1 to 1'), (rows()[1].int(), 'torch.int32'),
    (rows()[1].float(), 'torch.float32'), (rows()[1][:,None], '(6, 1)')])
def test_labels_that_do_not_fit(y, said):
    model = net()
    kept(model, lambda: fit(model, rows()[0], y, progress=False), 'int64 labels from 0 to 1', said)

@pytest.mark.parametrize('model', [nn.Sequential(nn.Linear(3, 2)), torch.nn.Sequential(torch.nn.Linear(3, 2)), lambda x, y: 0., Model])
def test_what_is_not_a_model(model):
    "TypeError: forward() takes 2 positional arguments, from the middle of fit"
    with pytest.raises(TypeError, match='fit trains a Model, not a '): fit(model, *rows(), progress=False)

@pytest.mark.parametrize('g', [0, 5, 'a', torch.Generator])
def test_a_generator_is_a_generator(g):
    model = net()
    kept(model, lambda: fit(model, *rows(), generator=g, progress=False), 'torch.Generator', kind=TypeError)

def test_the_defaults_of_fit():
    defaults = dict(valid=None, metric=None, opt=None, epochs=5, lr=.2, final_lr=0., bs=64, shuffle=True, generator=None, progress=True)
    assert {k: p.default for k,p in inspect.signature(fit).parameters.items() if p.default is not p.empty}==defaults

# --- the losses for classes ------------------------------------------------------------------------------------------

@pytest.mark.parametrize('f', [cross_entropy, lambda x, y: CrossEntropy()(x, y), accuracy])
def test_labels_and_logits_that_do_not_fit(f):
    "A label column pairs every row with every label, -1 is the last class, fewer labels leave rows out"
    x,y = torch.randn(4, 3, generator=gen()).double(),torch.tensor([2, 0, 1, 1])
    for a,b,said in ((x, y[:,None], '(4, 1)'), (x, torch.eye(3).long()[y], '(4, 3)'), (x[None], y[None], '(1, 4, 3)'), (x[:,0], y, '(4,)'), (x[:0], y[:0], '(0, 3)'), (x, y-1, 'from -1 to 1'),
            (x, y+1, 'from 1 to 3'), (x, y.double(), 'float64'), (x, y>0, 'bool'), (x, y.int(), 'int32'), (x.long(), y, 'int64'), (x*1j, y, 'complex128'), (x, y.to('meta'), 'meta'), (x, y*1j, 'complex')):
        with pytest.raises(ValueError) as e: f(a, b)
        assert said in str(e.value), str(e.value)
    with pytest.raises(ValueError, match='a ndarray'): f(x, y.numpy())
    with pytest.raises(TypeError, match='ndarray'): f(x.numpy(), y)

def test_accuracy():
    "A mean over the table of all pairs; NaN, which argmax takes for the largest"
    assert accuracy(torch.tensor([[0., 1.], [0., 1.], [1., 0.], [.2, .1]]), torch.tensor([1, 0, 1, 0]))==.5
    with pytest.raises(ValueError, match='NaN'): accuracy(torch.tensor([[nan, 0.]]), torch.tensor([0]))

def test_cross_entropy_against_torch():
    "Overflow, other layouts and dtypes: the value and the gradient are those of F.cross_entropy"
    x,y = torch.randn(4, 3, generator=gen(), dtype=torch.float64),torch.tensor([2, 0, 1, 1])
    low = x.clone()
    low[0,1] = -inf
    for z in (x, x[:1], x[:1].expand(4, 3), x.t().contiguous().t(), torch.cat([x, x], 1)[:,::2], 1e4*x, low, x.float(), 100*x.float()):
        layer,watched = CrossEntropy(),z.clone().requires_grad_()
        want = torch.nn.functional.cross_entropy(watched, y[:len(z)])
        torch.testing.assert_close(layer(z, y[:len(z)]), want.detach())
        layer.backward()
        torch.testing.assert_close(z.g, torch.autograd.grad(want, watched)[0])
    for z in (torch.full((4, 3), -inf), torch.full((4, 3), nan)): assert cross_entropy(z, y).isnan()
    torch.testing.assert_close(log_softmax(x[None]), torch.log_softmax(x[None], -1))

def test_what_the_mutants_found():
    "Labels in a list; one row; records that all land in the first; a weight lost among others"
    with pytest.raises(ValueError, match='not a list'): cross_entropy(torch.zeros(2, 2), [0, 1])
    x,y = rows(1)
    records = fit(net(), x, y, valid=(x, y), metric=accuracy, epochs=3, progress=False)
    assert len(records)==3 and all({'valid_loss', 'accuracy'} <= {*o} and 0<o['seconds']<60 for o in records)
    assert fit(net(), x, y, epochs=0, progress=False)==[]

class Ruin(Module):
    "Makes one of its two numbers infinite"
    def __init__(self): self.p = torch.ones(2)
    def params(self): return [self.p]
    def forward(self, inp): return inp*1
    def bwd(self, out, inp): inp.g,self.p.g = out.g,torch.tensor([0., -inf])

def test_one_weight_of_many_that_is_lost():
    "A look at some of the weights instead of all of them"
    with pytest.raises(FloatingPointError, match='a weight is not finite in epoch 0'): fit(net(Ruin()), *rows(), epochs=1, progress=False)

def test_a_list_beside_one_target():
    "What has no rows taken for one row"
    with pytest.raises(ValueError, match='as tensors'): fit(net(), [[1., 2., 3.]], torch.tensor([0]), progress=False)
