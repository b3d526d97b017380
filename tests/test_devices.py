"The same numbers on every device that is there. Each test names the fault that it would catch."
from unittest import mock

import pytest
import torch
from mlp_foundations import layers, speed, training
from mlp_foundations.data import get_data, get_test
from mlp_foundations.init import kaiming_normal, xavier_normal
from mlp_foundations.layers import Lin, Model, Relu
from mlp_foundations.speed import fit_fused, grads_fused
from mlp_foundations.training import CrossEntropy, accuracy, fit

THERE = dict(cpu=True, cuda=torch.cuda.is_available(), mps=torch.backends.mps.is_available())
@pytest.fixture(params=THERE)
def device(request):
    if not THERE[request.param]: pytest.skip(f'no {request.param} device in this machine')
    return request.param

def gen(seed=0): return torch.Generator().manual_seed(seed)
def rows(device, n=103): return torch.randn(n, 7, generator=gen()).to(device),(torch.arange(n)%4).to(device)
def net(device):
    g = gen(1)
    w1,w2 = kaiming_normal(7, 9, generator=g, device=device),xavier_normal(9, 4, generator=g, device=device)
    return Model([Lin(w1, torch.zeros(9, device=device)), Relu(), Lin(w2, torch.zeros(4, device=device))], CrossEntropy())
def near(ps, qs): assert all((p.cpu()-q).norm()<=1e-4*q.norm() for p,q in zip(ps, qs, strict=True))

@pytest.fixture
def valueless():
    "Tensors on 'meta' have no memory, so that they all seem to share it"
    with mock.patch.object(layers, '_shared', lambda ps: False), mock.patch.object(training, '_shared', lambda ps: False): yield

def test_data(device):
    "Rows that stay where they were read, or change on their way"
    for f in (get_data, get_test):
        for a,b in zip(f(device=device), f(), strict=True): assert a.device.type==device and a.cpu().equal(b)

@pytest.mark.parametrize('init', [kaiming_normal, xavier_normal])
def test_weights(device, init):
    "Other weights on another device, or a generator that can't be used there"
    want = init(5, 6, generator=gen())
    assert (got := init(5, 6, generator=gen(), device=device)).device.type==device and torch.allclose(got.cpu(), want)
    g = torch.Generator(device).manual_seed(0)
    there = init(5, 6, generator=g)
    assert there.device.type==device and init(5, 6, generator=g.manual_seed(0), device='cpu').allclose(there.cpu())

def test_a_device_that_is_not_there():
    "PyTorch's own page-long error, or weights that are quietly somewhere else"
    for bad in ('cuda:99', 'tpu9', 1.5):
        for f in (lambda d: get_test(device=d), lambda d: kaiming_normal(2, 3, device=d), lambda d: speed.mlp_train(device=d)):
            with pytest.raises(ValueError, match=f'no {bad!r} here: take cpu'): f(bad)

@pytest.mark.parametrize('shuffle', [False, True])
@pytest.mark.parametrize('f', [fit, fit_fused])
def test_training(device, f, shuffle):
    "Other batches or steps than on a CPU, records that are tensors"
    kw = dict(metric=accuracy, epochs=3, bs=16, lr=.05, shuffle=shuffle, progress=False)
    a,b = net('cpu'),net(device)
    want,got = (f(o, *rows(d), valid=rows(d), generator=gen(3), **kw) for o,d in ((a, 'cpu'), (b, device)))
    near(b.params(), a.params())
    for o,p in zip(got, want, strict=True): assert list(o)==list(p) and all(type(v) in (int, float) and v==pytest.approx(p[k], rel=1e-4) for k,v in o.items() if k!='seconds')
    assert all(p.device.type==device for p in b.params())

def test_gradients(device):
    "Buffers on another device than the rows"
    a,b = net('cpu'),net(device)
    assert grads_fused(b, *rows(device), rows=30).item()==pytest.approx(grads_fused(a, *rows('cpu')).item(), rel=1e-5)
    near([p.g for p in b.params()], [p.g for p in a.params()])

def test_labels_that_are_not_there(device):
    "A GPU that reads a label beyond the classes stops for good, or reads something else"
    x,y = rows(device)
    y[-1] = 4
    for f in (fit_fused, grads_fused):
        model = net(device)
        before = [p.clone() for p in model.params()]
        with pytest.raises(ValueError, match='labels from 0 to 4'): f(model, x, y)
        assert all(p.equal(q) for p,q in zip(model.params(), before))

@pytest.mark.parametrize('f', [fit, fit_fused])
def test_a_loss_that_is_not_finite(device, f):
    "On a GPU, where losses are looked at once an epoch: no error, or one without the batch"
    (x,y),model = rows(device),net(device)
    x[40,2] = float('nan')
    with pytest.raises(FloatingPointError, match='epoch 0, batch 2'): f(model, x, y, bs=16, epochs=1, shuffle=False, progress=False)
    if f is fit_fused: assert all(p.isfinite().all() for p in model.params())

def test_a_wait_for_a_gpu_in_the_loop(valueless):
    "One `.item()` in each step. Tensors without values stand for those of a GPU: whoever asks for one of their values gets an error"
    (x,y),order = rows('meta'),mock.Mock(side_effect=training._batches)
    quiet = dict(_record=lambda *args: dict(epoch=0), _batches=order)
    with mock.patch.object(training, '_labels'), mock.patch.multiple(training, **quiet): # it looks at the labels where the device does not
        assert fit(net('meta'), x, y, bs=16, epochs=2, shuffle=False, progress=False)==[dict(epoch=0)]*2
        with mock.patch.multiple(speed, **quiet, _labels=mock.Mock()), mock.patch.object(speed._Columns, 'save', lambda self: True):
            assert fit_fused(net('meta'), x, y, bs=16, epochs=2, shuffle=False, progress=False)==[dict(epoch=0)]*2
    assert order.call_count==4

def test_rows_and_labels_on_two_devices(valueless):
    "A copy to the other device in every step, without a word"
    for x,y in ((rows('meta')[0], rows('cpu')[1]), (rows('cpu')[0], rows('meta')[1])):
        for f in (fit, fit_fused, grads_fused):
            with pytest.raises(ValueError, match='meta'): f(net(x.device), x, y)
