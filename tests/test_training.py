"What `fit`, `step` and `SGD` refuse, and what `fit` does with its arguments."
import inspect, math, time

import pytest
import torch
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.training import SGD, CrossEntropy, fit

inf,nan = math.inf,math.nan
def gen(seed=0): return torch.Generator().manual_seed(seed)
def rows(): return torch.randn(6, 3, generator=gen()), torch.tensor([0,1,0,1,1,0])
def net(*first): return Model([*first, Lin(torch.randn(3, 2, generator=gen(1)), torch.zeros(2))], CrossEntropy())

def refused(f, *said, kind=ValueError):
    with pytest.raises(kind) as e: f()
    for o in said: assert str(o) in str(e.value), str(e.value)

def kept(model, f, *said, kind=ValueError):
    "`f()` is refused, and the weights of `model` are as they were"
    before = [p.clone() for p in model.params()]
    refused(f, *said, kind=kind)
    assert all(p.equal(q) for p,q in zip(model.params(), before))

WRONG = [(dict(bs=0), 'bs must be', 'not 0'), (dict(bs=-1), 'not -1'), (dict(bs=2.5), 'not 2.5'), (dict(bs='3'), "not '3'"), (dict(epochs=-1), 'and -1'), (dict(epochs=1.5), 'and 1.5'), (dict(epochs=None), 'and None'),
         *[(dict(lr=o), 'lr must be above 0', f'not {o!r}') for o in (0., -.1, nan, inf, -inf)], *[(dict(final_lr=o), 'final_lr at least 0', f'and {o!r}') for o in (-.1, nan, inf)]]
@pytest.mark.parametrize('kw, said', [(kw, said) for kw,*said in WRONG])
def test_arguments_of_fit(kw, said):
    model = net()
    kept(model, lambda: fit(model, *rows(), progress=False, **kw), *said)

def test_rows_of_fit():
    x,y = rows()
    for a,b,said in ((x.tolist(), y, 'not list and Tensor'), (x, y.tolist(), 'not Tensor and list'), (x.numpy(), y, 'not ndarray and Tensor'), (x[:0], y[:0], 'fit needs x (n, m) and n targets, n > 0, not (0, 3) and (0,)'),
                     (x, y[:5], 'fit needs x (n, m) and n targets, n > 0, not (6, 3) and (5,)'), (x[0], y, 'fit needs x (n, m)')):
        model = net()
        kept(model, lambda: fit(model, a, b, progress=False), said)
        kept(model, lambda: fit(model, x, y, valid=(a, b), progress=False), said)

@pytest.mark.parametrize('bad', [nan, inf, -inf])
def test_values_that_are_not_finite(bad):
    x,y = rows()
    x[3,1] = bad
    for model in (net(), net(Relu())):
        kept(model, lambda: model.step(x, y, .1), 'x has values that are not finite', kind=FloatingPointError)
        kept(model, lambda: fit(model, *rows(), valid=(x, y), progress=False), 'finite rows in valid')
    model = net()
    kept(model, lambda: fit(model, x, y, progress=False), 'not finite any more', kind=FloatingPointError)

def test_a_first_layer_that_overflows():
    "Behind a ReLU nobody would see it: -inf becomes 0"
    model = Model([Lin(torch.full((3,4), -1e30), torch.zeros(4)), Relu(), Lin(torch.ones(4, 2), torch.zeros(2))], CrossEntropy())
    x = torch.full((6,3), 1e30)
    for f in (lambda: fit(model, x, rows()[1], progress=False), lambda: model.step(x, rows()[1], .1)): kept(model, f, 'Lin inf', kind=FloatingPointError)

def test_the_defaults_of_fit():
    defaults = dict(valid=None, epochs=5, lr=.2, final_lr=0., bs=64, shuffle=True, generator=None, progress=True)
    assert {k: p.default for k,p in inspect.signature(fit).parameters.items() if p.default is not p.empty}==defaults
    a,b = net(),net()
    for model,kw in ((a, {}), (b, defaults)):
        torch.manual_seed(0)
        assert len(fit(model, *rows(), **kw))==5
    assert all(p.equal(q) for p,q in zip(a.params(), b.params()))

def test_only_the_first_layer_spares_the_gradient_of_its_input():
    model = Model([Lin(torch.randn(3, 4, generator=gen()), torch.zeros(4)), Lin(torch.randn(4, 2, generator=gen(1)), torch.zeros(2))], CrossEntropy())
    fit(model, *rows(), epochs=1, progress=False)
    assert [l.inp_g for l in model.layers]==[False, True]

def test_no_epochs_change_nothing():
    model = net()
    before = [p.clone() for p in model.params()]
    assert fit(model, *rows(), epochs=0, progress=False)==[] and all(p.equal(q) for p,q in zip(model.params(), before))

def test_the_records_and_the_bar(capfd):
    start = time.perf_counter()
    res = fit(net(), *rows(), valid=rows(), epochs=2, progress=False)
    took = time.perf_counter()-start
    assert [r['epoch'] for r in res]==[0,1] and all(0<=r['seconds']<=took and r['loss']>0 and 0<=r['accuracy']<=1 for r in res)
    assert capfd.readouterr().err==''
    fit(net(), *rows(), epochs=2)
    assert '100%' in capfd.readouterr().err
    last = fit(Model([Lin(torch.ones(3, 1), torch.zeros(1))], Mse()), rows()[0], rows()[0][:,0], valid=(rows()[0], rows()[0][:,0]), lr=.01, progress=False)[-1]
    assert 'accuracy' not in last and last['loss']>0

def test_the_order_of_the_rows():
    "Drawn anew for each epoch from `generator`, or from torch's own"
    x,y = rows()
    for seed in (0, 5):
        shuffled,by_hand,g = net(),net(),gen(seed)
        fit(shuffled, x, y, epochs=2, bs=2, lr=.1, final_lr=.1, generator=gen(seed), progress=False)
        for _ in range(2):
            order = torch.randperm(6, generator=g)
            for o in order.split(2): by_hand.step(x[o], y[o], .1)
        for p,q in zip(shuffled.params(), by_hand.params()): torch.testing.assert_close(p, q)
    a,b,c = net(),net(),net()
    for model,seed in ((a, 1), (b, 1), (c, 2)):
        torch.manual_seed(seed)
        fit(model, x, y, bs=2, progress=False)
    assert a.params()[0].equal(b.params()[0]) and not a.params()[0].equal(c.params()[0])

def test_a_step_needs_an_lr():
    model = net()
    before = [p.clone() for p in model.params()]
    x,y = rows()
    for lr in (nan, inf, -.1): refused(lambda: model.step(x, y, lr), 'lr must be', repr(lr))
    model.step(x, y, 0.) # allowed, and a step of no length
    assert all(p.equal(q) for p,q in zip(model.params(), before))

def test_valid_is_a_pair():
    x,y = rows()
    refused(lambda: fit(net(), x, y, valid=(x, y, y), progress=False), 'a pair (x, y), not 3')

def test_infinity_behind_a_closed_gate():
    x,y = rows()
    for value in (-inf, inf, nan):
        bad,model = x.clone(),Model([Lin(torch.ones(x.shape[1], 2), torch.zeros(2)), Relu(), Lin(torch.ones(2, 3), torch.zeros(3))], CrossEntropy())
        bad[1,0] = value
        before = [p.clone() for p in model.params()]
        refused(lambda: fit(model, bad, y, lr=.1, progress=False, bs=len(x)), f'input {abs(value)}', kind=FloatingPointError)
        assert all(p.equal(q) for p,q in zip(model.params(), before))

def test_arguments_of_sgd():
    p = torch.ones(2)
    for lr in (0, -.1, nan, inf, -inf): refused(lambda: SGD([p], lr), 'an lr above 0', repr(lr))
    refused(lambda: SGD([], .1), 'not 0 and 0.1')
    refused(lambda: SGD([p, torch.ones(2), p], .1), 'twice')
    SGD(iter([p]), .1)
