"Small checks, each for a change in the code that no other test noticed: see tests/MUTANTS.md."
import pytest
import torch
from mlp_foundations import nn
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.matmul import lin

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

def test_a_torch_layer_knows_its_sizes():
    for o in (nn.to_torch(nn.Sequential(nn.Linear(3, 2)))[0], nn.to_torch([Lin(torch.ones(3, 2), torch.zeros(2))])[0]): assert (o.in_features, o.out_features)==(3,2)

@pytest.mark.parametrize('o', [None, torch.relu, 'relu'])
def test_what_is_no_layer_is_not_moved(o):
    with pytest.raises(ValueError, match='to_torch knows'): nn.to_torch([o])
    with pytest.raises(ValueError, match='from_torch knows'): nn.from_torch([o])

@pytest.mark.parametrize('n, m', [(1_000_003, 4), (999_999, 4), (5, 900_001)])
def test_a_large_input_goes_through_in_blocks(n, m):
    x = torch.arange(7.).double().repeat(n*m//7+1)[:n*m].view(n, m)
    l = Lin(torch.linspace(-1, 1, 2*m).double().view(m, 2), torch.tensor([1., -2.]).double())
    torch.testing.assert_close(l(x), lin(x, l.w, l.b), rtol=1e-9, atol=1e-6)
    assert l.out.shape==(n,2)

