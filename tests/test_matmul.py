"shapes, the five products, lin and relu."
import math

import numpy as np
import pytest
import torch
from draws import LAYOUTS, draws, prop, rows, width
from mlp_foundations import matmul as module
from mlp_foundations.matmul import lin, matmul, matmul_broadcast, matmul_dot, matmul_einsum, matmul_loops, relu, shapes

PRODUCTS = [matmul_loops, matmul_dot, matmul_broadcast, matmul_einsum, matmul]

def rand(*shape, dtype=torch.float32): return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
def said(f, *args, kind=ValueError):
    with pytest.raises(kind) as e: f(*args)
    return str(e.value)

# --- shapes -----------------------------------------------------------------------------------------------------------------

def layer(x, w, b): shapes('n m, m p, p', x, w, b)
class Scale:
    def forward(self, x): shapes('n 3', x)

@pytest.mark.parametrize('x, w, b', [((5,3), (4,2), (2,)), ((5,3), (3,2), (3,)), ((5,3), (3,2), (1,)), ((5,3), (3,2), (1,2)), ((5,3), (3,2), ()), ((3,), (3,2), (2,)), ((4,5,3), (3,2), (2,))])
def test_a_size_that_does_not_agree(x, w, b):
    "A name is not compared wherever it stands, or an axis too many or too few is let through to broadcast"
    assert said(layer, rand(*x), rand(*w), rand(*b))==f'layer needs (n, m), (m, p), (p,), and was given {x}, {w}, {b}'

def test_what_fits():
    "Tensors that fit are refused: a parameter, a view, sizes that are equal by chance, a size of 1"
    layer(rand(5, 3), torch.nn.Parameter(rand(3, 2)), rand(2))
    layer(rand(3, 3).t(), rand(3, 3), rand(3))
    layer(rand(1, 1), rand(1, 1), rand(1).expand(1))
    layer(rand(5, 3).half(), rand(3, 2).half(), rand(2).half())

def test_a_number_is_that_size():
    "A number in the text is taken for a name, which any size may have"
    Scale().forward(rand(2, 3))
    assert said(Scale().forward, rand(2, 4))=='Scale needs (n, 3), and was given (2, 4)' # and a layer is named by its class

@pytest.mark.parametrize('x, w, b', [((0,3), (3,2), (2,)), ((5,0), (0,2), (2,)), ((5,3), (3,0), (0,))])
def test_a_size_of_zero(x, w, b):
    "No rows go through, and their mean is NaN"
    assert said(layer, rand(*x), rand(*w), rand(*b)).endswith('no size may be 0')

@pytest.mark.parametrize('bad, what', [([1., 2.], 'a list; write torch.tensor(...)'), (np.ones(2, 'f4'), 'a ndarray; write'), (None, 'a NoneType'), (3., 'a float')])
@pytest.mark.parametrize('at', [0, 1, 2])
def test_what_is_no_tensor(bad, what, at):
    "A list or an array ends in an AttributeError that names something else, wherever it stands"
    args = [rand(5, 3), rand(3, 2), rand(2)]
    args[at] = bad
    assert f'layer needs (n, m), (m, p), (p,): number {at+1} is no tensor but {what}' in said(layer, *args, kind=TypeError)

@pytest.mark.parametrize('dtype', [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_dtypes_that_are_not_floating(dtype):
    "Whole numbers are divided and wrap around without a word; all three alike, so that no other check sees it"
    for bad in ([rand(5, 3).to(dtype), rand(3, 2), rand(2)], [o.to(dtype) for o in (rand(5, 3), rand(3, 2), rand(2))]): assert f'number 1 is {dtype}; convert it with .float()' in said(layer, *bad)

@pytest.mark.parametrize('at', [0, 1, 2])
def test_one_dtype_and_one_device(at):
    "A float64 beside float32, or a tensor elsewhere, is not seen in every place"
    args = [rand(5, 3), rand(3, 2), rand(2)]
    for change,what in ((lambda t: t.double(), 'of one dtype'), (lambda t: t.to('meta'), 'of one device')):
        bad = [change(o) if i==at else o for i,o in enumerate(args)]
        text = said(layer, *bad)
        assert what in text and 'convert with .to(...)' in text and ('torch.float64' in text or 'meta' in text)

def test_the_text_is_parsed_once():
    "Each call parses the text again, which costs more than all checks"
    layer(rand(5, 3), rand(3, 2), rand(2))
    before = module._parts.cache_info().misses
    for _ in range(10): layer(rand(5, 3), rand(3, 2), rand(2))
    assert module._parts.cache_info().misses==before

def test_a_tensor_too_few():
    "A function that forgets one of its tensors guards nothing there"
    with pytest.raises(ValueError): shapes('n m, m p', rand(2, 3))

# --- products ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('f', PRODUCTS)
@prop(examples=25, draw=draws, n=width, m=width, p=width)
def test_products(f, draw, n, m, p):
    "An index exchanged, a sum overwritten, a layout in memory read wrongly, float64 rounded to float32"
    a,b = draw(n, m),draw(m, p)
    got = f(a, b)
    assert got.dtype==a.dtype
    assert ((got.double()-a.double()@b.double()).abs() <= 20*torch.finfo(a.dtype).eps*(a.double().abs()@b.double().abs())).all()

@pytest.mark.parametrize('a, b', [((2,3), (2,3)), ((3,), (3,2)), ((2,3), (3,)), ((1,2,3), (3,2)), ((2,3), (1,4)), ((2,2), (3,2))])
@pytest.mark.parametrize('f', PRODUCTS)
def test_products_that_do_not_exist(f, a, b):
    "einsum and the loops answer where @ refuses"
    assert said(f, rand(*a), rand(*b))==f'{f.__name__} needs (n, m), (m, p), and was given {a}, {b}'

@pytest.mark.parametrize('dtype, n', [(torch.bfloat16, 300), (torch.float16, 2100)])
@pytest.mark.parametrize('f', PRODUCTS)
def test_long_sums_in_half_precision(f, dtype, n):
    "256 + 1 is 256 in bfloat16, and 2048 + 1 is 2048 in float16: a sum stops there without a word"
    a,b = torch.ones(1, n, dtype=dtype),torch.ones(n, 1, dtype=dtype)
    if f is matmul_loops: assert str(dtype) in said(f, a, b)
    else: assert abs(f(a, b).item()/n-1)<.01

@pytest.mark.parametrize('f', PRODUCTS)
def test_nan_and_infinity(f):
    "inf * 0 becomes a number"
    assert f(torch.tensor([[math.inf, math.nan]]), torch.tensor([[0.], [1.]])).isnan().all()

# --- lin and relu -----------------------------------------------------------------------------------------------------------

@prop(draw=draws, n=rows, n_in=width, n_out=width)
def test_lin(draw, n, n_in, n_out):
    "The bias along the wrong axis, or not added; a weight transposed"
    x,w,b = draw(n, n_in),draw(n_in, n_out),draw(n_out)
    want,size = (torch.nn.functional.linear(o[0], o[1].t(), o[2]) for o in ([t.double() for t in (x, w, b)], [t.double().abs() for t in (x, w, b)]))
    assert ((lin(x, w, b).double()-want).abs() <= 20*torch.finfo(x.dtype).eps*size).all()

def test_what_lin_refuses():
    "A bias given as a column or a single one is broadcast over a square batch"
    x,w = rand(10, 3),rand(3, 10)
    for b in (rand(10, 1), rand(1), rand(1, 10), rand()): assert said(lin, x, w, b).startswith('lin needs (n, n_in), (n_in, n_out), (n_out,), and was given (10, 3), (3, 10), ')

@pytest.mark.parametrize('layout', LAYOUTS)
def test_relu(layout):
    "Negative values pass, positive ones don't, NaN becomes 0, a layout is read wrongly"
    x = LAYOUTS[layout](torch.tensor([[-1., 2., -math.inf], [math.inf, math.nan, 0.]]))
    torch.testing.assert_close(relu(x), torch.relu(x), equal_nan=True)
