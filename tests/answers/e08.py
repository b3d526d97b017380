"Answers to the exercises of lesson 08, written as readers would: right in another way, and wrong without being an edit of the solution"

RIGHT = {
'08.1': ['''
def intensity(n, p, q, itemsize=4):
    ops,count = 0,0
    for rows,cols in ((n, p), (p, q), (n, q)): count += rows*cols
    for k in range(p): ops += 2*n*q
    return ops/(count*itemsize)
''', '''
def intensity(n, p, q, itemsize=4): return 2/(1/n + 1/p + 1/q)/itemsize
''', '''
def intensity(n, p, q, itemsize=4):
    mults,adds = n*p*q,n*p*q
    read,written = (n*p + p*q)*itemsize,n*q*itemsize
    return (mults+adds)/(read+written)
''', '''
def intensity(n, p, q, itemsize=4):
    shapes = [(n, p), (p, q), (n, q)]
    return 2*math.prod((n, p, q))/sum(itemsize*math.prod(s) for s in shapes)
''', '''
def intensity(n, p, q, itemsize=4):
    a,b = torch.ones(n, p),torch.ones(p, q)
    numbers = a.numel() + b.numel() + (a@b).numel()
    return (a@b).numel()*2*p/numbers/itemsize
'''],
'08.2': ['''
def bias_step(b, g, lr): b -= lr*g.mean(1)
''', '''
def bias_step(b, g, lr):
    for i in range(len(b)): b[i] -= lr*sum(g[i])/g.shape[1]
''', '''
def bias_step(b, g, lr):
    n = g.shape[1]
    for k in range(n): b.sub_(g[:,k], alpha=lr/n)
''', '''
def bias_step(b, g, lr):
    new = b - lr*torch.mean(g, dim=1)
    b.copy_(new)
''', '''
def bias_step(b, g, lr):
    n_out,n = g.shape
    b[:] = torch.addmv(b, g, torch.full((n,), 1/n), alpha=-lr)
'''],
'08.3': ['''
def decay_step(w, g, x, lr, decay): w -= lr*(g@x/len(x) + decay*w)
''', '''
def decay_step(w, g, x, lr, decay):
    n = x.shape[0]
    w.mul_(1-lr*decay)
    w.addmm_(g, x, alpha=-lr/n)
''', '''
def decay_step(w, g, x, lr, decay):
    n = len(x)
    grad = torch.zeros_like(w)
    for k in range(n): grad += g[:,k,None]*x[k]/n
    grad += decay*w
    w.sub_(grad, alpha=lr)
''', '''
def decay_step(w, g, x, lr, decay):
    w.copy_(torch.addmm(w, g, x, beta=1-lr*decay, alpha=-lr/g.shape[1]))
''', '''
def decay_step(w, g, x, lr, decay):
    grad = torch.einsum('on,ni->oi', g, x).div(len(x))
    w[:] = w.lerp(torch.zeros_like(w), lr*decay) - lr*grad
'''],
'08.4': ['''
def mean_in_blocks(f, x, rows):
    return sum(f(block)*len(block) for block in x.split(rows)) / len(x)
''', '''
def mean_in_blocks(f, x, rows):
    total = 0.
    for i in range(0, len(x), rows):
        part = x[i:i+rows]
        total += f(part).item()*len(part)/len(x)
    return total
''', '''
def mean_in_blocks(f, x, rows): return torch.stack([f(x[i:i+1]) for i in range(len(x))]).mean()
''', '''
def mean_in_blocks(f, x, rows):
    blocks = x.split(rows)
    means,sizes = torch.stack([f(b) for b in blocks]),tensor([float(len(b)) for b in blocks])
    return (means*sizes).sum()/sizes.sum()
''', '''
def mean_in_blocks(f, x, rows):
    mean,done = 0.,0
    while done<len(x):
        block = x[done:done+rows]
        mean = (mean*done + f(block)*len(block))/(done+len(block))
        done += len(block)
    return mean
''']}

WRONG = {
'08.1': [('''
def intensity(n, p, q, itemsize=4):
    mults = n*p*q
    count = sum(a*b for a,b in ((n, p), (p, q), (n, q)))
    return mults/count/itemsize
''', 'that makes two operations'), ('''
def intensity(n, p, q, itemsize=4):
    a,b = n*p*itemsize,p*q*itemsize
    return n*q*2*p/(a+b)
''', 'result is missing'), ('''
def intensity(n, p, q, itemsize=4): return 2/(1/q + 1/n + 1/p)
''', 'for each number'), ('''
def intensity(n, p, q, itemsize=4):
    count = 4*(n*p + p*q + n*q)
    return 2*n*q*p/count
''', '`itemsize` is ignored'), ('''
def intensity(n, p, q, itemsize=4): res = (2*n*p*q / itemsize / (n*p + p*q + n*q))
''', 'It is None')],
'08.2': [('''
def bias_step(b, g, lr): b = b - lr*g.mean(1)
''', 'as it was'), ('''
def bias_step(b, g, lr): b.sub_(lr*g.sum(1))
''', '1/n is missing'), ('''
def bias_step(b, g, lr):
    for i in range(len(b)): b[i] += lr*g[i].mean()
''', 'uphill'), ('''
def bias_step(b, g, lr): b -= lr*g.sum(1)/len(b)
''', 'divided by n_out'), ('''
def bias_step(b, g, lr): return b - lr*g.mean(1)
''', 'as it was')],
'08.3': [('''
def decay_step(w, g, x, lr, decay): w = w - lr*(g@x/len(x) + decay*w)
''', 'as it was'), ('''
def decay_step(w, g, x, lr, decay):
    w *= 1-decay
    w -= lr/len(x)*g@x
''', 'lacks the learning rate'), ('''
def decay_step(w, g, x, lr, decay): w.sub_(g@x, alpha=lr/x.shape[0])
''', 'not decayed'), ('''
def decay_step(w, g, x, lr, decay):
    grad = g@x + decay*w
    w -= lr*grad
''', '1/n is missing'), ('''
def decay_step(w, g, x, lr, decay):
    grad = x.t()@g.t()/len(x)
    w -= lr*(grad + decay*w)
''', 'raises RuntimeError'), ('''
def decay_step(w, g, x, lr, decay):
    w -= lr/len(x)*g@x
    w *= 1-lr*decay
''', 'step itself is decayed')],
'08.4': [('''
def mean_in_blocks(f, x, rows):
    means = [f(block) for block in x.split(rows)]
    return sum(means)/len(means)
''', 'count the same'), ('''
def mean_in_blocks(f, x, rows): return f(x)
''', 'taken at once'), ('''
def mean_in_blocks(f, x, rows):
    total = 0
    for i in range(0, len(x), rows): total += f(x[i:i+rows])*x[i:i+rows].numel()
    return total
''', 'sum over the rows'), ('''
def mean_in_blocks(f, x, rows):
    total = 0
    for i in range(0, len(x), rows): total += f(x[i:i+rows])*rows
    return total/len(x)
''', 'counts as a full one')]}
