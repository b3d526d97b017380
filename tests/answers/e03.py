"Answers to the exercises of 03: right ones, written in another way than the solution, and wrong ones that are no edits of it"
RIGHT = {
'03.1': ['''
def count_params(m, nh, c): return (m+1)*nh + (nh+1)*c
''', '''
def count_params(m, nh, c):
    total = 0
    for n_in,n_out in ((m, nh), (nh, c)):
        for _ in range(n_out): total += n_in + 1
    return total
''', '''
def count_params(m, nh, c):
    shapes = (m, nh), (nh,), (nh, c), (c,)
    return sum(torch.zeros(o).numel() for o in shapes)
''', '''
def count_params(m, nh, c):
    net = torch.nn.Sequential(torch.nn.Linear(m, nh), torch.nn.ReLU(), torch.nn.Linear(nh, c))
    return sum(p.numel() for p in net.parameters())
''', '''
def count_params(m, nh, c):
    sizes = [m, nh, c]
    return sum(math.prod(o)+o[1] for o in zip(sizes, sizes[1:]))
'''],
'03.2': ['''
def max_net():
    return tensor([[-1., 1., -1.], [1., 0., 0.]]), torch.zeros(3), tensor([[1.], [1.], [-1.]]), torch.zeros(1)
''', '''
def max_net():
    w1 = torch.zeros(2, 3)
    w1[:,0] = tensor([2., -2.])
    w1[1,1:] = tensor([4., -4.])
    w2 = tensor([.5, .25, -.25])[:,None]
    return w1, torch.zeros(3), w2, torch.zeros(1)
''', '''
def max_net():
    w1 = tensor([[0., 1.], [1., -1.], [0., -1.]]).t()
    return w1, tensor([0., 0., 0.]), tensor([[1., 1., -1.]]).t(), tensor([0.])
''', '''
def max_net():
    cols = [tensor([0., -1.]), tensor([0., 1.]), tensor([1., -1.])]
    w2 = tensor([-1., 1., 1.]).view(3, 1)
    return [torch.stack(cols, 1), torch.zeros(3), w2, torch.zeros(1)]
''', '''
def max_net():
    a,b = torch.eye(2)
    w1 = torch.stack([b-a, -a, a]).t()
    w2 = torch.ones(3, 1)
    w2[1] = -1
    return w1, torch.zeros(3), w2, torch.zeros(1)
'''],
'03.3': ['''
def mse_blocks(out, targ, rows):
    total = 0
    for i in range(0, len(out), rows):
        total += (out[i:i+rows]-targ).square().sum()
    return total/len(out)**2
''', '''
def mse_blocks(out, targ, rows):
    total,i = 0.,0
    while i<len(out):
        d = targ - out[i:i+rows]
        total = total + torch.einsum('ij,ij->', d, d)
        i += rows
    return total/out.numel()/targ.numel()
''', '''
def mse_blocks(out, targ, rows):
    total = torch.zeros(())
    for o in out[:,0]:
        for t in targ: total += (o-t)**2
    return total/(out.numel()*targ.numel())
''', '''
def mse_blocks(out, targ, rows):
    means,sizes = [],[]
    for o in out.split(rows):
        means.append((o-targ[None])**2)
        means[-1] = means[-1].mean()
        sizes.append(len(o)/len(out))
    return (torch.stack(means)*tensor(sizes)).sum()
''', '''
def mse_blocks(out, targ, rows):
    gap = out.mean()-targ.mean()
    return gap**2 + out.var(correction=0) + targ.var(correction=0)
'''],
'03.4': ['''
def best_names(out, y):
    means = [out[y==c].mean().item() for c in range(10)]
    return tensor([sorted(means).index(o) for o in means])
''', '''
def best_names(out, y):
    means = torch.zeros(10).index_add(0, y, out[:,0])/torch.bincount(y, minlength=10)
    names = torch.zeros(10, dtype=torch.int64)
    names[means.argsort()] = torch.arange(10)
    return names
''', '''
def best_names(out, y):
    sums = [sum(o.item() for o,k in zip(out, y) if k==c) for c in range(10)]
    return tensor([sum(b<a for b in sums) for a in sums])
''', '''
def best_names(out, y):
    means = torch.stack([out.flatten()[y==c].mean() for c in range(10)])
    return (means[:,None]>means[None]).sum(1)
''', '''
def best_names(out, y):
    order = sorted(range(10), key=lambda c: out[y==c].mean())
    names = torch.arange(10)
    for place,c in enumerate(order): names[c] = place
    return names
''']}

WRONG = {
'03.1': [('''
def count_params(m, nh, c): return nh*(m+c)
''', 'The biases are missing'), ('''
def count_params(m, nh, c):
    first = (m+1)*nh
    second = nh*c
    return first+second
''', 'biases of the outputs'), ('''
def count_params(m, nh, c):
    return sum(n_in*(n_out+1) for n_in,n_out in ((m, nh), (nh, c)))
''', 'not to an input'), ('''
def count_params(m, nh, c): return (m+1.)*nh + (nh+1.)*c
''', 'a whole number is asked for'), ('''
def count_params(m, nh, c):
    w1,b1,w2,b2 = torch.zeros(m, nh),torch.zeros(nh),torch.zeros(nh, c),torch.zeros(c)
    return [o.numel() for o in (w1, b1, w2, b2)]
''', 'It is 4 values')],
'03.2': [('''
def max_net():
    return tensor([[1., 0.], [-1., 1.]]), torch.zeros(2), torch.ones(2, 1), torch.zeros(1)
''', 'In hidden units: It is 2, where 3'), ('''
def max_net():
    w1 = torch.stack([tensor([1., -1.]), tensor([1., 0.]), tensor([-1., 0.])], 1)
    return w1, torch.zeros(3), tensor([[-1.], [1.], [-1.]]), torch.zeros(1)
''', 'the smaller'), ('''
def max_net():
    w1 = tensor([[1., 0., 0.], [-1., 1., -1.]])
    return w1, torch.zeros(3), tensor([1., 1., -1.]), torch.zeros(1)
''', 'ValueError'), ('''
def max_net():
    w1 = tensor([[1., -1.], [0., 1.], [0., -1.]])
    return w1, torch.zeros(3), tensor([[1.], [1.], [-1.]]), torch.zeros(1)
''', 'ValueError'), ('''
def max_net():
    a,b = torch.eye(2)
    return torch.stack([a-b, b, b*0], 1), torch.zeros(3), torch.ones(3, 1), torch.zeros(1)
''', 'negative b is lost')],
'03.3': [('''
def mse_blocks(out, targ, rows): return torch.mean((out-targ)**2)
''', 'whole table'), ('''
def mse_blocks(out, targ, rows):
    means = []
    for i in range(0, len(out), rows):
        d = out[i:i+rows]-targ
        means.append((d**2).mean())
    return torch.stack(means).mean()
''', 'mean of the means'), ('''
def mse_blocks(out, targ, rows):
    s = 0.
    for k in range(len(out)//rows):
        s += ((out[k*rows:(k+1)*rows]-targ)**2).sum().item()
    return s/len(out)**2
''', 'last block is lost'), ('''
def mse_blocks(out, targ, rows):
    s = 0.
    for i in range(0, len(out), rows):
        s += ((out[i:i+rows,0]-targ[i:i+rows])**2).sum()
    return s/len(out)
''', 'only its own target'), ('''
def mse_blocks(out, targ, rows):
    s = 0.
    for o in out: s += ((o-targ)**2).sum()
    return s/len(out)
''', 'too large by a factor of n')],
'03.4': [('''
def best_names(out, y):
    means = tensor([out[y==c].mean() for c in range(10)])
    return means.sort().indices
''', 'the order of the classes'), ('''
def best_names(out, y):
    means = tensor([-out[y==c].mean() for c in range(10)])
    return means.argsort().argsort()
''', 'the wrong way'), ('''
def best_names(out, y):
    res = []
    for c in range(10): res.append(int(out[y==c].mean().round()))
    return tensor(res)
''', 'no permutation'), ('''
def best_names(out, y):
    means = [out[y==c].mean().item() for c in range(10)]
    return [sorted(means).index(o) for o in means]
''', 'It is 10 values, where a tensor'), ('''
def best_names(out, y):
    names = torch.zeros(10)
    names[tensor([out[y==c].mean() for c in range(10)]).argsort()] = torch.arange(10.)
    return names
''', 'dtype is torch.float32')]}
