"Answers to the exercises of lesson 07, written as readers would: right in another way, and wrong without being an edit of the solution"

RIGHT = {
'07.1': ['''
def binary_cross_entropy(z, t): return torch.nn.functional.binary_cross_entropy_with_logits(z, t.float())
''', '''
def binary_cross_entropy(z, t):
    pairs = torch.stack([torch.zeros_like(z), z], dim=1)
    return cross_entropy(pairs, t)
''', '''
def binary_cross_entropy(z, t):
    total = 0.
    for zi,ti in zip(z.tolist(), t.tolist()):
        s = -zi if ti==1 else zi
        total += max(s, 0.) + math.log1p(math.exp(-abs(s)))
    return total/len(z)
''', '''
def binary_cross_entropy(z, t): return torch.logaddexp(torch.zeros_like(z), z).mean() - (t*z).mean()
''', '''
def binary_cross_entropy(z, t):
    log_p = torch.nn.functional.logsigmoid(z)
    log_q = torch.nn.functional.logsigmoid(-z)
    return -torch.where(t==1, log_p, log_q).sum() / z.shape[0]
'''],
'07.2': ['''
def smooth_grad(logits, targ, eps):
    z = logits.clone().requires_grad_()
    torch.nn.functional.cross_entropy(z, targ, label_smoothing=eps).backward()
    return z.grad
''', '''
def smooth_grad(logits, targ, eps):
    n,c = logits.shape
    target = torch.full((n, c), eps/c)
    for i in range(n): target[i,targ[i]] += 1-eps
    return (logits.softmax(dim=1) - target)/n
''', '''
def smooth_grad(logits, targ, eps):
    n,c = logits.shape
    target = torch.full_like(logits, eps/c).scatter_(1, targ[:,None], 1-eps+eps/c)
    return (log_softmax(logits).exp()-target).div(n)
''', '''
def smooth_grad(logits, targ, eps):
    p,c = logits.softmax(1),logits.shape[1]
    h = torch.nn.functional.one_hot(targ, c)
    return ((1-eps)*(p-h) + eps*(p-1/c)) / len(logits)
''', '''
def smooth_grad(logits, targ, eps):
    n,c = logits.shape
    grad = torch.zeros(n, c)
    for i in range(n):
        p = logits[i].exp()/logits[i].exp().sum()
        for j in range(c): grad[i,j] = (p[j] - eps/c - (1-eps if j==targ[i] else 0))/n
    return grad
'''],
'07.3': ['''
def accumulated_step(model, x, y, lr, bs):
    sums = None
    for i in range(0, len(x), bs):
        xb,yb = x[i:i+bs],y[i:i+bs]
        model(xb, yb)
        model.backward()
        gs = [p.g*len(xb) for p in model.params()]
        sums = gs if sums is None else [s+g for s,g in zip(sums, gs)]
    for p,s in zip(model.params(), sums): p.sub_(s, alpha=lr/len(x))
''', '''
def accumulated_step(model, x, y, lr, bs):
    ps,n = model.params(),len(x)
    old = [p.clone() for p in ps]
    for xb,yb in zip(x.split(bs), y.split(bs)):
        grads_fused(model, xb, yb)
        for o,p in zip(old, ps): o -= lr*len(xb)/n*p.g
    for o,p in zip(old, ps): p.copy_(o)
''', '''
def accumulated_step(model, x, y, lr, bs):
    ps = model.params()
    total = [torch.zeros_like(p) for p in ps]
    for rows in torch.randperm(len(x)).split(bs):
        model(x[rows], y[rows])
        model.backward()
        for k,p in enumerate(ps): total[k] += len(rows)*p.g
    for t,p in zip(total, ps): p.g = t/len(x)
    SGD(ps, lr).step()
''', '''
def accumulated_step(model, x, y, lr, bs):
    ps = model.params()
    total,i = {k: 0 for k in range(len(ps))},len(x)
    while i>0:
        lo = max(0, i-bs)
        model(x[lo:i], y[lo:i])
        model.backward()
        for k,p in enumerate(ps): total[k] = total[k] + p.g*(i-lo)/len(x)
        i = lo
    for k,p in enumerate(ps): p -= lr*total[k]
''', '''
def accumulated_step(model, x, y, lr, bs):
    ps = model.params()
    pieces = []
    for xb,yb in zip(x.split(bs), y.split(bs)):
        zs = [p.clone().requires_grad_() for p in ps]
        loss = torch.nn.functional.cross_entropy(xb@zs[0]+zs[1], yb, reduction='sum')
        pieces.append(torch.autograd.grad(loss, zs))
    for p,gs in zip(ps, zip(*pieces)): p -= lr*sum(gs)/len(x)
'''],
'07.4': ['''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.v = mom,[torch.zeros_like(p) for p in self.params]
    def step(self):
        for p,v in zip(self.params, self.v):
            v.mul_(self.mom).add_(p.g)
            p.sub_(v, alpha=self.lr)
''', '''
class Momentum:
    def __init__(self, params, lr, mom=.9):
        self.ps,self.lr,self.mom = list(params),lr,mom
        self.v = {}
    def step(self):
        for i,p in enumerate(self.ps):
            self.v[i] = self.mom*self.v.get(i, 0) + p.g
            p -= self.lr*self.v[i]
''', '''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom = mom
        for p in self.params: p.v = torch.zeros(p.shape)
    def step(self):
        for p in self.params: p.v = self.mom*p.v + p.g
        for p in self.params: p.copy_(p - self.lr*p.v)
''', '''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.gs = mom,[]
    def step(self):
        self.gs.append([p.g.clone() for p in self.params])
        for i,p in enumerate(self.params):
            for k,gs in enumerate(reversed(self.gs)): p -= self.lr * self.mom**k * gs[i]
''', '''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        SGD.__init__(self, params, lr)
        self.mom = mom
        self.steps = [torch.zeros_like(p) for p in self.params]
    def step(self):
        self.steps = [self.mom*s - self.lr*p.g for s,p in zip(self.steps, self.params)]
        for s,p in zip(self.steps, self.params): p += s
'''],
'07.5': ['''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        inp.g = out.g@self.w.t()
        self.w.g = inp.t()@out.g + self.decay*self.w
        self.b.g = out.g.sum(0)
''', '''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        Lin.bwd(self, out, inp)
        self.w.g.add_(self.w, alpha=self.decay)
''', '''
class DecayLin(Module):
    def __init__(self, w, b, decay=.01): self.w,self.b,self.decay = w,b,decay
    def params(self): return [self.w, self.b]
    def forward(self, inp): return lin(inp, self.w, self.b)
    def bwd(self, out, inp):
        lin_grad(inp, out, self.w, self.b)
        self.w.g = self.w.g + self.decay*self.w
''', '''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        super().bwd(out, inp)
        for i in range(self.w.shape[0]):
            for j in range(self.w.shape[1]): self.w.g[i,j] += self.decay*self.w[i,j]
''', '''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        w = self.w.detach().clone().requires_grad_()
        loss = ((inp.detach()@w + self.b)*out.g).sum() + .5*self.decay*w.square().sum()
        loss.backward()
        super().bwd(out, inp)
        self.w.g = w.grad
''']}

WRONG = {
'07.1': [('''
def binary_cross_entropy(z, t):
    p = torch.sigmoid(z).clamp(1e-7, 1-1e-7)
    return -(t*p.log() + (1-t)*(1-p).log()).mean()
''', 'cut off'), ('''
def binary_cross_entropy(z, t):
    z = torch.clamp(z, min=-30, max=30)
    return torch.nn.functional.softplus(torch.where(t==1, -z, z)).mean()
''', 'cut off'), ('''
def binary_cross_entropy(z, t):
    p = 1/(1+torch.exp(-z))
    return -(t*p.log() + (1-t)*(1-p).log()).mean()
''', 'overflows'), ('''
def binary_cross_entropy(z, t):
    return cross_entropy(torch.stack([z, torch.zeros_like(z)], 1), t)
''', 'labels are exchanged'), ('''
def binary_cross_entropy(z, t):
    return cross_entropy(torch.stack([-z, z], 1), t)
''', 'differs by 2z')],
'07.2': [('''
def smooth_grad(logits, targ, eps):
    c = logits.shape[1]
    return (1-eps) * (torch.softmax(logits, 1)-torch.nn.functional.one_hot(targ, c)) / len(targ)
''', 'Half is missing'), ('''
def smooth_grad(logits, targ, eps):
    c = logits.shape[1]
    target = torch.full_like(logits, eps/c)
    target[torch.arange(len(targ)),targ] = 1-eps
    return (logits.softmax(1)-target)/len(targ)
''', 'lacks its own eps/c'), ('''
def smooth_grad(logits, targ, eps):
    target = torch.full_like(logits, eps/logits.shape[1])
    for i,k in enumerate(targ): target[i,k] += 1-eps
    return target.sub(logits.softmax(1)) / len(targ)
''', 'sign is wrong'), ('''
def smooth_grad(logits, targ, eps):
    target = torch.full_like(logits, eps/logits.shape[1])
    for i,k in enumerate(targ): target[i,k] += 1-eps
    return logits.softmax(1) - target
''', 'too large by a factor of n')],
'07.3': [('''
def accumulated_step(model, x, y, lr, bs):
    total = [torch.zeros_like(p) for p in model.params()]
    for i in range(0, len(x), bs):
        xb,yb = x[i:i+bs],y[i:i+bs]
        model(xb, yb)
        model.backward()
        for k,p in enumerate(model.params()):
            total[k] += len(xb)*p.g/len(x)
            p.sub_(total[k], alpha=lr)
''', 'inside the loop'), ('''
def accumulated_step(model, x, y, lr, bs):
    opt = SGD(model.params(), lr)
    for i in range(0, len(x), bs):
        model(x[i:i+bs], y[i:i+bs])
        model.backward()
        opt.step()
''', 'step on each piece'), ('''
def accumulated_step(model, x, y, lr, bs):
    opt = SGD(model.params(), lr)
    for xb,yb in zip(x.split(bs), y.split(bs)):
        model(xb, yb)
        model.backward()
    opt.step()
''', 'Only the last piece counts'), ('''
def accumulated_step(model, x, y, lr, bs):
    model(x, y)
    model.backward()
    for p in model.params(): p -= lr*p.g
''', 'more than bs rows'), ('''
def accumulated_step(model, x, y, lr, bs):
    total = [0 for p in model.params()]
    for xb,yb in zip(x.split(bs), y.split(bs)):
        model(xb, yb)
        model.backward()
        total = [t+p.g for t,p in zip(total, model.params())]
    for p,t in zip(model.params(), total): p.sub_(lr*t)
''', 'share of its rows')],
'07.4': [('''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom = mom
    def step(self):
        for p in self.params:
            v = torch.zeros_like(p)
            v = self.mom*v + p.g
            p -= self.lr*v
''', 'Nothing is remembered'), ('''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.v = mom,0.
    def step(self):
        for p in self.params:
            self.v = self.mom*self.v + p.g
            p -= self.lr*self.v
''', 'share one `v`'), ('''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.v = mom,[torch.zeros_like(p) for p in self.params]
    def step(self):
        for p,v in zip(self.params, self.v):
            v.lerp_(p.g, 1-self.mom)
            p.sub_(v, alpha=self.lr)
''', 'damped'), ('''
class Momentum(SGD):
    def __init__(self, params, lr, mom=.9):
        super().__init__(params, lr)
        self.mom,self.v = mom,[torch.zeros_like(p) for p in self.params]
    def step(self):
        self.v = [self.mom*v + p.g for p,v in zip(self.params, self.v)]
        for p,v in zip(self.params, self.v): p = p.sub(v, alpha=self.lr)
''', 'Nothing moves')],
'07.5': [('''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        Lin.bwd(self, out, inp)
        self.w = (1-self.decay)*self.w
''', 'another tensor now'), ('''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        self.w = self.w - self.decay*self.w
        Lin.bwd(self, out, inp)
''', 'another tensor now'), ('''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        for p in self.params(): p.g = self.decay*p
        inp.g = out.g@self.w.t()
        self.w.g = self.w.g + inp.t()@out.g
        self.b.g = self.b.g + out.g.sum(0)
''', 'biases are decayed'), ('''
class DecayLin(Lin):
    decay = .01
    def forward(self, inp): return inp@self.w + self.b
    def bwd(self, out, inp):
        lin_grad(inp, out, self.w, self.b)
''', 'not decayed'), ('''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp):
        lin_grad(inp, out, self.w, self.b)
        self.w.g = self.w.mul(self.decay)
''', 'gradient of the loss is lost'), ('''
class DecayLin(Lin):
    decay = .01
    def bwd(self, out, inp): self.w.g = inp.t()@out.g + self.decay*self.w
''', 'Nothing is stored in `b.g`')]}
