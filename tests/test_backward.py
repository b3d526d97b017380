"Every gradient by hand against autograd in float64, and check_grads, which finds the wrong ones."
import pytest
import torch
import torch.nn.functional as F
from draws import autograd, close, draws, prop, rows, width
from hypothesis import assume, strategies as st
from mlp_foundations.backward import check_grads, forward_and_backward, lin_grad, mse_grad, relu_grad
from mlp_foundations.matmul import lin, relu

def rand(*shape, seed=0): return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
def with_g(t, g):
    t.g = g
    return t

# --- the three functions, and the pass ----------------------------------------------------------------------------------------

@prop(draw=draws, n=rows, n_in=width, n_out=width)
def test_lin_grad(draw, n, n_in, n_out):
    "A transpose forgotten, the wrong axis summed, a mean for a sum, the upstream gradient left out"
    x,w,b,g = draw(n, n_in),draw(n_in, n_out),draw(n_out),draw(n, n_out)
    lin_grad(x, with_g(lin(x, w, b), g), w, b)
    def right(x, w, b): return F.linear(x, w.t(), b)
    close([x.g, w.g, b.g], autograd(right, g, x, w, b)[1:], autograd(right, g.abs(), x.abs(), w.abs(), b.abs())[1:])

@prop(draw=draws, shape=st.lists(width, min_size=0, max_size=3))
def test_relu_grad(draw, shape):
    "A gate that divides, that is open on the wrong side, or that forgets the upstream gradient"
    if not shape: draw.layouts = ['contiguous']
    x,g = draw(*shape),draw(*shape)
    relu_grad(x, with_g(relu(x), g))
    want = autograd(torch.relu, g, x)[1:]
    close([x.g], want, [t.abs() for t in want])

@pytest.mark.parametrize('zero', [0., -0.])
def test_relu_grad_at_exactly_0(zero):
    "A gate open at 0, where torch.relu's is shut"
    x = torch.tensor([-1., zero, 1.])
    relu_grad(x, with_g(relu(x), torch.tensor([5., 7., 9.])))
    assert x.g.tolist()==[0., 0., 9.]

@prop(draw=draws, n=rows, column=st.booleans())
def test_mse_grad(draw, n, column):
    "1/n or the 2 forgotten, the other sign, all pairs instead of rows"
    x,t = draw(*([n, 1] if column else [n])),draw(n)
    mse_grad(x, t)
    close([x.g], autograd(lambda x: F.mse_loss(x.flatten(), t.double()), 1., x)[1:], [2*(x.abs()+t.view_as(x).abs()).double()/n])

def net(x, targ, w1, b1, w2, b2): return F.mse_loss(F.linear(torch.relu(F.linear(x, w1.t(), b1)), w2.t(), b2)[:,0], targ)

@prop(draw=draws, n=rows, m=width, nh=width)
def test_forward_and_backward(draw, n, m, nh):
    "Partners in the wrong order or with the wrong tensors, a gradient that is never stored"
    ts = x,targ,w1,b1,w2,b2 = draw(n, m),draw(n),draw(m, nh),draw(nh),draw(nh, 1),draw(1)
    assume((x.double()@w1.double()+b1.double()).abs().min()>1e-4) # float32 may put a unit on the other side of the corner
    loss = forward_and_backward(*ts)
    size = autograd(net, 1., *(-t.abs() if t is targ else t.abs() for t in ts)) # every sign so that nothing cancels
    want = autograd(net, 1., *ts)
    close([loss, *(t.g for t in (x, w1, b1, w2, b2))], [o for i,o in enumerate(want) if i!=2], [o.abs() for i,o in enumerate(size) if i!=2])

def test_gradients_are_replaced_and_plain():
    "A gradient that adds up over two passes, or that keeps autograd's graph alive"
    ts = rand(4, 3),rand(4),rand(3, 2),rand(2),rand(2, 1),rand(1)
    ts = [t.requires_grad_() for t in ts]
    first = []
    for _ in range(2):
        loss = forward_and_backward(*ts)
        first.append([t.g.clone() for i,t in enumerate(ts) if i!=1])
    assert all(a.equal(b) for a,b in zip(*first)) and not loss.requires_grad and not any(t.g.requires_grad for i,t in enumerate(ts) if i!=1)
    x,up = rand(4, 2),rand(4, 2).requires_grad_()*2
    relu_grad(x, with_g(relu(x), up))
    lin_grad(ts[0], with_g(lin(ts[0], ts[2], ts[3]), up), ts[2], ts[3])
    assert not any(t.g.requires_grad for t in (x, ts[0], ts[2], ts[3]))

@pytest.mark.parametrize('g', [(4,1), (2,), (4,3), (1,4,2), ()])
def test_an_upstream_gradient_of_another_shape(g):
    "Broadcasting lets it through, and every gradient is wrong"
    x,w,b,out = rand(4, 3),rand(3, 2),rand(2),rand(4, 2)
    for f in (lambda o: lin_grad(x, o, w, b), lambda o: relu_grad(out, o)):
        with pytest.raises(ValueError) as e: f(with_g(rand(4, 2), rand(*g)))
        assert str(g) in str(e.value) and '_grad needs' in str(e.value)

def test_what_else_is_refused():
    "No upstream gradient, one of another dtype, one tensor with two places for its gradient"
    x,w,b,out = rand(4, 3),rand(3, 2),rand(2),rand(4, 2)
    for f in (lambda: lin_grad(x, out, w, b), lambda: relu_grad(out, out)):
        with pytest.raises(AttributeError, match="no attribute 'g'"): f()
    with pytest.raises(ValueError, match='of one dtype'): lin_grad(x, with_g(rand(4, 2), out.double()), w, b)
    with pytest.raises(ValueError, match='mse_grad needs'): mse_grad(rand(4, 1), rand(4, 1))
    sq,one,b1 = rand(3, 3),rand(1, 1),rand(1)
    with pytest.raises(ValueError, match='inp is w'): lin_grad(sq, with_g(rand(3, 3), rand(3, 3)), sq, rand(3))
    assert not hasattr(sq, 'g')
    for args in ((x, rand(4), rand(3, 1), b1, one, b1), (rand(4, 1), rand(4), one, rand(1), one, b1), (sq, rand(3), sq, rand(3), rand(3, 1), b1), (one, rand(1), rand(1, 1), b1, one, rand(1))):
        with pytest.raises(ValueError, match='one tensor twice'): forward_and_backward(*args)

# --- check_grads --------------------------------------------------------------------------------------------------------------

def scaled(*by, times=1., plus=0.):
    "For check_grads: a sum of squares of each tensor, whose gradient is wrong by the factor `by` in the middle value"
    def f(*ts):
        for t,k in zip(ts, by): t.g = 2*times*t*torch.tensor([1., k, 1.], dtype=t.dtype)
        return plus+times*sum(t.square().sum() for t in ts)
    return f

@pytest.mark.parametrize('k, where', [(0, ()), (1, (1,)), (2, (0, 2))])
@pytest.mark.parametrize('wrong', [lambda g: -g, lambda g: g*1.00001, torch.zeros_like, lambda g: g+torch.nan, lambda g: g/0], ids=['sign', 'a little', 'zero', 'nan', 'inf'])
def test_one_wrong_value_is_named(k, where, wrong):
    "A value that is skipped or compared absolutely, or NaN, which differs from nothing by comparison"
    ts = [rand().abs()+1, rand(3), rand(2, 3)]
    def f(*ts):
        for t in ts: t.g = 2*t
        ts[k].g[where] = wrong(ts[k].g[where])
        return sum(t.square().sum() for t in ts)
    with pytest.raises(AssertionError) as e: check_grads(f, *ts)
    assert str(e.value).startswith(f'tensor {k} {tuple(ts[k].shape)}: 1 of {ts[k].numel()} gradients are wrong, the first at {list(where)}: ')

def test_the_largest_difference_is_told():
    "It is told of the last tensor only, or not as a share of the largest gradient"
    x,y = torch.tensor([1., 2., 4.]),torch.tensor([8., 16., 32.])
    for f in (scaled(1.001, 1.), scaled(1., 1.001)): assert abs(check_grads(f, x, y, rtol=.01)-5e-4)<1e-6 # .004 of 8
    assert check_grads(scaled(1., 1.), x, y)<1e-9

@pytest.mark.parametrize('size', [1e-4, .01, 1., 100., 1e4])
def test_the_allowed_difference_is_a_share(size):
    "An absolute tolerance under which small gradients hide, or which large ones exceed"
    t = torch.tensor([1., size, 1.])
    for wrong in (1.5, .5):
        with pytest.raises(AssertionError, match='gradients (are wrong|stand at)'): check_grads(scaled(wrong), t, rtol=.1)
    check_grads(scaled(1.05), t, rtol=.1)
    assert check_grads(scaled(1.), t)<1e-6

@pytest.mark.parametrize('times, said', [(1e-6, 'are wrong'), (1e-12, 'are too small to judge')])
def test_a_small_gradient_is_not_right_because_it_is_small(times, said):
    "All gradients below the rounding of a loss near 1 are called right, whatever they are"
    assert check_grads(scaled(1., times=times), rand(3))<1e-6
    for wrong in (-1., 1.1, 0.):
        with pytest.raises(AssertionError, match=said): check_grads(scaled(wrong, times=times), rand(3))

def test_a_small_gradient_beside_a_large_loss():
    "The loss is rounded: right gradients of a usual size are called wrong, or wrong small ones right"
    check_grads(scaled(1., plus=1e6), rand(3))
    with pytest.raises(AssertionError, match='are wrong'): check_grads(scaled(-1., plus=1e6), rand(3))
    with pytest.raises(AssertionError, match='are too small to judge.*rounding hides slopes below 4e-04'): check_grads(scaled(-1., plus=1e6, times=1e-5), rand(3))

def test_a_corner_is_named():
    "At a corner, and nearer to it than the step, a right gradient is called wrong"
    def f(x):
        relu_grad(x, out := with_g(relu(x), torch.full_like(x, 3.)))
        return 3*out.sum()
    for at in (0., 1e-6, -1e-6):
        with pytest.raises(AssertionError, match=r'tensor 0 \(3,\): 1 of 3 gradients stand at a corner.*the first at \[1\]'): check_grads(f, torch.tensor([-1., at, 2.]))
    check_grads(f, torch.tensor([-1., 1e-4, 2.]))
    def g(x):
        f(x)
        x.g = x.g*torch.tensor([1., 1., 2.]).double()
        return 3*relu(x).sum()
    with pytest.raises(AssertionError, match=r'1 of 3 gradients are wrong, the first at \[2\]'): check_grads(g, torch.tensor([-1., 0., 2.])) # a wrong one is named before a corner

def test_an_old_gradient_does_not_count():
    "A backward that does nothing passes, for the old .g of the tensors is still there"
    x = with_g(rand(3), 2*rand(3))
    with pytest.raises(AssertionError, match=r'tensor 0 \(3,\): f left no .g'): check_grads(lambda x: x.square().sum(), x)
    assert x.g.equal(2*rand(3)) # and the tensors of the caller are as they were

def test_an_error_in_f_changes_nothing():
    "The caller's own float64 tensor is moved, and stays so when `f` raises"
    x = rand(3).double()
    def f(t):
        assert t.equal(rand(3).double()), 'moved'
        t.g = 2*t
        return t.square().sum()
    with pytest.raises(AssertionError, match='moved'): check_grads(f, x)
    assert x.equal(rand(3).double())

def test_a_gradient_that_adds_up():
    "It is right the first time and wrong the second"
    def f(x):
        x.g = getattr(x, 'g', 0.)+2*x
        return x.square().sum()
    def one(x):
        g = 2*x
        g[0] += getattr(x, 'g', 0*g)[0]
        x.g = g
        return x.square().sum()
    def in_place(x):
        x.g = getattr(x, 'g', torch.zeros_like(x))
        x.g += 2*x
        return x.square().sum()
    for o in (f, one, in_place):
        with pytest.raises(AssertionError, match='replaced, not added to'): check_grads(o, torch.ones(3))

def test_a_gradient_of_another_shape():
    "A gradient that broadcasts is compared with itself"
    for n in ((1,), (3,1), ()):
        def f(x):
            x.g = torch.full(n, 2., dtype=x.dtype)
            return 2*x.sum()
        with pytest.raises(AssertionError) as e: check_grads(f, torch.ones(3))
        assert f'tensor 0 (3,): f left a .g of shape {n}' in str(e.value)

def test_an_f_that_asks_autograd():
    "Moving a leaf in place raises, and .grad adds up over the calls"
    def f(x, sign=1.):
        loss = x.requires_grad_().square().sum()
        loss.backward()
        x.g = sign*x.grad
        return loss
    assert check_grads(f, rand(3))<1e-6
    with pytest.raises(AssertionError, match='are wrong'): check_grads(lambda x: f(x, -1.), rand(3))

@pytest.mark.parametrize('f, what', [(lambda x: x, r'torch.float64 \(3,\)'), (lambda x: None, 'None'), (lambda x: x.sum().float(), r'torch.float32 \(\)'), (lambda x: 'loss', "'loss'")])
def test_an_f_that_returns_no_number(f, what):
    "A vector or a forgotten return ends in an error that names something else, and a float32 loss in slopes that are noise"
    with pytest.raises(ValueError, match=f'check_grads: f must return a float64, not {what}'): check_grads(f, rand(3))

@pytest.mark.parametrize('ts', [(), (torch.ones(0),), (torch.ones(2), torch.ones(0, 3)), (torch.ones(2)*1j,), ([1., 2.],)])
def test_what_check_grads_has_to_move(ts):
    "Nothing to check is not a check that passed, and the imaginary part would be dropped"
    with pytest.raises(ValueError, match='needs tensors of real numbers, none empty'): check_grads(lambda *ts: 1., *ts)

def test_slopes_that_are_no_numbers():
    "NaN and infinity in the loss are taken for agreement"
    def log(x): return with_g(x, 1/x).log().sum()
    def pole(x): return (1/with_g(x, 7*x)).sum()
    for f,t in ((log, torch.tensor([-1.])), (pole, torch.tensor([1e-5], dtype=torch.float64))):
        with pytest.raises(AssertionError, match='by finite differences'): check_grads(f, t)

def test_layouts_of_check_grads():
    "A value of an expanded, transposed or sliced tensor moves another one"
    for t in (rand(1, 3).expand(4, 3), rand(4, 3).t(), rand(4, 6)[:,::2], torch.tensor([1, 2])): assert check_grads(lambda x: with_g(x, 2*x).square().sum(), t)<1e-6

def test_no_gradient_keeps_a_graph():
    "`.g` that autograd follows, and that keeps the whole pass in memory"
    inp = rand(4, 1).requires_grad_()
    mse_grad(inp, rand(4, seed=1))
    assert not inp.g.requires_grad

def test_a_small_gradient_that_is_added_to_itself():
    "A bound for the second run that is no share of the gradient"
    def added(t):
        t.g = getattr(t, 'g', 0)+2e-3*kept.setdefault('n', 0)+2e-3*t
        kept['n'] += 1
        return float(1e-3*(t*t).sum())
    kept = {}
    with pytest.raises(AssertionError, match='replaced, not added to'): check_grads(added, torch.tensor([1., 2.]))

def test_what_is_returned_is_a_share():
    "The difference itself, which is small where the gradients are"
    def f(t):
        t.g = 2e-3*t*(1+1e-7)
        return float(1e-3*(t*t).sum())
    assert 5e-8 < check_grads(f, torch.tensor([1., 2.])) < 2e-6

def test_tiny_and_large_gradients_alike():
    "Bounds that are no share: a tiny gradient added to itself passes, a large wrong one is taken for a corner"
    def added(t):
        kept.append(1)
        t.g = 2e-6*t*(len(kept) if len(kept)<3 else 1)
        return float(1e-6*(t*t).sum())
    kept = []
    with pytest.raises(AssertionError, match='replaced, not added to'): check_grads(added, torch.tensor([1., 2.]))
    def wrong(t):
        t.g = 1000*t
        return float(1000*(t*t).sum())
    with pytest.raises(AssertionError, match='gradients are wrong'): check_grads(wrong, torch.tensor([1., 2.]))
