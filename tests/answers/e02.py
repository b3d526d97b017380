"Answers to the exercises of 02: right ones, written in another way than the solution, and wrong ones that are no edits of it"
RIGHT = {
'02.1': ['''
def xavier_uniform(n_in, n_out, generator=None):
    return torch.nn.init.xavier_uniform_(torch.empty(n_in, n_out), generator=generator)
''', '''
def xavier_uniform(n_in, n_out, generator=None):
    u = (6/(n_in+n_out))**.5
    return torch.empty(n_in, n_out).uniform_(-u, u, generator=generator)
''', '''
def xavier_uniform(n_in, n_out, generator=None):
    w = torch.rand(n_in, n_out, generator=generator) - .5
    return w*math.sqrt(12)*math.sqrt(2/(n_in+n_out))
''', '''
def xavier_uniform(n_in, n_out, generator=None):
    w = torch.rand(n_out, n_in, generator=generator).t()
    b = 3**.5*(2/(n_in+n_out))**.5
    return torch.lerp(torch.full_like(w, -b), torch.full_like(w, b), w)
''', '''
def xavier_uniform(n_in, n_out, generator=None):
    b = math.sqrt(6)/math.sqrt(n_in+n_out)
    rows = [b-2*b*torch.rand(n_out, generator=generator) for _ in range(n_in)]
    return torch.stack(rows)
'''],
'02.2': ['''
def gain(act):
    z = torch.randn(1_000_000)
    return 1/act(z).square().mean().sqrt()
''', '''
def gain(act):
    a = act(torch.randn(100_000))
    return (a.var()+a.mean()**2).rsqrt().item()
''', '''
def gain(act):
    a = act(torch.empty(1000, 1000).normal_())
    return 1000/a.norm()
''', '''
def gain(act):
    total = 0.
    for seed in range(100):
        gen = torch.Generator().manual_seed(seed)
        for a in act(torch.randn(1000, generator=gen)).split(100): total += (a@a).item()
    return math.sqrt(100_000/total)
''', '''
def gain(act):
    a = act(torch.randn(100_000, dtype=torch.float64)).tolist()
    return math.sqrt(len(a)/sum(o*o for o in a))
'''],
'02.3': ['''
def lsuv(x, weights, act=relu):
    res = []
    for w in weights:
        a = act(x@w)
        res.append(w/a.std())
        x = a/a.std()
    return res
''', '''
def lsuv(x, weights, act=relu):
    res = []
    for i,w in enumerate(weights):
        _,stds = layer_stats(x, res+[w], act)
        res += [w/stds[i]]
    return res
''', '''
def lsuv(x, weights, act=relu):
    res,h = [],x
    for w in weights:
        a = act(torch.einsum('ij,jk->ik', h, w))
        d = a - a.mean()
        k = d.pow(2).sum().div(d.numel()-1).sqrt().item()
        res.append(w.div(k))
        h = act(torch.matmul(h, res[-1]))
    return res
''', '''
def lsuv(x, weights, act=relu):
    new = [w.clone() for w in weights]
    for w in new:
        w /= act(x@w).std()
        x = act(x@w)
    return new
''', '''
def lsuv(x, weights, act=relu):
    if not weights: return []
    w = weights[0]*act(lin(x, weights[0], torch.zeros(weights[0].shape[1]))).var()**-.5
    return [w] + lsuv(act(x@w), weights[1:], act)
'''],
'02.4': ['''
def orthogonal(n, generator=None):
    return torch.nn.init.orthogonal_(torch.empty(n, n), generator=generator)
''', '''
def orthogonal(n, generator=None):
    u,_,v = torch.linalg.svd(torch.randn(n, n, generator=generator))
    return u@v
''', '''
def orthogonal(n, generator=None):
    a = torch.rand(n, n, generator=generator)
    return torch.matrix_exp(a-a.t())
''', '''
def orthogonal(n, generator=None):
    cols = []
    for v in torch.randn(n, n, dtype=torch.float64, generator=generator):
        for c in cols: v = v - (v@c)*c
        cols.append(v/v.norm())
    return torch.stack(cols, 1).float()
''', '''
def orthogonal(n, generator=None):
    w = torch.eye(n)
    for v in torch.randn(n, n, generator=generator): w = w - 2*torch.outer(w@v, v)/(v@v)
    return w
''']}

WRONG = {
'02.1': [('''
def xavier_uniform(n_in, n_out, generator=None):
    std = math.sqrt(2/(n_in+n_out))
    return torch.empty(n_in, n_out).uniform_(-std, std, generator=generator)
''', '√3 times as large'), ('''
def xavier_uniform(n_in, n_out, generator=None):
    return xavier_normal(n_in, n_out, generator=generator)
''', 'normal numbers'), ('''
def xavier_uniform(n_in, n_out, generator=None):
    return torch.nn.init.xavier_uniform_(torch.empty(n_out, n_in), generator=generator)
''', 'as PyTorch has it'), ('''
def xavier_uniform(n_in, n_out, generator=None):
    return torch.nn.init.xavier_uniform_(torch.empty(n_in, n_out))
''', 'not used'), ('''
def xavier_uniform(n_in, n_out, generator=None):
    w = torch.rand(n_in, n_out, generator=generator)
    w *= (6/(n_in+n_out))**.5
    return w
''', 'none is negative'), ('''
def xavier_uniform(n_in, n_out, generator=None):
    b = math.sqrt(6/(n_in+n_out))
    return torch.empty(n_in, n_out).uniform_(0, 2*b, generator=generator)
''', 'from 0 to 2b')],
'02.2': [('''
def gain(act):
    a = act(torch.randn(10**6))
    return 1/a.std().item()
''', 'the mean square'), ('''
def gain(act): return torch.nn.init.calculate_gain('relu')
''', 'the factor of ReLU'), ('''
def gain(act):
    z = torch.randn(100_000)
    before,after = (z**2).mean(),(act(z)**2).mean()
    return before/after
''', 'square root'), ('''
def gain(act):
    return math.sqrt((act(torch.randn(100_000))**2).mean())
''', 'upside down')],
'02.3': [('''
def lsuv(x, weights, act=relu):
    _,stds = layer_stats(x, weights, act)
    return [w/s for w,s in zip(weights, stds)]
''', 'old weights'), ('''
def lsuv(x, weights, act=relu):
    return [w/w.std() for w in weights]
''', 'std of the weight'), ('''
def lsuv(x, weights, act=relu):
    for w in weights:
        w /= act(x@w).std()
        x = act(x@w)
    return weights
''', 'changed in place'), ('''
def lsuv(x, weights, act=relu):
    res = []
    for w in weights:
        s = torch.std(act(x@w), dim=0)
        res.append(w/s)
        x = act(x@w/s)
    return res
''', 'its own divisor'), ('''
def lsuv(x, weights, act=relu):
    new,h = [],x
    for w in weights:
        y = (h@w).clamp_min(0.)
        new.append(w/y.std())
        h = y/y.std()
    return new
''', 'whatever `act` is'), ('''
def lsuv(x, weights, act=relu):
    new = []
    for w in weights:
        y = x@w
        new.append(w/y.std())
        x = act(y/y.std())
    return new
''', 'before the activation'), ('''
def lsuv(x, weights, act=relu):
    new = []
    for w in weights:
        w = w/act(x@w).std()
        x = act(x@w)
        new.append(w)
''', 'is a `return` missing')],
'02.4': [('''
def orthogonal(n, generator=None):
    return torch.nn.functional.normalize(torch.randn(n, n, generator=generator), dim=0)
''', 'not at right angles'), ('''
def orthogonal(n, generator=None):
    q,r = torch.linalg.qr(torch.randn(n, n))
    return q
''', 'not used'), ('''
def orthogonal(n, generator=None):
    return torch.nn.init.eye_(torch.empty(n, n))
''', 'Every seed gives the same'), ('''
def orthogonal(n, generator=None):
    return torch.randn(n, n, generator=generator).div(n**.5)
''', 'only on average'), ('''
def orthogonal(n, generator=None):
    res = torch.linalg.qr(torch.randn(n, n, generator=generator))
    return res.R
''', 'the triangle')]}
