"`fit_fused` and `grads_fused` do what `fit` and `model.backward` do, or refuse. Each test names the fault that it would catch."
import inspect, math, signal, subprocess, sys
from unittest import mock

import pytest
import torch
from mlp_foundations import speed
from mlp_foundations.layers import Lin, Model, Module, Mse, Relu
from mlp_foundations.speed import fit_fused, grads_fused, mlp_train
from mlp_foundations.training import CrossEntropy, accuracy, fit

inf,nan = math.inf,math.nan
def gen(seed=0): return torch.Generator().manual_seed(seed)
def rows(loss=CrossEntropy, n=103, dtype=torch.float64):
    x = torch.randn(n, 7, generator=gen(), dtype=dtype)
    return x,torch.randn(n, generator=gen(1), dtype=dtype) if loss is Mse else torch.arange(n)%4
def net(depth=2, loss=CrossEntropy, shift=0., dtype=torch.float64):
    "`depth` linear layers of different widths with ReLUs between them; the first weights lie as columns"
    sizes,made = [7, *(9, 5, 6)[:depth-1], 1 if loss is Mse else 4],[]
    for i,(p,q) in enumerate(zip(sizes, sizes[1:])):
        w = torch.randn(p, q, generator=gen(i), dtype=dtype)/p**.5
        made += [Lin(w if i else w.t().contiguous().t(), torch.randn(q, generator=gen(i+9), dtype=dtype)), Relu(shift)]
    return Model(made[:-1], loss())
def same(a, b, tol=1e-12):
    for p,q in zip(a, b, strict=True): assert p.dtype==q.dtype and p.shape==q.shape and (p-q).norm()<=tol*p.norm(), (p-q).norm()/p.norm()
def kept(model, f, *said, kind=ValueError):
    before = [p.clone() for p in model.params()]
    with pytest.raises(kind) as e: f()
    for o in said: assert str(o) in str(e.value), str(e.value)
    assert all(p.equal(q) for p,q in zip(model.params(), before))

# --- equal -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('shift', [0., .3])
@pytest.mark.parametrize('shuffle', [False, True])
@pytest.mark.parametrize('loss', [Mse, CrossEntropy])
@pytest.mark.parametrize('depth', [1, 2, 3, 4])
def test_equal_to_fit(depth, loss, shuffle, shift):
    "Another gradient, order, schedule or scale of the short batch (103 rows by 16): 1e-12, relative, in float64"
    a,b,(x,y) = net(depth, loss, shift),net(depth, loss, shift),rows(loss)
    kw = dict(valid=(x[:50], y[:50]), metric=accuracy if loss is CrossEntropy else None, epochs=3, bs=16, lr=.05, final_lr=.01, shuffle=shuffle, progress=False)
    ra,rb = fit(a, x, y, generator=gen(3), **kw),fit_fused(b, x, y, generator=gen(3), **kw)
    same(a.params(), b.params())
    for o,p in zip(ra, rb, strict=True): assert list(o)==list(p) and all(p[k]==pytest.approx(v, rel=1e-12) for k,v in o.items() if k!='seconds')

def test_equal_in_float32_and_with_torchs_own_generator():
    a,b,(x,y) = net(dtype=torch.float32),net(dtype=torch.float32),rows(dtype=torch.float32)
    for model,f in ((a, fit), (b, fit_fused)):
        torch.manual_seed(0)
        f(model, x, y, bs=16, epochs=1, progress=False)
    same(a.params(), b.params(), 1e-4)

@pytest.mark.parametrize('before, after', [([Relu()], []), ([Relu(.2), Relu()], []), ([], [Relu()]), ([], [Relu(-.1), Relu(.3), Relu()])])
@pytest.mark.parametrize('shuffle', [False, True])
def test_relus_at_both_ends_and_in_a_row(before, after, shuffle):
    "In place, the rows themselves are overwritten, or the mask that the backward pass needs"
    a,b = (Model([*(Relu(o.shift) for o in before), *net(shift=.3).layers, *(Relu(o.shift) for o in after)], CrossEntropy()) for _ in range(2))
    x,y = rows()
    kept = x.clone()
    for model,f in ((a, fit), (b, fit_fused)): f(model, x, y, epochs=2, bs=16, lr=.05, shuffle=shuffle, generator=gen(), progress=False)
    same(a.params(), b.params())
    a(x, y)
    a.backward()
    grads_fused(b, x, y, rows=30)
    same([p.g for p in a.params()], [p.g for p in b.params()])
    assert x.equal(kept)

@pytest.mark.parametrize('loss', [Mse, CrossEntropy])
@pytest.mark.parametrize('depth, block', [(1, 30), (2, 30), (3, 2000), (4, 103)])
def test_grads_equal_to_backward(depth, loss, block):
    "A block that is lost, or weighs too much; a gradient that is another tensor's memory, or can't be used outside"
    a,b,(x,y) = net(depth, loss, .3),net(depth, loss, .3),rows(loss)
    want = a(x, y)
    a.backward()
    assert hasattr(x, 'g')
    got = grads_fused(b, x, y, rows=block)
    assert got.dtype==want.dtype and got.item()==pytest.approx(want.item(), rel=1e-12) and not hasattr(x, 'g')
    same([p.g for p in a.params()], [p.g for p in b.params()])
    assert all(p.grad is p.g and not p.g.is_inference() for p in b.params())
    torch.optim.SGD(b.params(), .1).step()
    same([p-.1*p.g for p in a.params()], b.params())

def test_what_it_leaves():
    "Rows that a model keeps alive; a backward that follows an older pass; weights under another name"
    model,(x,y) = net(),rows()
    ws = model.params()
    fit_fused(model, x, y, epochs=1, progress=False)
    grads_fused(model, x, y)
    assert not any(k in vars(o) for o in (model, *model.layers, model.loss) for k in ('args', 'out', 'seen'))
    fit_fused(model, x, y, valid=(x, y), metric=accuracy, epochs=1, progress=False)
    assert all(p is q and not p.is_inference() for p,q in zip(ws, model.params()))
    model(x, y)
    fit_fused(model, x, y, epochs=1, progress=False)
    with pytest.raises(RuntimeError, match='changed'): model.backward()

def test_a_metric_sees_the_weights_and_an_output_of_its_own():
    "Weights of before the training, or outputs that the next epoch overwrites"
    model,(x,y) = net(),rows()
    outs,seen = [],[]
    def look(out, targ):
        outs.append(out)
        seen.append((out-model.forward(x)).abs().max().item())
        return 0.
    fit_fused(model, x, y, valid=(x, y), metric=look, epochs=2, progress=False)
    assert max(seen)<1e-12 and not outs[0].equal(outs[1]) and not outs[0].is_inference()

# --- refused -----------------------------------------------------------------------------------------------------------

class MyLin(Lin): pass
class MyModel(Model): pass
class MyLoss(CrossEntropy): pass
class Same(Module):
    def forward(self, inp): return inp
    def bwd(self, out, inp): inp.g = out.g
def with_layer(l): return Model([net(1).layers[0], l, Lin(torch.ones(4, 4).double(), torch.ones(4).double())], CrossEntropy())
def on_object(name, place):
    m = net()
    setattr(dict(model=m, layer=m.layers[1], loss=m.loss)[place], name, lambda *args: None)
    return m
FOREIGN = [(lambda: Model([MyLin(l.w, l.b) if isinstance(l, Lin) else l for l in net().layers], CrossEntropy()), 'layer 0 is a MyLin'), (lambda: MyModel(net().layers, CrossEntropy()), 'the model is a MyModel'),
    (lambda: Model(net().layers, MyLoss()), 'the loss is a MyLoss'), (lambda: with_layer(Same()), 'layer 1 is a Same'), (lambda: with_layer(CrossEntropy()), 'layer 1 is a CrossEntropy'),
    (lambda: with_layer(net()), 'layer 1 is a Model'), (lambda: torch.nn.Linear(7, 4), 'the model is a Linear'), (lambda: Lin(torch.ones(7, 4), torch.zeros(4)), 'the model is a Lin'),
    *[(lambda n=n, p=p: on_object(n, p), f'has a {n} of its own') for p in ('model', 'layer', 'loss') for n in ('bwd', 'forward', 'params', 'backward', '_look')]]
@pytest.mark.parametrize('make, said', FOREIGN)
@pytest.mark.parametrize('f', [fit_fused, grads_fused])
def test_what_is_not_exactly_the_lessons(f, make, said):
    "What a subclass, another layer or one object's own method does would be ignored without a word"
    with pytest.raises(TypeError, match=said) as e: f(make(), *rows())
    assert 'use fit' in str(e.value)

@pytest.mark.parametrize('cls', [Module, Model, Lin, Relu, CrossEntropy])
@pytest.mark.parametrize('name', ['bwd', 'forward', '__call__', 'params', 'backward'])
def test_what_was_changed_in_a_class(cls, name):
    "`Lin.bwd = mine`, or a method that shadows that of Module"
    model = net()
    with mock.patch.object(cls, name, lambda *args: None, create=True), pytest.raises(TypeError, match=f'has a {name} of its own.*use fit'): fit_fused(model, *rows())

def test_memory_that_is_shared():
    "Layers changed after the Model was made: one weight would be stepped twice"
    model = net(3)
    model.layers[2].b = model.layers[0].b[:5]
    for f in (fit_fused, grads_fused): kept(model, lambda: f(model, *rows()), 'share memory')
    model.layers[2].b = torch.zeros(5, dtype=torch.float64).requires_grad_()
    for f in (fit_fused, grads_fused): kept(model, lambda: f(model, *rows()), 'requires_grad')

@pytest.mark.parametrize('change, said', [(lambda x, y: (x[:,:5], y), '(1, 5)'), (lambda x, y: (x.float(), y), 'float32'), (lambda x, y: (x, y.float()), 'float32'), (lambda x, y: (x, y-1), 'from -1'), (lambda x, y: (x, y+1), 'to 4'),
    (lambda x, y: (x, y[:9]), '(9,)'), (lambda x, y: (x, y[:,None]), '(103, 1)'), (lambda x, y: (x[:0], y[:0]), '(0, 7)'), (lambda x, y: (x.long(), y), 'int64'), (lambda x, y: (x[0], y[:7]), '')])
def test_rows_and_targets_are_looked_at_before_the_first_step(change, said):
    "A bad label in the last batch, found after some steps, or not at all by scatter_"
    bad = change(*rows())
    for f in (lambda m: fit_fused(m, *bad, bs=16, shuffle=False, progress=False), lambda m: fit_fused(m, *rows(), valid=bad, progress=False), lambda m: grads_fused(m, *bad)):
        model = net()
        kept(model, lambda: f(model), said)

def test_targets_of_mse():
    model,(x,y) = net(loss=Mse),rows(Mse)
    for bad in (y[:9], y.float(), torch.arange(103)):
        kept(model, lambda: fit_fused(model, x, bad, progress=False))
        kept(model, lambda: grads_fused(model, x, bad))
    wide = Model(net().layers, Mse())
    kept(wide, lambda: fit_fused(wide, x, y, progress=False), 'mse needs')

def test_arguments():
    "bs=0 divides by zero, bs=True is 1, lr -1 climbs; lists and NumPy end in an error that names something else"
    x,y = rows()
    for kw in (dict(bs=0), dict(bs=True), dict(bs='64'), dict(epochs=-1), dict(lr=0.), dict(lr='0.1'), dict(final_lr=-1.), dict(valid=(x,)), dict(metric=accuracy)):
        model = net()
        kept(model, lambda: fit_fused(model, x, y, progress=False, **kw))
    for bad in ((x.tolist(), y), (x.numpy(), y), (x, y.numpy())):
        model = net()
        for f in (fit_fused, grads_fused): kept(model, lambda: f(model, *bad), kind=(TypeError, ValueError))
    model = net()
    kept(model, lambda: fit_fused(model, x, y, generator=0), 'torch.Generator', kind=TypeError)
    kept(model, lambda: grads_fused(model, x, y, rows=0), 'rows must be')
    for f in (fit_fused, grads_fused):
        with pytest.raises(ValueError, match='no Lin'): f(Model([Relu()], CrossEntropy()), x, y)

# --- what ends a training --------------------------------------------------------------------------------------------

def test_a_loss_that_is_not_finite():
    "A report of other layers or another lr than that of fit, or weights that are lost or of another batch"
    x,y = rows()
    x[40,2] = nan
    said,models = [],[net(3), net(3)]
    for model,f in zip(models, (fit, fit_fused)):
        with pytest.raises(FloatingPointError) as e: f(model, x, y, bs=16, lr=.1, shuffle=False, progress=False)
        said.append(str(e.value))
    assert said[0]==said[1] and 'epoch 0, batch 2' in said[0] and 'input nan' in said[0]
    same(models[0].params(), models[1].params())
    assert all(p.isfinite().all() for p in models[1].params())

def test_weights_that_are_not_finite_are_not_written_back():
    "A step that overflows before the loss does: the model would be left with inf; in the last batch no loss tells"
    for n,said in ((103, 'batch 3'), (48, 'batch 2')):
        x,y = rows(Mse)
        x[32:48] *= 1e200
        y[:48] = 0.
        y[40] = 1e120 # in batch 2: a loss that is finite, and a gradient that is not
        x[:,3] = 0. # one weight stays finite
        model = Model([Lin(torch.zeros(7, 1).double(), torch.zeros(1).double())], Mse())
        kept(model, lambda: fit_fused(model, x[:n], y[:n], bs=16, lr=.1, epochs=1, shuffle=False, progress=False), said, 'before this epoch', kind=FloatingPointError)

def test_weights_are_written_back_when_it_is_interrupted():
    "The steps that were taken are lost"
    for times,kind in ((1, None), (2, KeyboardInterrupt)):
        model,(x,y),n = net(),rows(),[0]
        start = [p.clone() for p in model.params()]
        def press(z, y, old=speed._cross_entropy):
            n[0] += 1
            if n[0]==3:
                for _ in range(times): signal.raise_signal(signal.SIGINT)
            return old(z, y)
        with mock.patch.object(speed, '_cross_entropy', press):
            if kind:
                with pytest.raises(kind): fit_fused(model, x, y, bs=16, lr=.1, final_lr=.1, shuffle=False, progress=False)
            else:
                with pytest.warns(UserWarning, match='interrupted'): assert fit_fused(model, x, y, bs=16, lr=.1, final_lr=.1, shuffle=False, progress=False)==[]
        want,steps = net(),3 if kind is None else 2
        fit(want, x[:16*steps], y[:16*steps], bs=16, epochs=1, lr=.1, final_lr=.1, shuffle=False, progress=False)
        same(want.params(), model.params())
        assert not any(p.equal(q) for p,q in zip(start, model.params()))

def test_a_metric_that_raises_leaves_the_trained_weights():
    def broken(out, targ): raise ZeroDivisionError
    a,b,(x,y) = net(),net(),rows()
    with pytest.raises(ZeroDivisionError): fit_fused(a, x, y, valid=(x, y), metric=broken, epochs=1, lr=.1, final_lr=.1, shuffle=False, progress=False)
    fit(b, x, y, epochs=1, lr=.1, final_lr=.1, shuffle=False, progress=False)
    same(b.params(), a.params())

# --- the command --------------------------------------------------------------------------------------------------------

def test_the_help_of_mlp_train(tmp_path):
    "A command that doesn't import, or arguments without an explanation"
    script = tmp_path/'mlp_train' # as pip writes it for console_scripts
    script.write_text('import sys\nfrom mlp_foundations.speed import mlp_train\nsys.exit(mlp_train())\n')
    res = subprocess.run([sys.executable, script, '--help'], capture_output=True, text=True, timeout=120)
    assert not res.returncode and all(o in res.stdout for o in ('--nh', 'hidden units', '--epochs', '--lr', '--bs', '--seed')), res.stderr

@pytest.fixture
def little():
    "Few rows in place of the digits, for the time of a test; what `normalize` was given"
    x,y = torch.rand(200, 784, generator=gen()),torch.arange(200)%10
    x[torch.arange(200),y] += 3
    scaled = mock.Mock(side_effect=speed.normalize)
    data = dict(get_data=lambda device: (x[:150], y[:150], x[:50], y[:50]), get_test=lambda device: (x[150:], y[150:]))
    with mock.patch.multiple(speed, normalize=scaled, **data): yield x,y,scaled

def test_mlp_train(little, capsys):
    "Trained on the test digits, or tested on other pixels than it was trained on; another recipe than it says"
    x,y,scaled = little
    mlp_train(nh=16, epochs=40)
    assert [len(o.args[0]) for o in scaled.call_args_list]==[150, 50, 50] and all(o.args[1:]==(x[:150].mean(), x[:150].std()) for o in scaled.call_args_list)
    first,*lines,last = capsys.readouterr().out.splitlines()
    assert first=='784 → 16 → 10, 40 epochs, bs 64, lr 0.2 falling to 0, cpu' and [o.split(',')[0] for o in lines]==[f'epoch {i}' for i in range(40)]
    words,value = last.rsplit(maxsplit=1)
    assert words=='test accuracy' and float(value)>.5 and all('loss' in o and 'accuracy' in o for o in lines)
    with pytest.raises(ValueError, match='n_out must be'): mlp_train(nh=0)
    with pytest.raises(ValueError, match='epochs must be'): mlp_train(epochs=-1)

def test_a_line_an_epoch_or_a_bar(little, capsys):
    "Other weights where there is a terminal: the epochs are then trained in one call"
    saved = []
    for bar in (False, True):
        with mock.patch.object(speed, '_save', lambda o, path: saved.append(o)), mock.patch.object(sys.stderr, 'isatty', lambda: bar, create=True): mlp_train(nh=8, epochs=3, save='x')
        assert ('epoch 2' in capsys.readouterr().out) is not bar
    for k,v in saved[0].items(): assert torch.allclose(v, saved[1][k], rtol=1e-5, atol=1e-6), k

def test_what_mlp_train_saves(little, tmp_path, capsys):
    "A file that only runs code can read, or weights that read other digits; an error after minutes of training; half a file"
    x,y,_ = little
    file = tmp_path/'w.pt'
    mlp_train(nh=16, epochs=2, save=str(file))
    o = torch.load(file, weights_only=True)
    model = Model([Lin(o['w1'], o['b1']), Relu(), Lin(o['w2'], o['b2'])], CrossEntropy())
    assert f"{accuracy(model((x[150:]-o['mean'])/o['std']), y[150:]):.4f}"==capsys.readouterr().out.split()[-1]
    assert [p.name for p in tmp_path.iterdir()]==['w.pt']
    old = file.read_bytes()
    with mock.patch.object(torch, 'save', side_effect=OSError('disk full')), pytest.raises(OSError, match='disk full'): speed._save(o, file)
    assert file.read_bytes()==old and [p.name for p in tmp_path.iterdir()]==['w.pt']
    with mock.patch.object(speed, 'fit_fused', side_effect=AssertionError('trained first')), pytest.raises(ValueError, match='no folder'): mlp_train(save=str(tmp_path/'none'/'w.pt'))
    with pytest.raises(ValueError, match="no 'cuda' here" if not torch.cuda.is_available() else "no 'foo' here"): speed.__dict__['_on']('cuda' if not torch.cuda.is_available() else 'foo')

def test_its_arguments_are_those_of_fit():
    "Another default than that of fit, or an epoch that is asked for and not counted"
    theirs,ours = (inspect.signature(f).parameters for f in (fit, fit_fused))
    assert {k: v.default for k,v in ours.items()}=={k: v.default for k,v in theirs.items() if k!='opt'}
    assert fit_fused(net(), *rows(), epochs=0, progress=False)==[]
