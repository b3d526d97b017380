"Small checks, each for a change in the code that no other test noticed: see tests/MUTANTS.md."
import pytest
import torch
from mlp_foundations.backward import check_grads
from mlp_foundations.init import kaiming_normal, layer_stats, xavier_normal
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.matmul import lin, matmul, matmul_broadcast, matmul_dot, matmul_einsum, matmul_loops

@pytest.mark.parametrize('f', [xavier_normal, kaiming_normal])
@pytest.mark.parametrize('sizes', [(0,3), (3,0), (-1,3), (3,-1), (2.,3), (3,2.), ('2',3), (3,None)])
def test_sizes_of_weights(f, sizes):
    with pytest.raises(ValueError, match='whole numbers above 0'): f(*sizes)
    assert f(1, 1).shape==(1,1)

def test_two_numbers_have_a_standard_deviation():
    mean,std = layer_stats(torch.tensor([[1.], [3.]]), [torch.ones(1, 1)])
    assert mean.tolist()==[2.] and abs(std.item()-2**.5)<1e-6

@pytest.mark.parametrize('w, b', [((3,), ()), ((3,2,4), (2,4))])
def test_a_weight_has_two_dimensions(w, b):
    with pytest.raises(ValueError, match='lin needs'): lin(torch.ones(5, 3), torch.ones(w), torch.ones(b))

def scaled(*by): # a sum of squares of each tensor, whose gradient is wrong by the factor `by` in the middle value
    def f(*ts):
        for t,k in zip(ts, by): t.g = 2*t*torch.tensor([1., k, 1.], dtype=t.dtype)
        return sum(t.square().sum() for t in ts)
    return f

def test_the_largest_difference_is_told():
    x,y = torch.tensor([1.,2.,4.]),torch.tensor([8.,16.,32.])
    assert abs(check_grads(scaled(1.001, 1.), x, y, rtol=.01)-5e-4)<1e-6 # .004 of 8
    assert abs(check_grads(scaled(1., 1.001), x, y, rtol=.01)-5e-4)<1e-6
    assert abs(check_grads(scaled(1.001), x/100, rtol=.01)-5e-4)<1e-6
    assert check_grads(scaled(1., 1.), x, y)<1e-9

@pytest.mark.parametrize('size', [.01, 1., 100.])
def test_the_allowed_difference_is_a_share(size):
    for wrong in (1.5, .5):
        with pytest.raises(AssertionError, match='are wrong'): check_grads(scaled(1., wrong), *[torch.tensor([1.,size,1.])]*2, rtol=.1)
    check_grads(scaled(1., 1.05), *[torch.tensor([1.,size,1.])]*2, rtol=.1)

def test_a_large_loss_is_rounded():
    def f(x):
        x.g = 2*x
        return 1e6+x.square().sum()
    check_grads(f, torch.linspace(.1, 1., 10))

def test_another_shape_the_second_time():
    calls = []
    def f(x):
        calls.append(x)
        x.g = torch.full((3,), 2., dtype=x.dtype) if len(calls)==1 else torch.tensor(2., dtype=x.dtype)
        return 2*x.sum()
    with pytest.raises(AssertionError, match='another .g'): check_grads(f, torch.ones(3))

def test_one_value_added_up():
    def f(x):
        x.g = torch.full_like(x, 2.)
        x.g[0] += f.calls>7 # only in the last run
        f.calls += 1
        return 2*x.sum()
    f.calls = 1
    with pytest.raises(AssertionError, match='another .g'): check_grads(f, torch.ones(3))

def test_a_layer_more_is_a_change():
    model,x,y = Model([Lin(torch.ones(3, 1), torch.zeros(1))], Mse()),torch.ones(2, 3),torch.ones(2)
    model(x, y)
    model.layers.append(Lin(torch.ones(1, 1), torch.zeros(1)))
    with pytest.raises(RuntimeError, match='changed or replaced'): model.backward()

def test_the_same_memory_read_otherwise_is_a_change():
    l = Lin(torch.arange(4.).view(2, 2), torch.zeros(2))
    l(torch.ones(3, 2)).g = torch.ones(3, 2)
    l.w = l.w.t() # at the same place, with the same count of changes
    with pytest.raises(RuntimeError, match='changed or replaced'): l.backward()

def test_two_linear_layers_in_a_row():
    ts = [torch.linspace(-1, 1, n).view(shape).requires_grad_() for n,shape in ((6, (3,2)), (2, (2,)), (2, (2,1)), (1, (1,)))]
    w1,b1,w2,b2 = (t.detach().clone() for t in ts)
    model,x,y = Model([Lin(w1, b1), Lin(w2, b2)], Mse()),torch.arange(12.).view(4, 3),torch.ones(4)
    model(x, y)
    model.backward()
    want = torch.autograd.grad(((((x@ts[0]+ts[1])@ts[2]+ts[3])[:,0]-y)**2).mean(), ts)
    for p,g in zip(model.params(), want): torch.testing.assert_close(p.g, g)

def test_relu_of_integers_is_refused():
    with pytest.raises(ValueError, match='floating values'): Relu()(torch.tensor([1, -1]))

def test_a_prediction_is_no_graph():
    assert not Model([Lin(torch.ones(3, 1).requires_grad_(), torch.zeros(1))], Mse())(torch.ones(2, 3)).requires_grad

@pytest.mark.parametrize('f', [matmul_loops, matmul_dot, matmul_broadcast, matmul_einsum, matmul])
def test_products_of_other_numbers(f):
    for n,m,p in ((0,3,2), (2,3,0), (2,0,3)): assert f(torch.ones(n, m, dtype=torch.int64), torch.ones(m, p, dtype=torch.int64)).tolist()==[[0]*p]*n
    a,b = torch.tensor([[1+2j, 3j]]),torch.tensor([[2j], [1-1j]])
    assert f(a, b).tolist()==[[-4+2j+3+3j]]

@pytest.mark.parametrize('n, m', [(1_000_003, 4), (999_999, 4), (5, 900_001)])
def test_a_large_input_goes_through_in_blocks(n, m):
    x = torch.arange(7.).double().repeat(n*m//7+1)[:n*m].view(n, m)
    l = Lin(torch.linspace(-1, 1, 2*m).double().view(m, 2), torch.tensor([1., -2.]).double())
    torch.testing.assert_close(l(x), lin(x, l.w, l.b), rtol=1e-9, atol=1e-6)
    assert l.out.shape==(n,2)

def test_the_scale_of_weights():
    def std(f, **kw): return f(400, 100, generator=torch.Generator().manual_seed(0), **kw).std().item()
    for got,want in ((std(xavier_normal), 2/500), (std(kaiming_normal), 2/400), (std(kaiming_normal, mode='fan_out'), 2/100), (std(kaiming_normal, a=1.), 1/400)): assert abs(got/want**.5-1)<.02
    for mode in ('fan', None, 'FAN_IN'):
        with pytest.raises(ValueError, match='mode must be'): kaiming_normal(3, 2, mode=mode)

@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
def test_statistics_of_integers_are_refused(dtype):
    with pytest.raises(ValueError, match=f'floating activations, not {dtype}'): layer_stats(torch.tensor([[1, 2], [3, 5]], dtype=dtype), [torch.eye(2).to(dtype)], lambda o: o)
