"The draws of weights, and what becomes of a signal by depth."
import math

import numpy as np
import pytest
import torch
from mlp_foundations.init import _whole, kaiming_normal, layer_stats, xavier_normal

@pytest.mark.parametrize('f', [xavier_normal, kaiming_normal])
@pytest.mark.parametrize('at', [0, 1])
@pytest.mark.parametrize('bad', [0, -1, 2., '2', None, True])
def test_sizes_of_weights(f, at, bad):
    "A size that is no whole number above 0 gives empty weights, or an error that names something else"
    sizes = [3, 3]
    sizes[at] = bad
    with pytest.raises(ValueError) as e: f(*sizes)
    assert str(e.value)==f'{("n_in", "n_out")[at]} must be a whole number of at least 1, not {bad!r}'
    assert f(1, np.int64(2)).shape==(1,2) # NumPy's whole numbers are whole

def test_whole():
    "The least value is refused, or one below it is not"
    assert _whole('epochs', 0, 0)==0 and type(_whole('bs', np.int32(5))) is int
    with pytest.raises(ValueError, match='at least 0, not -1'): _whole('epochs', -1, 0)

def test_the_scale_of_weights():
    "fan_in for fan_out, a slope that is not squared, the 2 forgotten"
    def std(f, **kw): return f(400, 100, generator=torch.Generator().manual_seed(0), **kw).std().item()
    for got,want in ((std(xavier_normal), 2/500), (std(kaiming_normal), 2/400), (std(kaiming_normal, mode='fan_out'), 2/100), (std(kaiming_normal, a=2.), 2/5/400)): assert abs(got/want**.5-1)<.02

def test_the_same_numbers_as_torch():
    "A seed that gives other numbers than torch's own initialisers"
    def gen(): return torch.Generator().manual_seed(7)
    for ours,theirs in ((kaiming_normal(20, 30, generator=gen()), torch.nn.init.kaiming_normal_(torch.empty(20, 30), mode='fan_out', generator=gen())),
                        (xavier_normal(20, 30, gen()), torch.nn.init.xavier_normal_(torch.empty(20, 30), generator=gen()))): torch.testing.assert_close(ours, theirs)

@pytest.mark.parametrize('kw', [dict(mode='fan'), dict(mode=None), dict(mode='FAN_IN'), dict(a=math.nan), dict(a=math.inf), dict(a=-math.inf), dict(a=1e200)])
def test_what_kaiming_refuses(kw):
    "A mode taken for another, or a slope that makes all weights 0 or NaN"
    with pytest.raises(ValueError, match="'fan_in' or 'fan_out' and a a finite slope") as e: kaiming_normal(3, 2, **kw)
    assert repr(*kw.values()) in str(e.value)

def same(x): return x

def test_layer_stats():
    "The activation left out or applied to the wrong thing, mean for std, a layer skipped, the first layer's input counted"
    x = torch.randn(50, 20, generator=torch.Generator().manual_seed(0))
    ws = [torch.randn(20, n, generator=torch.Generator().manual_seed(n)) for n in (20, 20)]
    means,stds = layer_stats(x, ws)
    h = x
    for w,mean,std in zip(ws, means, stds, strict=True):
        h = torch.relu(h@w)
        torch.testing.assert_close(torch.stack([mean, std]), torch.stack([h.mean(), h.std()]))
    means,stds = layer_stats(x, [2*torch.eye(20)]*3, same)
    torch.testing.assert_close(stds, x.std()*torch.tensor([2., 4., 8.]))
    assert means.dtype==stds.dtype==torch.float32 and layer_stats(x.double(), [w.double() for w in ws])[0].dtype==torch.float64

def test_a_small_signal_is_not_lost_early():
    "The square of 1e-30 is 0 in float32, but the signal is not"
    x = 1e-30*torch.tensor([[1., 3.]])
    mean,std = layer_stats(x, [torch.eye(2)], same)
    assert abs(mean.item()/2e-30-1)<1e-5 and abs(std.item()/(2**.5*1e-30)-1)<1e-5

def test_no_layers_and_a_signal_that_is_lost():
    "NaN that is passed over, and an activation that gives truth values"
    assert [o.shape for o in layer_stats(torch.ones(2, 3), [])]==[(0,), (0,)]
    assert all(o.isnan().all() for o in layer_stats(torch.tensor([[math.nan, 1.]]), [torch.eye(2)]))
    assert layer_stats(torch.tensor([[1., -1.]]), [torch.eye(2)], lambda h: h>0)[0].tolist()==[.5]

@pytest.mark.parametrize('x, w', [((2,3), (2,3)), ((3,), (3,2)), ((1,2,3), (3,2)), ((0,3), (3,2))])
def test_what_layer_stats_refuses(x, w):
    "Shapes that don't fit are broadcast, and no rows have no mean"
    with pytest.raises(ValueError, match='matmul needs'): layer_stats(torch.ones(x), [torch.ones(w)])
    with pytest.raises(ValueError, match='torch.int64'): layer_stats(torch.ones(2, 3).long(), [torch.ones(3, 2)])
