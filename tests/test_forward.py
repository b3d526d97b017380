"mse: the loss that must not broadcast."
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from draws import draws, prop, rows
from hypothesis import strategies as st
from mlp_foundations.forward import mse

def rand(*shape): return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))

@prop(draw=draws, n=rows, column=st.booleans())
def test_mse(draw, n, column):
    "All pairs instead of rows; a sum for a mean; a layout read wrongly; the gradient that autograd finds through it"
    out,targ = draw(*([n, 1] if column else [n])),draw(n)
    asked = out.detach().requires_grad_()
    got = mse(asked, targ)
    g, = torch.autograd.grad(got, asked)
    o,t = out.double().flatten(),targ.double()
    bound = 200*torch.finfo(out.dtype).eps
    assert got.shape==() and got.dtype==out.dtype and abs(got.double()-F.mse_loss(o, t))<=bound*(o.abs()+t.abs()).square().mean()
    assert ((g.double().flatten()-2*(o-t)/n).abs() <= bound*(o.abs()+t.abs())/n).all()

@pytest.mark.parametrize('out, targ', [((5,1), (5,1)), ((5,), (5,1)), ((5,3), (5,)), ((5,3), (5,3)), ((5,1), (1,)), ((5,), (1,)), ((5,1), (4,)), ((5,1), ()), ((0,1), (0,)), ((0,), (0,)), ((2,5,1), (2,5)), ((), ())])
def test_shapes_of_mse(out, targ):
    "(n, 1) meets (n,) the wrong way round, one value meets all rows, no rows give NaN: all without an error"
    with pytest.raises(ValueError) as e: mse(rand(*out), rand(*targ))
    assert str(e.value).startswith('mse needs (n') and f'was given {out}, {targ}' in str(e.value)

@pytest.mark.parametrize('targ, kind, what', [(rand(5).double(), ValueError, 'torch.float64'), (rand(5).long(), ValueError, 'number 2 is torch.int64'), (rand(5).to('meta'), ValueError, 'meta'),
                                              (rand(5).tolist(), TypeError, 'a list'), (np.zeros(5, 'f4'), TypeError, 'a ndarray')])
@pytest.mark.parametrize('column', [True, False])
def test_targets_of_another_kind(targ, kind, what, column):
    "Labels that are no floats, or NumPy's, give a loss of another dtype or an error that names something else"
    with pytest.raises(kind, match='mse needs') as e: mse(rand(5, 1) if column else rand(5), targ)
    assert what in str(e.value)
    for out in (rand(5).tolist(), np.zeros(5, 'f4'), np.zeros((5, 1), 'f4')):
        with pytest.raises(TypeError, match='number 1 is no tensor'): mse(out, rand(5))

def test_values_that_stay():
    "NaN and infinity are dropped, or a batch of one is refused"
    assert mse(torch.tensor([[1.], [math.nan]]), torch.ones(2)).isnan() and mse(torch.tensor([math.inf]), torch.ones(1)).isinf()
    assert mse(torch.tensor([[3.]]), torch.tensor([1.])).item()==4. and mse(torch.tensor([3.]), torch.tensor([1.])).item()==4.

@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    "A sum of many squares stops growing"
    assert mse(torch.ones(5000, 1, dtype=dtype), torch.zeros(5000, dtype=dtype)).item()==1.
