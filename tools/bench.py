"""How fast the hand-written net is, beside its peers on the same work. Run by `make bench`; no test depends on a time.

    python tools/bench.py [--threads 1 2] [--rounds 9] [--only full epoch memory scale accuracy until98]

All contenders of a work take turns within one process, round after round, so that a busy machine hurts them alike. Given are medians over the
rounds in which nothing else kept a processor busy (where the system tells), and medians of the ratios within a round. The measure is `products`:
only the matrix products that the work needs, with outputs allocated before and each in its fastest form: either orientation, all rows or in blocks. Before anything is timed, each
contender's result is held to autograd in float64. In `until98` each contender has a recipe of its own instead,
and the clock runs until 98 % of the test digits are right; that takes ten minutes. The table is printed, drawn to executed/bench.png and written to executed/bench.json.
"""
import argparse, itertools, json, math, os, platform, subprocess, sys, time
from pathlib import Path
from statistics import median

out = Path(__file__).resolve().parent.parent/'executed'
M,NH,C,LR = 784,50,10,.01
EPOCHS,LR0,BS = 10,.2,64 # the recipe of `mlp_train`: lr falls linearly from LR0 to 0
KINDS = ['full', 'epoch', 'memory', 'scale', 'accuracy', 'until98']
ONCE = ['accuracy', 'until98'] # only with the first number of threads
KEPT = '# kept by `tools/bench.py --threads 1 --keep`'
OURS = ['ours, plain', 'ours, fused'] # `fit` and `model.backward`; `fit_fused` and `grads_fused`

def args_from(argv):
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--threads', type=int, nargs='+', default=[1, 2], help='a table for each of these numbers of threads')
    p.add_argument('--rounds', type=int, default=9)
    p.add_argument('--only', nargs='+', default=KINDS, choices=KINDS)
    p.add_argument('--keep', action='store_true', help='for authors: write what lesson 08 shows of it into that notebook')
    p.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    return p.parse_args(argv)

# --- timing -----------------------------------------------------------------------------------------------------------

def others_busy(since=None):
    "Processor seconds that everything else has used since `since`, an earlier answer of this function; None where the system doesn't tell"
    try: v = [int(o) for o in Path('/proc/stat').read_text().split('\n', 1)[0].split()[1:9]]
    except OSError: return None
    now = (sum(v)-v[3]-v[4])/os.sysconf('SC_CLK_TCK') - sum(os.times()[:4])
    return now if since is None else now-since

def race(contenders, rounds, least=.02):
    "Milliseconds and ratio to the first contender, medians over quiet rounds, of each of `contenders` (name -> function)"
    reps = {}
    for k,f in contenders.items():
        f()
        start = time.perf_counter()
        f()
        reps[k] = max(1, math.ceil(least/(time.perf_counter()-start)))
    rows = []
    for r in range(rounds):
        row,busy,begin = {},others_busy(),time.perf_counter()
        for k,f in contenders.items():
            start = time.perf_counter()
            for _ in range(reps[k]): f()
            row[k] = (time.perf_counter()-start)/reps[k]*1e3
        rows.append((row, busy is None or others_busy(busy) < .05*(time.perf_counter()-begin)))
    quiet = [row for row,q in rows if q] or [row for row,_ in rows]
    first = next(iter(contenders))
    return dict(rounds=rounds, quiet=sum(q for _,q in rows), contenders={k: dict(ms=median(o[k] for o in quiet), ratio=median(o[k]/o[first] for o in quiet),
        low=min(o[k]/o[first] for o in quiet), high=max(o[k]/o[first] for o in quiet)) for k in contenders})

# --- the limit --------------------------------------------------------------------------------------------------------

def fastest_mm(torch, a, b, data=False):
    "A function of `a` for a @ b into memory of its own, in the fastest form: either orientation, all rows or in blocks, and either layout of `b`, and of `a` unless that is `data`, which lie as they lie"
    def flip(o): return o.t().contiguous().t()
    n,p = a.shape[0],b.shape[1]
    def plain(y, o): return lambda x: torch.mm(x, y, out=o.t())
    def turned(y, o): return lambda x: torch.mm(y.t(), x.t(), out=o)
    def blocks(y, o):
        def f(x):
            for xb,ob in zip(x.t().split(1000, 1), o.split(1000, 1)): torch.mm(y.t(), xb, out=ob)
        return f
    def seconds(f, x):
        f(x)
        start = time.perf_counter()
        for _ in range(max(1, 200_000_000//(2*a.numel()*p))): f(x)
        return time.perf_counter()-start
    ways = [(form(y, o), x) for x in ([a] if data else [a, flip(a)]) for y in (b, flip(b)) for form in (plain, turned, blocks)
            for o in (torch.empty(p, n), torch.empty(n, p).t())]
    f,x = min(ways, key=lambda w: min(seconds(*w) for _ in range(3)))
    return f if data else lambda _: f(x)

def products(torch, x, sizes):
    "The matrix products of a forward and a backward pass of a net of `sizes` on rows like `x`, without the input's gradient, as functions of the rows"
    fs,acts = [],[x]+[torch.randn(len(x), k) for k in sizes[1:]]
    for i,(p,q) in enumerate(zip(sizes, sizes[1:])):
        w,g = torch.randn(p, q),torch.randn(len(x), q)
        forward,back = fastest_mm(torch, acts[i], w, not i),fastest_mm(torch, acts[i].t(), g, not i)
        fs += [forward, lambda x, f=back: f(x.t())]
        if i: fs.append(fastest_mm(torch, g, w.t()))
    return fs

# --- the contenders: each takes weights, data and settings, and gives a function for one epoch and one for the weights ----------

def by(name):
    "The contender of ours that trains with `fit` or `fit_fused`"
    def ours(torch, ws, x, y, bs, shuffle):
        from mlp_foundations import speed, training
        from mlp_foundations.layers import Model, Lin, Relu
        w1,b1,w2,b2 = ws = [o.clone() for o in ws]
        model = Model([Lin(w1, b1), Relu(), Lin(w2, b2)], training.CrossEntropy())
        train = dict(fit=training.fit, fit_fused=speed.fit_fused)[name]
        return lambda: train(model, x, y, epochs=1, lr=LR, final_lr=LR, bs=bs, shuffle=shuffle, progress=False), lambda: ws
    return ours

def plain(torch, ws, x, y, bs, shuffle):
    w1,b1,w2,b2 = (o.clone() for o in ws)
    def epoch():
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for i in range(0, len(x), bs):
            xb,yb = (x[order[i:i+bs]],y[order[i:i+bs]]) if shuffle else (x[i:i+bs],y[i:i+bs])
            l1 = xb@w1+b1
            l2 = l1.clamp_min(0.)
            g = (l2@w2+b2).softmax(1)
            g[torch.arange(len(yb)), yb] -= 1
            g = g/len(yb)
            g1 = (l1>0).float() * (g@w2.t())
            for p,d in ((w2, l2.t()@g), (b2, g.sum(0)), (w1, xb.t()@g1), (b1, g1.sum(0))): p -= LR*d
    return epoch, lambda: [w1, b1, w2, b2]

def torch_net(torch, ws):
    net = torch.nn.Sequential(torch.nn.Linear(*ws[0].shape), torch.nn.ReLU(), torch.nn.Linear(*ws[2].shape))
    with torch.no_grad():
        for p,w in zip(net.parameters(), ws): p.copy_(w.t())
    return net, lambda: [p.detach().t() for p in net.parameters()]

def torch_epoch(torch, net, batches, opt=None):
    opt,loss_fn = opt or torch.optim.SGD(net.parameters(), lr=LR),torch.nn.functional.cross_entropy
    def epoch():
        for xb,yb in batches():
            loss = loss_fn(net(xb), yb)
            loss.backward()
            opt.step()
            opt.zero_grad()
    return epoch

def slices(torch, x, y, bs, shuffle):
    def batches():
        if shuffle:
            for i in torch.randperm(len(x)).split(bs): yield x[i],y[i]
        else:
            for i in range(0, len(x), bs): yield x[i:i+bs],y[i:i+bs]
    return batches

def torch_nn(torch, ws, x, y, bs, shuffle):
    net,weights = torch_net(torch, ws)
    return torch_epoch(torch, net, slices(torch, x, y, bs, shuffle)), weights

def torch_loader(torch, ws, x, y, bs, shuffle):
    net,weights = torch_net(torch, ws)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=bs, shuffle=shuffle)
    return torch_epoch(torch, net, lambda: loader), weights

def torch_compiled(torch, ws, x, y, bs, shuffle):
    net,weights = torch_net(torch, ws)
    return torch_epoch(torch, torch.compile(net), slices(torch, x, y, bs, shuffle)), weights

def numpy_net(torch, ws, x, y, bs, shuffle):
    import numpy as np
    w1,b1,w2,b2 = (o.numpy().copy() for o in ws)
    x,y = x.numpy(),y.numpy()
    def epoch():
        nonlocal w1, b1, w2, b2
        order = np.random.default_rng(0).permutation(len(x)) if shuffle else None
        for i in range(0, len(x), bs):
            xb,yb = (x[order[i:i+bs]],y[order[i:i+bs]]) if shuffle else (x[i:i+bs],y[i:i+bs])
            l2 = xb@w1
            l2 += b1
            np.maximum(l2, 0, out=l2)
            g = l2@w2
            g += b2
            g -= g.max(1, keepdims=True)
            np.exp(g, out=g)
            g /= g.sum(1, keepdims=True)
            g[np.arange(len(yb)), yb] -= 1
            g /= len(yb)
            g1 = g@w2.T
            g1 *= l2>0
            w2 -= LR*(l2.T@g)
            b2 -= LR*g.sum(0)
            w1 -= LR*(xb.T@g1)
            b1 -= LR*g1.sum(0)
    return epoch, lambda: [torch.from_numpy(o) for o in (w1, b1, w2, b2)]

def jax_loss(jax):
    import jax.numpy as jnp
    def loss(ws, xb, yb):
        w1,b1,w2,b2 = ws
        logits = jax.nn.relu(xb@w1+b1)@w2+b2
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), yb[:,None], 1).mean()
    return loss

def jax_step(torch, ws, x, y, bs, shuffle):
    import jax
    loss = jax_loss(jax)
    ws,x,y = [jax.numpy.asarray(o.numpy()) for o in ws],x.numpy(),y.numpy().astype('int32')
    step = jax.jit(lambda ws, xb, yb: [w-LR*g for w,g in zip(ws, jax.grad(loss)(ws, xb, yb))], donate_argnums=0)
    def epoch():
        nonlocal ws
        order = torch.randperm(len(x)).numpy() if shuffle else None
        for i in range(0, len(x), bs): ws = step(ws, *((x[order[i:i+bs]], y[order[i:i+bs]]) if shuffle else (x[i:i+bs], y[i:i+bs])))
        jax.block_until_ready(ws)
    return epoch, lambda: [torch.tensor(o.tolist()) for o in ws]

def jax_scan(torch, ws, x, y, bs, shuffle):
    import jax
    loss = jax_loss(jax)
    ws,x,y,key = [jax.numpy.asarray(o.numpy()) for o in ws],jax.numpy.asarray(x.numpy()),jax.numpy.asarray(y.numpy().astype('int32')),jax.random.key(0)
    @jax.jit
    def run(ws, x, y, key):
        order = (jax.random.permutation(key, len(x)) if shuffle else jax.numpy.arange(len(x))).reshape(-1, bs)
        def body(ws, i):
            xb,yb = (x[i],y[i]) if shuffle else (jax.lax.dynamic_slice_in_dim(x, i[0], bs),jax.lax.dynamic_slice_in_dim(y, i[0], bs))
            return [w-LR*g for w,g in zip(ws, jax.grad(loss)(ws, xb, yb))], None
        return jax.lax.scan(body, ws, order)[0]
    def epoch():
        nonlocal ws, key
        key,_ = jax.random.split(key)
        ws = jax.block_until_ready(run(ws, x, y, key))
    return epoch, lambda: [torch.tensor(o.tolist()) for o in ws]

def sklearn_mlp(torch, ws, x, y, bs, shuffle):
    import warnings
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    x,y = x.numpy(),y.numpy()
    net = MLPClassifier((NH,), solver='sgd', alpha=0, batch_size=bs, learning_rate_init=LR, momentum=0, nesterovs_momentum=False, max_iter=1,
                        shuffle=shuffle, warm_start=True, random_state=0)
    def epoch():
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', ConvergenceWarning)
            net.fit(x, y)
    epoch()
    for old,new in zip(net.coefs_, (ws[0], ws[2])): old[:] = new.numpy()
    for old,new in zip(net.intercepts_, (ws[1], ws[3])): old[:] = new.numpy()
    return epoch, lambda: [torch.from_numpy(o) for o in (net.coefs_[0], net.intercepts_[0], net.coefs_[1], net.intercepts_[1])]

PEERS = {'ours, plain': by('fit'), 'ours, fused': by('fit_fused'), 'hand-written, plain': plain, 'torch.nn, slices': torch_nn, 'torch.nn, DataLoader': torch_loader, 'torch.compile': torch_compiled,
         'NumPy': numpy_net, 'JAX, jit a step': jax_step, 'JAX, jit an epoch': jax_scan, 'scikit-learn': sklearn_mlp}

def present(peers=PEERS):
    "Those of `peers` that can run here, and the names of those that can't, with the reason"
    import importlib.util, shutil
    missing = {}
    for start,needs in (('JAX', 'jax'), ('scikit-learn', 'sklearn'), ('skorch', 'skorch')):
        if not importlib.util.find_spec(needs): missing |= {k: f'{needs} is not installed' for k in peers if k.startswith(start)}
    if 'torch.compile' in peers and not any(map(shutil.which, ('g++', 'clang++', 'cl'))): missing['torch.compile'] = 'no C++ compiler was found'
    return {k:f for k,f in peers.items() if k not in missing}, missing

# --- contenders with recipes of their own: each takes a seed, the 50,000 digits as ours has them and all 60,000 with pixels from 0 to 1, both as rows, labels
# and test rows, and gives a function for one epoch and one for the classes that it sees in the test rows ---------------------

def our_net(torch, nh, seed):
    "The net of `mlp_train`, and the generator that draws its orders"
    from mlp_foundations.all import Model, Lin, Relu, CrossEntropy, kaiming_normal, xavier_normal
    g = torch.Generator().manual_seed(seed)
    return Model([Lin(kaiming_normal(M, nh, generator=g)/2, torch.zeros(nh)), Relu(), Lin(xavier_normal(nh, C, generator=g)/2, torch.zeros(C))], CrossEntropy()), g

def ours_by(name):
    def recipe(torch, seed, ours, whole):
        from mlp_foundations import speed
        (model,g),(x,y,xt),train = our_net(torch, 512, seed),ours,getattr(speed, name)
        lrs = itertools.pairwise(LR0*(1-e/EPOCHS) for e in range(EPOCHS+1))
        def epoch():
            lr,final_lr = next(lrs)
            train(model, x, y, epochs=1, lr=lr, final_lr=final_lr, bs=BS, generator=g, progress=False)
        return epoch, lambda: model(xt).argmax(1)
    return recipe

def torch_ours(torch, seed, ours, whole):
    (model,g),(x,y,xt) = our_net(torch, 512, seed),ours
    net,_ = torch_net(torch, model.params())
    opt,step,steps = torch.optim.SGD(net.parameters(), lr=LR0),itertools.count(),EPOCHS*math.ceil(len(x)/BS)
    def batches():
        for i in torch.randperm(len(x), generator=g).split(BS):
            opt.param_groups[0]['lr'] = LR0*(1-next(step)/steps)
            yield x[i],y[i]
    return torch_epoch(torch, net, batches, opt), lambda: net(xt).argmax(1)

def torch_quickstart(torch, seed, ours, whole):
    nn,(x,y,xt) = torch.nn,whole
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(M, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, C))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=64)
    return torch_epoch(torch, net, lambda: loader, torch.optim.SGD(net.parameters(), lr=1e-3)), lambda: net(xt).argmax(1)

def jax_tutorial(torch, seed, ours, whole):
    "It leaves the pixels between 0 and 255, and takes the mean over rows and classes: a tenth of the cross-entropy"
    import jax
    x,y,xt = (o.numpy() for o in whole)
    x,y,xt = x*255,y.astype('int32'),xt*255
    keys = iter(jax.random.split(jax.random.key(seed), 6))
    ws = [[.01*jax.random.normal(next(keys), shape) for shape in ((p, q), (q,))] for p,q in ((M, 512), (512, 512), (512, C))]
    def logits(ws, xb):
        for w,b in ws[:-1]: xb = jax.nn.relu(xb@w+b)
        return xb@ws[-1][0]+ws[-1][1]
    def loss(ws, xb, yb): return -(jax.nn.log_softmax(logits(ws, xb))*jax.nn.one_hot(yb, C)).mean()
    step = jax.jit(lambda ws, xb, yb: jax.tree.map(lambda w, g: w-.01*g, ws, jax.grad(loss)(ws, xb, yb)))
    def epoch():
        nonlocal ws
        for i in range(0, len(x), 128): ws = step(ws, x[i:i+128], y[i:i+128])
        jax.block_until_ready(ws)
    return epoch, lambda: torch.tensor(logits(ws, xt).argmax(1).tolist())

def sklearn_default(torch, seed, ours, whole):
    import numpy as np
    from sklearn.neural_network import MLPClassifier
    x,y,xt = (o.numpy() for o in whole)
    net = MLPClassifier(random_state=np.random.RandomState(seed)) # of a whole number, each partial_fit would draw the same order
    return lambda: net.partial_fit(x, y, classes=np.arange(C)), lambda: torch.from_numpy(net.predict(xt))

def skorch_notebook(torch, seed, ours, whole):
    from skorch import NeuralNetClassifier
    nn,(x,y,xt) = torch.nn,(o.numpy() for o in whole)
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(M, 98), nn.ReLU(), nn.Dropout(.5), nn.Linear(98, C), nn.Softmax(-1))
    net = NeuralNetClassifier(net, lr=.1, max_epochs=1, verbose=0)
    return lambda: net.partial_fit(x, y), lambda: torch.from_numpy(net.predict(xt))

# With the most epochs: what the recipe says, and at least 20 (PyTorch's has 5, JAX's 10), but for our lr, which is 0 after its 10.
# Of its 200, scikit-learn's own `fit` takes about 60: it ends when the loss stays as it is.
RECIPES = {'ours, fused': (ours_by('fit_fused'), EPOCHS), 'ours, plain': (ours_by('fit'), EPOCHS), 'torch.nn, our recipe': (torch_ours, EPOCHS), 'torch.nn, quickstart': (torch_quickstart, 20),
           'JAX, tutorial': (jax_tutorial, 20), 'scikit-learn, default': (sklearn_default, 200), 'skorch, MNIST notebook': (skorch_notebook, 20)}

# --- the works --------------------------------------------------------------------------------------------------------

def weights(torch, sizes):
    g = torch.Generator().manual_seed(0)
    return [o for p,q in zip(sizes, sizes[1:]) for o in (torch.randn(p, q, generator=g)*math.sqrt(2/p), torch.zeros(q))]

def close(name, got, want, tol=1e-3):
    for a,b in zip(got, want):
        err = float((a.double()-b).norm()/b.norm())
        if not err<tol: sys.exit(f'{name} computes something else: relative error {err:.1e}')

def reference_epoch(torch, ws, x, y, bs):
    "Weights after an epoch in float64 by autograd"
    ws = [o.double().requires_grad_() for o in ws]
    for i in range(0, len(x), bs):
        l2 = (x[i:i+bs].double()@ws[0]+ws[1]).relu()
        grads = torch.autograd.grad(torch.nn.functional.cross_entropy(l2@ws[2]+ws[3], y[i:i+bs]), ws)
        with torch.no_grad():
            for w,g in zip(ws, grads): w -= LR*g
    return [o.detach() for o in ws]

def epoch_work(torch, x, y, bs, shuffle, rounds):
    peers,missing = present()
    n = len(x)//bs*bs
    x,y,ws = x[:n],y[:n],weights(torch, (M, NH, C))
    small,want = 8*bs,reference_epoch(torch, ws, x[:8*bs], y[:8*bs], bs)
    for k,make in peers.items():
        epoch,now = make(torch, ws, x[:small], y[:small], bs, False)
        epoch()
        close(k, now(), want)
    fs,batches = products(torch, x[:bs], (M, NH, C)),x.split(bs)
    def bare():
        with torch.inference_mode():
            for xb in batches:
                for f in fs: f(xb)
    return race({'products': bare} | {k: make(torch, ws, x, y, bs, shuffle)[0] for k,make in peers.items()}, rounds), missing

def full_models(torch, x, y, sizes):
    "One forward and backward pass over all rows by our Model, plain and fused, and by torch.nn"
    from mlp_foundations.layers import Model, Lin, Relu, Mse
    from mlp_foundations.speed import grads_fused
    ws = weights(torch, sizes)
    layers = []
    for w,b in zip(ws[::2], ws[1::2]): layers += [Lin(w, b), Relu()]
    model = Model(layers[:-1], Mse())
    def step():
        model(x, y)
        model.backward()
    net = torch.nn.Sequential(*[o for p,q in zip(sizes, sizes[1:]) for o in (torch.nn.Linear(p, q), torch.nn.ReLU())][:-1])
    with torch.no_grad():
        for p,w in zip(net.parameters(), ws): p.copy_(w.t())
    def nn(net=net):
        for p in net.parameters(): p.grad = None
        torch.nn.functional.mse_loss(net(x)[:,0], y).backward()
    def grads(): return [p.g for p in model.params()]
    return ws, {'ours, plain': step, 'ours, fused': lambda: grads_fused(model, x, y), 'torch.nn': nn}, grads, net

def full_work(torch, x, y, rounds):
    sizes,y = (M, NH, 1),y.float()
    ws,fs,grads,net = full_models(torch, x, y, sizes)
    w1,b1,w2,b2 = ws
    def by_hand():
        l1 = x@w1+b1
        l2 = l1.clamp_min(0.)
        g = 2*(l2@w2+b2-y[:,None])/len(x)
        g1 = (l1>0).float() * (g@w2.t())
        return x.t()@g1, g1.sum(0), l2.t()@g, g.sum(0)
    want = [o.double().requires_grad_() for o in ws]
    loss = sum((((x[i:i+5000].double()@want[0]+want[1]).relu()@want[2]+want[3])[:,0]-y[i:i+5000]).pow(2).sum() for i in range(0, len(x), 5000))/len(x)
    loss.backward()
    want = [o.grad for o in want]
    for k in OURS:
        fs[k]()
        close(k, grads(), want, 1e-5)
    close('hand-written, plain', by_hand(), want, 1e-5)
    fs['torch.nn']()
    close('torch.nn', [p.grad.t() for p in net.parameters()], want, 1e-5)
    mms = products(torch, x, sizes)
    def bare():
        with torch.inference_mode():
            for f in mms: f(x)
    contenders = {'products': bare, **{k: fs[k] for k in OURS}, 'hand-written, plain': by_hand, 'torch.nn': fs['torch.nn']}
    missing = present()[1]
    if 'torch.compile' not in missing:
        compiled = torch.compile(net)
        contenders['torch.compile'] = lambda: fs['torch.nn'](compiled)
    return race(contenders, rounds), {k:v for k,v in missing.items() if k=='torch.compile'}

def memory_work(torch, x, y):
    "Peak memory in MB above the inputs, of a full batch; needs Linux"
    def peak(f):
        import ctypes, gc
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0) # what was freed goes back to the system, or the peak would hide in it
        Path('/proc/self/clear_refs').write_text('5')
        status = lambda k: next(int(o.split()[1]) for o in Path('/proc/self/status').read_text().splitlines() if o.startswith(k))/1024
        before = status('VmRSS')
        f()
        return status('VmHWM')-before
    y = y.float()
    warm = full_models(torch, x[:100], y[:100], (M, NH, 1))[1]
    for f in warm.values(): f()
    try: return {k: peak(full_models(torch, x, y, (M, NH, 1))[1][k]) for k in warm}
    except OSError: return {}

def scale_work(torch, x, rounds):
    "Our full batch, fused, against its products, over rows, hidden units and depth"
    res = []
    for kind,values in (('rows', (2_000, 10_000, 50_000, 200_000)), ('hidden', (10, 50, 200, 1024)), ('depth', (1, 2, 5, 10))):
        for v in values:
            rows = v if kind=='rows' else 10_000
            sizes = (M, *[v if kind=='hidden' else NH]*(v if kind=='depth' else 1), 1)
            xs = x[:rows] if rows<=len(x) else x.repeat(math.ceil(rows/len(x)), 1)[:rows]
            mms = products(torch, xs, sizes)
            def bare():
                with torch.inference_mode():
                    for f in mms: f(xs)
            got = race(dict(products=bare, ours=full_models(torch, xs, torch.zeros(rows), sizes)[1]['ours, fused']), rounds)
            work = 2*rows*sum(p*q*(3 if i else 2) for i,(p,q) in enumerate(zip(sizes, sizes[1:])))
            res.append(dict(kind=kind, value=v, gflop=work/1e9, **got['contenders']['ours'], gflops=work/1e6/got['contenders']['ours']['ms'], quiet=got['quiet']))
    return res

def accuracy_work(torch, x, y, mean, std, seeds=3, epochs=EPOCHS, lr=LR0, bs=BS):
    "Accuracy on the test digits and seconds of training by `fit_fused`, for several seeds"
    from mlp_foundations.all import accuracy, get_test, normalize
    from mlp_foundations.speed import fit_fused
    xt,yt = get_test()
    xt,res = normalize(xt, mean, std),[]
    for nh in (50, 512):
        accs,secs = [],[]
        for seed in range(seeds):
            model,g = our_net(torch, nh, seed)
            secs.append(sum(o['seconds'] for o in fit_fused(model, x, y, epochs=epochs, lr=lr, bs=bs, generator=g, progress=False)))
            accs.append(accuracy(model(xt), yt))
        res.append(dict(nh=nh, epochs=epochs, lr=lr, bs=bs, accuracies=accs, seconds=median(secs)))
    return res

def until98_work(torch, x, y, mean, std, seeds=3, limit=60):
    "For each contender and seed the accuracies on the test digits after each epoch until one is 98 %, and the seconds of training, of which `limit` are enough"
    from mlp_foundations.all import get_data, get_test, normalize
    xa,ya,xv,yv = get_data()
    xt,yt = get_test()
    ours,whole = (x, y, normalize(xt, mean, std)),(torch.cat([xa, xv])*(256/255), torch.cat([ya, yv]), xt*(256/255))
    peers,missing = present(RECIPES)
    res = {k: [] for k in peers}
    for seed in range(seeds):
        for k,(make,most) in peers.items():
            epoch,classes = make(torch, seed, ours, whole)
            accs,secs = [0.],0.
            while accs[-1]<.98 and len(accs)<=most and secs<limit:
                start = time.perf_counter()
                epoch()
                secs += time.perf_counter()-start
                accs.append((classes()==yt).sum().item()/len(yt))
            res[k].append(dict(seconds=secs, accuracies=accs[1:]))
    return res, missing

# --- report -----------------------------------------------------------------------------------------------------------

def child(args):
    "Everything with one number of threads, as JSON on the last line"
    import torch
    torch.set_num_threads(args.threads[0])
    from mlp_foundations.all import get_data, normalize
    x,y,*_ = get_data()
    mean,std = x.mean(),x.std()
    x = normalize(x, mean, std)
    res = dict(threads=args.threads[0], torch=torch.__version__, works={})
    if 'full' in args.only:
        res['works']['full batch, 50,000 rows, 784 → 50 → 1'],res['missing'] = full_work(torch, x, y, args.rounds)
    if 'epoch' in args.only:
        for bs in (64, 512):
            for shuffle in (False, True):
                res['works'][f"an epoch, 784 → 50 → 10, bs {bs}, {'shuffled' if shuffle else 'rows in order'}"],res['missing'] = epoch_work(torch, x, y, bs, shuffle, args.rounds)
    if 'memory' in args.only: res['memory'] = memory_work(torch, x, y)
    if 'scale' in args.only: res['scale'] = scale_work(torch, x, args.rounds)
    if 'accuracy' in args.only: res['accuracy'] = accuracy_work(torch, x, y, mean, std)
    if 'until98' in args.only:
        res['until98'],missing = until98_work(torch, x, y, mean, std)
        res['missing'] = res.get('missing', {}) | missing
    print(json.dumps(res))

def span(v, digits=0):
    lo,hi = (f'{o:.{digits}f}' for o in (min(v), max(v)))
    return lo if lo==hi else f'{lo} to {hi}'

def report(res):
    print(f"\n{res['threads']} thread{'s'*(res['threads']>1)}, torch {res['torch']}")
    for name,work in res['works'].items():
        print(f"\n  {name}  (medians of {work['quiet'] or work['rounds']} {'quiet' if work['quiet'] else 'rounds, none of them quiet'}{' rounds of '+str(work['rounds']) if work['quiet'] else ''})")
        print(f"    {'':<22}{'ms':>8}{'/ products':>12}{'plain / it':>12}{'fused / it':>12}")
        ratios = [work['contenders'][k]['ratio'] for k in OURS]
        for k,o in work['contenders'].items(): print(f"    {k:<22}{o['ms']:>8.1f}{o['ratio']:>12.2f}"+''.join(f"{r/o['ratio']:>12.2f}" for r in ratios))
    for k,why in res.get('missing', {}).items(): print(f'    {k}: missing, {why}')
    if res.get('memory'): print('\n  peak memory above the inputs, full batch: ' + ', '.join(f'{k} {v:.0f} MB' for k,v in res['memory'].items()))
    if res.get('scale'):
        print(f"\n  our full batch, fused, at other sizes\n    {'':<16}{'ms':>9}{'GFLOP':>9}{'GFLOP/s':>9}{'/ products':>12}")
        for o in res['scale']: print(f"    {o['kind']:<7}{o['value']:>9,}{o['ms']:>9.1f}{o['gflop']:>9.2f}{o['gflops']:>9.1f}{o['ratio']:>12.2f}")

    for o in res.get('accuracy', []):
        a = o['accuracies']
        print(f"\n  {o['nh']} hidden units, {o['epochs']} epochs, lr {o['lr']} falling to 0, bs {o['bs']}: accuracy on the test digits {sum(a)/len(a):.4f}"
              f" ({min(a):.4f} to {max(a):.4f}, {len(a)} seeds), {o['seconds']:.1f} s a run")
    if res.get('until98'): print('\n  time until 98 % of the test digits are right, each with the recipe of its own tutorial or default: mean and range')
    for k,runs in res.get('until98', {}).items():
        said = []
        for there in (True, False):
            some = [(o['seconds'], len(o['accuracies']), max(o['accuracies'])) for o in runs if (o['accuracies'][-1]>=.98)==there]
            if not some: continue
            secs,ns,best = zip(*some)
            said.append(f'{sum(secs)/len(secs):>5.1f} s ({span(secs, 1)}), {span(ns)} epochs, {len(some)} of {len(runs)} seeds' if there
                else f'not in {span(ns)} epochs ({span(secs)} s): best {100*max(best):.2f} %')
        print(f"    {k:<24}{'; '.join(said)}")

def draw(results):
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    works = [(f"{name}\n{res['threads']} thread{'s'*(res['threads']>1)}", work) for res in results for name,work in res['works'].items()]
    if not works: return
    cols = len(works)//len(results)
    fig,axs = plt.subplots(len(results), cols, figsize=(4.6*cols, 3*len(results)), squeeze=False, layout='constrained')
    for ax,(name,work) in zip(axs.flat, works):
        names = list(work['contenders'])[::-1]
        bars = ax.barh(names, [work['contenders'][k]['ratio'] for k in names], color=['#222' if k in OURS else '#bbb' for k in names], edgecolor='#222')
        ax.bar_label(bars, fmt='%.2f', padding=3, fontsize=8)
        ax.axvline(1, color='#222', linestyle=':')
        ax.set_title(name, fontsize=9)
        ax.set_xlabel('time / time of the bare products', fontsize=9)
        ax.margins(x=.12)
        ax.tick_params(labelsize=8)
    fig.savefig(out/'bench.png', dpi=120, facecolor='white')

def processor():
    "The name of the processor, where the system tells"
    try: names = [l.split(':')[1].strip() for l in Path('/proc/cpuinfo').read_text().splitlines() if l.startswith('model name')]
    except OSError: names = []
    return (names or [platform.processor() or platform.machine()])[0]

def keep(res, nb=out.parent/'nbs'/'08_speed.ipynb'):
    "Write the epochs and the times until 98 % of `res`, those of one thread, into the cell of lesson 08 that begins with KEPT; what `res` lacks stays"
    import importlib.metadata as md
    d = json.loads(nb.read_text(encoding='utf-8'))
    cell = next(c for c in d['cells'] if c['source'] and c['source'][1:] and c['source'][1].startswith(KEPT))
    old = json.loads(''.join(cell['source']).split("'''")[1]) if len(cell['source'])>2 else {}
    works = {name.split(', ', 2)[2].replace('rows in order', 'in order'): {k: round(o['ratio'], 2) for k,o in w['contenders'].items()} for name,w in res['works'].items() if name.startswith('an epoch')}
    until = [[k, f'{sum(secs)/len(secs):.1f} s' if all(there) else f'{sum(there)} of {len(there)} seeds', f'{span(secs, 1)} s, {span(ns)} epochs' if all(there)
        else f'at best {100*max(best):.2f} %, in {span(ns)} epochs and {span(secs)} s'] for k,runs in res.get('until98', {}).items() for secs,ns,best,there in [zip(*((o['seconds'], len(o['accuracies']), max(o['accuracies']), o['accuracies'][-1]>=.98) for o in runs))]]
    versions = ', '.join(f'{k} {md.version(k)}' for k in ('torch', 'numpy', 'jax', 'scikit-learn', 'skorch'))
    new = dict(machine=f'one core of {processor()}', versions=versions, works=works or old.get('works'), until98=until or old.get('until98'))
    cell['source'] = f"#| hide\n{KEPT}\nimport json\nbench = json.loads('''{json.dumps(new, indent=1, ensure_ascii=False)}''')".splitlines(True)
    nb.write_text(json.dumps(d, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')

def main():
    args = args_from(sys.argv[1:])
    if args.child: return child(args)
    out.mkdir(exist_ok=True)
    results = []
    for t in args.threads:
        only = [o for o in args.only if o not in ONCE or t==args.threads[0]]
        if not only: continue
        env = os.environ | {k: str(t) for k in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')} | {
            'XLA_FLAGS': f'--xla_cpu_multi_thread_eigen={str(t>1).lower()} intra_op_parallelism_threads={t}', 'JAX_PLATFORMS': 'cpu'}
        cmd = [sys.executable, __file__, '--child', '--threads', str(t), '--rounds', str(args.rounds), '--only', *only]
        done = subprocess.run(cmd, env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode: sys.exit(done.stdout or f'the run with {t} threads ended with status {done.returncode}')
        results.append(json.loads(done.stdout.splitlines()[-1]))
        report(results[-1])
    info = dict(machine=processor(), system=platform.platform(terse=True), python=platform.python_version(), cores=os.cpu_count())
    (out/'bench.json').write_text(json.dumps(dict(**info, results=results), indent=1, ensure_ascii=False), encoding='utf-8')
    draw(results)
    if args.keep: keep(next(o for o in results if o['threads']==1))
    print(f'\nDrawn in {out.name}/bench.png, in full in {out.name}/bench.json')

if __name__=='__main__': main()
