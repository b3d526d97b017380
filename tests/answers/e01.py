"Right answers written in another way, and wrong ones that are not edits of the solution: (answer, part of what `check` says)"
RIGHT = {
'01.1': ['''
def stored_numbers(t):
    n = 1
    for size,stride in zip(t.shape, t.stride()):
        if stride!=0: n *= size
    return n
''', '''
def stored_numbers(t): return tensor([n for n,s in zip(t.shape, t.stride()) if s]).prod().int()
''', '''
def stored_numbers(t):
    repeats = math.prod(n for n,s in zip(t.shape, t.stride()) if s==0)
    return t.numel()//repeats
''', '''
def stored_numbers(t):
    places = {0}
    for n,s in zip(t.shape, t.stride()): places = {p+i*s for p in places for i in range(n)}
    return len(places)
''', '''
def stored_numbers(t):
    n = 1
    for axis in range(t.ndim): n = n * (t.size(axis) if t.stride(axis)>0 else 1)
    return n
'''],
'01.2': ['''
def centre_rows(x): return x - x.mean(1)[:,None]
''', '''
def centre_rows(x):
    out = torch.zeros(x.shape)
    for i in range(len(x)):
        for j in range(x.shape[1]): out[i,j] = x[i,j] - x[i].mean()
    return out
''', '''
def centre_rows(x): return (x.t() - x.mean(1)).t()
''', '''
def centre_rows(x):
    out = x.clone()
    for row in out: row -= row.sum()/len(row)
    return out
''', '''
def centre_rows(x):
    m = x.shape[1]
    return x @ (torch.eye(m) - 1/m)
'''],
'01.3': ['''
def matmul_outer(a, b): return sum(torch.outer(a[:,k], b[k]) for k in range(a.shape[1]))
''', '''
def matmul_outer(a, b):
    out = 0
    for col,row in zip(a.t(), b): out = out + col[:,None]*row[None]
    return out
''', '''
def matmul_outer(a, b):
    n,m = a.shape
    out = torch.zeros((n, b.shape[1]), dtype=b.dtype)
    for k in range(m): out.add_(a[:,k:k+1]*b[k:k+1])
    return out
''', '''
def matmul_outer(a, b):
    parts = []
    for k in range(b.shape[0]): parts.append(torch.einsum('i,j->ij', a[:,k], b[k]))
    return torch.stack(parts).sum(0)
''', '''
def matmul_outer(a, b):
    out = a[:,:1]@b[:1]
    for k in range(1, len(b)): out = torch.addr(out, a[:,k], b[k])
    return out
''', '''
def matmul_outer(a, b):
    import numpy as np
    x,y = a.numpy(),b.numpy()
    out = np.zeros((len(x), y.shape[1]), x.dtype)
    for k in range(len(y)): out += np.outer(x[:,k], y[k])
    return torch.from_numpy(out)
'''],
'01.4': ['''
def sq_dists(a, b): return torch.cdist(a, b)**2
''', '''
def sq_dists(a, b):
    return a.square().sum(-1).unsqueeze(1) + b.square().sum(-1).unsqueeze(0) - 2*torch.einsum('ik,jk->ij', a, b)
''', '''
def sq_dists(a, b):
    rows = torch.cat([a, b])
    g = rows @ rows.t()
    d = g.diag()
    return (d[:,None] - 2*g + d)[:len(a),len(a):]
''', '''
def sq_dists(a, b):
    one,two = torch.ones_like(a),torch.ones_like(b)
    return torch.cat([a*a, a, one], 1) @ torch.cat([two, -2*b, b*b], 1).t()
''', '''
def sq_dists(a, b):
    out = torch.addmm(b.norm(dim=1)**2, a, b.t(), alpha=-2)
    return out + (a.norm(dim=1)**2)[:,None]
''']}
WRONG = {
'01.1': [('''
def stored_numbers(t):
    n = 1
    for size in t.shape: n *= size
    return n
''', 'These are the elements'), ('''
def stored_numbers(t):
    n = 0
    for i in range(t.ndim):
        if t.stride(i)!=0: n += t.size(i)
    return n
''', 'must be multiplied'), ('''
def stored_numbers(t): return len(t.untyped_storage().tolist()) // t.element_size()
''', 'This is the whole storage'), ('''
def stored_numbers(t):
    n = 4
    for size,stride in zip(t.shape, t.stride()):
        if stride: n *= size
    return n
''', '4 times the right one')],
'01.2': [('''
def centre_rows(x):
    means = torch.stack([row.mean() for row in x])
    return x - means
''', 'Keep their axis'), ('''
def centre_rows(x):
    for i in range(len(x)): x[i] -= x[i].mean()
    return x
''', '`x` itself is changed'), ('''
def centre_rows(x): return torch.stack([c-c.mean() for c in x.t()]).t()
''', 'This centres the columns'), ('''
def centre_rows(x): return torch.stack([r-r.mean() for r in x]).t()
''', 'transposed'), ('''
def centre_rows(x): return x.mean(1)[:,None] - x
''', 'The sign is wrong')],
'01.3': [('''
def matmul_outer(a, b):
    out = torch.zeros(len(a), b.shape[1])
    for k in range(a.shape[1]): out += torch.outer(a[:,k], b[k])
    return out
''', 'The result is float32'), ('''
def matmul_outer(a, b):
    for k in range(a.shape[1]): out = torch.outer(a[:,k], b[k])
    return out
''', 'Only the last outer product'), ('''
def matmul_outer(a, b): return torch.einsum('ik,kj->ij', a, b)
''', 'no outer product for each place'), ('''
def matmul_outer(a, b): return torch.stack([(r[:,None]*b).sum(0) for r in a])
''', 'no outer product for each place'), ('''
def matmul_outer(a, b):
    out = torch.zeros(len(a), b.shape[1], dtype=a.dtype)
    for i in range(len(a)):
        for j in range(b.shape[1]):
            for k in range(len(b)): out[i,j] += a[i,k]*b[k,j]
    return out
''', 'more than 39 operations: True'), ('''
def matmul_outer(a, b): return sum(torch.outer(b[k], a[:,k]) for k in range(len(b)))
''', 'transposed')],
'01.4': [('''
def sq_dists(a, b):
    diff = a.unsqueeze(1) - b.unsqueeze(0)
    return diff.square().sum(-1)
''', 'a tensor of n·m·p numbers'), ('''
def sq_dists(a, b):
    out = torch.zeros(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)): out[i,j] = ((a[i]-b[j])**2).sum()
    return out
''', 'a loop: True'), ('''
def sq_dists(a, b): return torch.cdist(a, b)
''', 'Their squares are asked for'), ('''
def sq_dists(a, b):
    squares = a.pow(2).mean(1)[:,None] + b.pow(2).mean(1)
    return squares - 2*a@b.t()/a.shape[1]
''', 'too small by a factor of m'), ('''
def sq_dists(a, b): return torch.cdist(b, a)**2
''', 'transposed')]}
